//! A planted fault, and the proof that it is found.

use gpu_train::gpu::Single;
use libtest_mimic::Trial;
use naga::valid::{Capabilities, ValidationFlags, Validator};

use crate::alone::{Case, Ready, cases};
use crate::barriers;
use crate::{faults_backward, faults_forward, faults_update};

/// What the check of a kernel is to find.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub name: &'static str,
    /// The kernel it is planted in; a shared file counts as part of it.
    pub kernel: &'static str,
    /// (text, what it becomes): each text is there exactly once.
    pub edits: &'static [(&'static str, &'static str)],
    /// Whether it may stay without effect on some device, because it only takes away an order.
    pub barrier: bool,
}

/// A fault of one edit.
pub const fn fault(
    name: &'static str,
    kernel: &'static str,
    edits: &'static [(&'static str, &'static str)],
) -> Fault {
    Fault {
        name,
        kernel,
        edits,
        barrier: false,
    }
}

/// A fault that takes away a barrier.
pub const fn barrier(
    name: &'static str,
    kernel: &'static str,
    edits: &'static [(&'static str, &'static str)],
) -> Fault {
    Fault {
        barrier: true,
        ..fault(name, kernel, edits)
    }
}

/// All faults, in the order of a step.
pub fn all() -> impl Iterator<Item = Fault> {
    let forward = faults_forward::FAULTS.iter();
    let backward = faults_backward::FAULTS.iter();
    let all = forward.chain(backward).chain(faults_update::FAULTS);
    all.copied()
}

impl Fault {
    /// The WGSL with the fault in it.
    fn planted(&self, wgsl: &str) -> Result<String, String> {
        let mut text = wgsl.to_owned();
        for (from, to) in self.edits {
            let count = text.matches(from).count();
            if count != 1 {
                return Err(format!("found {count} times, expected once: {from}"));
            }
            text = text.replace(from, to);
        }
        let module = naga::front::wgsl::parse_str(&text).map_err(|e| e.emit_to_string(&text))?;
        Validator::new(ValidationFlags::all(), Capabilities::empty())
            .validate(&module)
            .map_err(|error| format!("the planted fault does not compile: {error:?}"))?;
        Ok(text)
    }

    /// The kernel's cases, the small ones first; the real set's size is left to the check itself.
    fn cases(&self) -> Vec<Case> {
        let mut cases = cases();
        cases.retain(|case| case.kernel == self.kernel && [65, 1_757].contains(&case.examples));
        cases.sort_by_key(|case| case.examples);
        cases
    }
}

/// Fails unless one of the kernel's cases accepts the kernel as it is and rejects it with the fault.
pub fn found(adapter: &wgpu::Adapter, fault: Fault) -> Result<(), String> {
    let single = Single::open(adapter).map_err(|error| error.to_string())?;
    for case in fault.cases() {
        let ready = Ready::new(case);
        let planted = fault.planted(ready.wgsl())?;
        if fault.barrier {
            barriers::check(ready.wgsl())?;
            if let Ok(count) = barriers::check(&planted) {
                return Err(format!("{count} barriers, and none is missed"));
            }
        }
        // A kernel that is refused by the device, or loses it, is not a fault that was found.
        let verdict = ready.verdict(&single, Some(planted));
        if let Err(found) = verdict.map_err(|error| error.to_string())? {
            let sound = ready.verdict(&single, None);
            sound.map_err(|error| error.to_string())??;
            println!("{}: {case}: {found}", fault.name);
            return Ok(());
        }
    }
    if fault.barrier {
        println!(
            "{}: no effect here, found by the order of statements",
            fault.name
        );
        return Ok(());
    }
    Err("the fault was not found".into())
}

/// What holds of the list of faults without a device: every fault can be planted, and every kernel has one.
pub fn trials() -> Vec<Trial> {
    let planted = Trial::test("faults::each_can_be_planted", || {
        for fault in all() {
            let case = fault.cases()[0];
            let planted = fault.planted(Ready::new(case.of(1)).wgsl());
            planted.map_err(|error| format!("{}: {error}", fault.name))?;
        }
        Ok(())
    });
    let named = Trial::test("faults::every_kernel_has_one", || {
        for kernel in &gpu_train::gpu::kernels::KERNELS {
            if !all().any(|fault| fault.kernel == kernel.name) {
                return Err(format!("{} has none", kernel.name).into());
            }
        }
        let mut names: Vec<_> = all().map(|fault| fault.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        if names.len() == count {
            return Ok(());
        }
        Err("a name twice".into())
    });
    vec![planted, named]
}
