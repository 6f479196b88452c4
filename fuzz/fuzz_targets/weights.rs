//! Weights as safetensors.

#![no_main]

use std::path::Path;

use gpu_train::weights;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("input");
    let Ok(net) = weights::decode(bytes, path) else {
        return;
    };
    assert!(net.parameters.flat().iter().all(|value| value.is_finite()));
    if let Some(functions) = net.functions {
        let again = weights::encode(&net.parameters, functions);
        assert_eq!(weights::decode(&again, path).unwrap(), net);
    }
});
