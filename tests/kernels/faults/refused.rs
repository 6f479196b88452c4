//! Refusals of a device, which are errors, not results.

use gpu_train::error::Error;
use libtest_mimic::Failed;

use crate::alone::{Ready, Single, cases};
use crate::common::AdapterTest;

pub const TESTS: [(&str, AdapterTest); 3] = [
    ("refused::wgsl", |adapter| {
        refused(adapter, |wgsl| wgsl.replace("fn main(", "fn main(("))
    }),
    // A store to what is only read.
    ("refused::binding", |adapter| {
        refused(adapter, |wgsl| wgsl.replace("read_write", "read"))
    }),
    ("refused::workgroup_size", |adapter| {
        refused(adapter, |wgsl| {
            wgsl.replace("@workgroup_size(LANES)", "@workgroup_size(1u << 20u)")
        })
    }),
];

/// Fails unless the device's own error comes back; a device that has failed stays so.
fn refused(adapter: &wgpu::Adapter, spoil: impl Fn(&str) -> String) -> Result<(), Failed> {
    let case = cases().into_iter().find(|case| case.kernel == "sgd");
    let ready = Ready::new(case.ok_or("no case")?);
    let single = Single::open(adapter)?;
    ready.verdict(&single, None)??;
    let spoiled = spoil(ready.wgsl());
    assert_ne!(spoiled, ready.wgsl());
    for wgsl in [Some(spoiled), None] {
        match ready.verdict(&single, wgsl) {
            Err(Error::Device(_)) => {}
            other => return Err(format!("found {other:?}, expected an error").into()),
        }
    }
    Ok(())
}
