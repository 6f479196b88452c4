//! IDX files, plain or gzipped: MNIST's bytes, and the 16-bit codes of the embedded digits.

#![no_main]

use std::io::BufRead;
use std::path::Path;

use gpu_train::data::{idx, prepare};
use gpu_train::file;
use libfuzzer_sys::fuzz_target;

/// Small, so that an execution is short. The reader refuses any other shape before it allocates.
const IMAGES: [usize; 3] = [2, 16, 16];
const LABELS: [usize; 1] = [2];

fn stream(bytes: &[u8]) -> Box<dyn BufRead + '_> {
    file::unzipped(bytes).expect("memory can be read")
}

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("input");
    if let Ok(levels) = idx::decode::<u8>(stream(bytes), path, &IMAGES) {
        assert_eq!(levels.len(), 512);
        let again = idx::encode(&IMAGES, &levels);
        assert_eq!(
            idx::decode::<u8>(&again[..], path, &IMAGES).unwrap(),
            levels
        );
    }
    if let Ok(codes) = idx::decode::<i16>(stream(bytes), path, &IMAGES) {
        // The next step of the program.
        let _ = prepare::dataset(path, &codes, path, vec![3, 9]);
    }
    if let Ok(labels) = idx::decode::<u8>(stream(bytes), path, &LABELS) {
        let _ = prepare::dataset(path, &[0; 512], path, labels);
    }
});
