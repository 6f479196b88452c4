//! Pictures of a digit, up to the codes that are the input of the net.

#![no_main]

use std::path::Path;

use gpu_train::data::mnist1989::DENOMINATOR;
use gpu_train::predict::normalise;
use gpu_train_program::decode::decode_within;
use libfuzzer_sys::fuzz_target;

/// Smaller than the program's own limit, at which a picture takes seconds under a sanitizer.
const PIXEL_LIMIT: u64 = 1 << 18;

fuzz_target!(|bytes: &[u8]| {
    let Ok(grey) = decode_within(bytes, Path::new("input"), PIXEL_LIMIT) else {
        return;
    };
    assert!(grey.levels.len() as u64 <= PIXEL_LIMIT);
    if let Ok(codes) = normalise::normalise(&grey) {
        assert!(codes.iter().all(|&code| code <= 2 * DENOMINATOR));
        // At least one pixel is ink.
        assert!(codes.iter().any(|&code| code > 0));
    }
});
