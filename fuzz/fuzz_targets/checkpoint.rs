//! Checkpoints.

#![no_main]

use std::path::Path;

use gpu_train::checkpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("input");
    let Ok(found) = checkpoint::decode(bytes, path) else {
        return;
    };
    assert!(found.state.is_finite());
    assert_eq!(found.state.step, found.past.step);
    let again = checkpoint::encode(&found.origin, &found.state, &found.past).unwrap();
    // Compared as bytes, because an evaluation's loss may be NaN.
    let found = checkpoint::decode(&again, path).unwrap();
    let twice = checkpoint::encode(&found.origin, &found.state, &found.past).unwrap();
    assert_eq!(twice, again);
});
