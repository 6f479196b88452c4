//! The files in the user's cache folder: kernels chosen before, and the hash in front of compiled pipelines.

#![no_main]

use gpu_train::gpu::{Variant, stored_choice, stored_pipelines, with_choice};
use libfuzzer_sys::fuzz_target;

/// The key of the seeds.
const KEY: &str = "adapter";

fuzz_target!(|bytes: &[u8]| {
    if let Some(variant) = stored_choice(bytes, KEY) {
        assert_eq!(variant.to_string().parse(), Ok(variant));
    }
    let added = with_choice(bytes, "another".into(), Variant::Layered);
    assert_eq!(stored_choice(&added, "another"), Some(Variant::Layered));
    let again = with_choice(&added, "another".into(), Variant::Layered);
    assert_eq!(again, added);
    if let Some((hash, data)) = stored_pipelines(bytes.to_vec()) {
        assert_eq!([&hash[..], &data].concat(), bytes);
    }
});
