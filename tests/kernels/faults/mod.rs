//! Planted faults, each found by the check of its kernel, and the comparison that refuses what is wrong.

mod backward;
mod barriers;
mod comparison;
mod forward;
mod forward_backward;
mod fused_backward;
mod fused_update;
mod muon;
mod refused;
mod update;
mod whitened;

use gpu_train::gpu::wgsl::kernels::{FUSED, LAYERED};
use libtest_mimic::{Failed, Trial};
use naga::valid::{Capabilities, ValidationFlags, Validator};

use crate::alone::{Ready, Single, cases};
use crate::common;

/// The first number of a switch: no set here has as many chunks.
const FIRST_SWITCH: u32 = 100;

/// A case, made when it is needed.
pub type Setting = Box<dyn Fn() -> Ready>;

/// A fault that the check of a kernel must find.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub name: &'static str,
    /// The kernel it is planted in; its parts count as well.
    pub kernel: &'static str,
    /// (text, replacement): each text occurs exactly once. If a part of it, an expression, is in « », only that is replaced,
    /// and the rest says where.
    pub edits: &'static [(&'static str, &'static str)],
    /// True if it may have no effect on some device, because it only removes an order.
    pub barrier: bool,
    /// The cases that may find it, the cheapest first.
    pub settings: fn(&'static str) -> Vec<Setting>,
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
        settings: of_kernel,
    }
}

/// The kernel's cases, the small ones first; the size of the real set is left to the check itself.
fn of_kernel(kernel: &'static str) -> Vec<Setting> {
    let mut cases = cases();
    cases.retain(|case| case.kernel == kernel && [65, 1_757].contains(&case.examples));
    cases.sort_by_key(|case| case.examples);
    let settings = cases.into_iter();
    settings
        .map(|case| Box::new(move || Ready::new(case)) as Setting)
        .collect()
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

/// The faults that are planted each into its own text.
fn one_by_one() -> impl Iterator<Item = Fault> {
    let forward = forward::FAULTS.iter();
    let backward = backward::FAULTS.iter();
    let layered = forward.chain(backward).chain(update::FAULTS);
    let layered = layered.chain(muon::FAULTS).chain(whitened::FAULTS);
    let fused = forward_backward::ALONE.iter().chain(fused_update::FAULTS);
    layered.chain(fused).copied()
}

/// All faults.
fn all() -> impl Iterator<Item = Fault> {
    let together = forward_backward::TOGETHER
        .iter()
        .flat_map(|(_, faults)| *faults);
    one_by_one().chain(together.copied())
}

impl Fault {
    /// The WGSL with the fault in it.
    fn planted(&self, wgsl: &str) -> Result<String, String> {
        self.edited(wgsl, |_, to| to.to_owned())
    }

    /// The WGSL with the fault in it where `params.chunks`, which the kernel does not read, is this number.
    fn switched(&self, wgsl: &str, number: u32) -> Result<String, String> {
        self.edited(wgsl, |from, to| {
            format!("select({from}, {to}, params.chunks == {number}u)")
        })
    }

    fn edited(&self, wgsl: &str, edit: impl Fn(&str, &str) -> String) -> Result<String, String> {
        let mut text = wgsl.to_owned();
        for (from, to) in self.edits {
            let (before, marked) = from.split_once('«').unwrap_or(("", from));
            let (expression, after) = marked.split_once('»').unwrap_or((marked, ""));
            let whole = format!("{before}{expression}{after}");
            let count = text.matches(&whole).count();
            if count != 1 {
                return Err(format!("found {count} times, expected once: {from}"));
            }
            let edited = format!("{before}{}{after}", edit(expression, to));
            text = text.replace(&whole, &edited);
        }
        let module = naga::front::wgsl::parse_str(&text).map_err(|e| e.emit_to_string(&text))?;
        Validator::new(ValidationFlags::all(), Capabilities::empty())
            .validate(&module)
            .map_err(|error| format!("the planted fault does not compile: {error:?}"))?;
        Ok(text)
    }

    fn settings(&self) -> Vec<Setting> {
        (self.settings)(self.kernel)
    }
}

/// Fails unless one of the kernel's cases accepts the kernel as it is and rejects it with the fault.
fn found(adapter: &wgpu::Adapter, fault: Fault) -> Result<(), String> {
    let single = Single::open(adapter).map_err(|error| error.to_string())?;
    for setting in fault.settings() {
        let ready = setting();
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
            println!("{}: {}: {found}", fault.name, ready.name());
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

/// Fails unless each fault of a list, all planted into one text, is found when it is switched on, and only then.
fn found_together(adapter: &wgpu::Adapter, faults: &[Fault]) -> Result<(), String> {
    let single = Single::open(adapter).map_err(|error| error.to_string())?;
    let ready = |fault: &Fault| fault.settings()[0]();
    let sound = ready(&faults[0]).wgsl().to_owned();
    if sound.contains("params.chunks") {
        return Err("the kernel reads the switch".into());
    }
    let mut text = sound.clone();
    for (fault, number) in faults.iter().zip(FIRST_SWITCH..) {
        let switched = fault.switched(&text, number);
        text = switched.map_err(|error| format!("{}: {error}", fault.name))?;
    }
    let mut missed = Vec::new();
    for (fault, number) in faults.iter().zip(FIRST_SWITCH..) {
        let mut ready = ready(fault);
        if ready.wgsl() != sound {
            return Err(format!("{} is about another text", fault.name));
        }
        let verdict = |ready: &Ready| {
            let verdict = ready.verdict(&single, Some(text.clone()));
            verdict.map_err(|error| error.to_string())
        };
        verdict(&ready)?.map_err(|error| format!("{}, switched off: {error}", fault.name))?;
        ready.switch(number);
        match verdict(&ready)? {
            Err(found) => println!("{}: {}: {found}", fault.name, ready.name()),
            Ok(()) => missed.push(fault.name),
        }
    }
    if missed.is_empty() {
        return Ok(());
    }
    Err(format!("not found: {}", missed.join(", ")))
}

/// All trials: of the comparison, the barriers and the list itself, of each fault, and of what a device refuses.
pub fn trials() -> Vec<Trial> {
    let mut trials = comparison::trials();
    trials.extend(barriers::trials());
    trials.extend(of_the_list());
    let check = |fault| move |adapter: &wgpu::Adapter| Ok::<_, Failed>(found(adapter, fault)?);
    let tests = one_by_one().map(|fault| (format!("found::{}", fault.name), check(fault)));
    trials.extend(common::adapter_trials(&tests.collect::<Vec<_>>()));
    let together = forward_backward::TOGETHER.map(|(name, faults)| {
        let check = move |adapter: &wgpu::Adapter| Ok(found_together(adapter, faults)?);
        let count = faults.len();
        (
            format!("found::forward_backward_{name}_{count}_faults"),
            check,
        )
    });
    trials.extend(common::adapter_trials(&together));
    trials.extend(common::adapter_trials(&refused::TESTS));
    trials
}

/// The list of faults without a device: every fault can be planted, and every kernel has one.
fn of_the_list() -> Vec<Trial> {
    let planted = Trial::test("faults::each_can_be_planted", || {
        for fault in all() {
            let planted = fault.planted(fault.settings()[0]().wgsl());
            planted.map_err(|error| format!("{}: {error}", fault.name))?;
        }
        Ok(())
    });
    let named = Trial::test("faults::every_kernel_has_one", || {
        for kernel in LAYERED.into_iter().chain(FUSED) {
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
