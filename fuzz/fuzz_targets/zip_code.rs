//! The text of zip-code digits, plain or gzipped.

#![no_main]

use std::path::Path;

use gpu_train::data::zip_code;
use gpu_train::file;
use libfuzzer_sys::fuzz_target;

/// Smaller than the program's own limit, so that a fuzzer can reach it.
const TEXT_LIMIT: u64 = 1 << 16;

fuzz_target!(|bytes: &[u8]| {
    let stream = file::unzipped(bytes).expect("memory can be read");
    if let Ok(digits) = zip_code::parse(stream, Path::new("input"), TEXT_LIMIT) {
        // A value takes at least two bytes of text.
        assert!(digits.len() as u64 * 2 * 257 <= TEXT_LIMIT + 1);
    }
});
