//! A planted fault, and the proof that it is found.

use gpu_train::gpu::Single;
use gpu_train::gpu::kernels::{FUSED, KERNELS};
use libtest_mimic::Trial;
use naga::valid::{Capabilities, ValidationFlags, Validator};

use crate::alone::{Ready, cases};
use crate::barriers;
use crate::{
    faults_backward, faults_forward, faults_fused_update, faults_muon, faults_pass, faults_update,
};

/// Numbers of switches: no set here has so many chunks.
const FIRST_SWITCH: u32 = 100;

/// A case to be made when it is wanted.
pub type Setting = Box<dyn Fn() -> Ready>;

/// What the check of a kernel is to find.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub name: &'static str,
    /// The kernel it is planted in; a shared file counts as part of it.
    pub kernel: &'static str,
    /// (text, what it becomes): each text is there exactly once. Where a part of it stands in « », an expression, that is
    /// what the second replaces, and the rest only says where.
    pub edits: &'static [(&'static str, &'static str)],
    /// Whether it may stay without effect on some device, because it only takes away an order.
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

/// The kernel's cases, the small ones first; the real set's size is left to the check itself.
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

/// The faults that are planted each into a text of its own.
pub fn one_by_one() -> impl Iterator<Item = Fault> {
    let forward = faults_forward::FAULTS.iter();
    let backward = faults_backward::FAULTS.iter();
    let layered = forward.chain(backward).chain(faults_update::FAULTS);
    let layered = layered.chain(faults_muon::FAULTS);
    let fused = faults_pass::ALONE.iter().chain(faults_fused_update::FAULTS);
    layered.chain(fused).copied()
}

/// All faults.
pub fn all() -> impl Iterator<Item = Fault> {
    let together = faults_pass::TOGETHER.iter().flat_map(|(_, faults)| *faults);
    one_by_one().chain(together.copied())
}

impl Fault {
    /// The WGSL with the fault in it.
    fn planted(&self, wgsl: &str) -> Result<String, String> {
        self.edited(wgsl, |_, to| to.to_owned())
    }

    /// The WGSL with the fault in it where `run.chunks`, which the kernel does not read, is this number.
    fn switched(&self, wgsl: &str, number: u32) -> Result<String, String> {
        self.edited(wgsl, |from, to| {
            format!("select({from}, {to}, run.chunks == {number}u)")
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
pub fn found(adapter: &wgpu::Adapter, fault: Fault) -> Result<(), String> {
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
pub fn found_together(adapter: &wgpu::Adapter, faults: &[Fault]) -> Result<(), String> {
    let single = Single::open(adapter).map_err(|error| error.to_string())?;
    let ready = |fault: &Fault| fault.settings()[0]();
    let sound = ready(&faults[0]).wgsl().to_owned();
    if sound.contains("run.chunks") {
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

/// What holds of the list of faults without a device: every fault can be planted, and every kernel has one.
pub fn trials() -> Vec<Trial> {
    let planted = Trial::test("faults::each_can_be_planted", || {
        for fault in all() {
            let planted = fault.planted(fault.settings()[0]().wgsl());
            planted.map_err(|error| format!("{}: {error}", fault.name))?;
        }
        Ok(())
    });
    let named = Trial::test("faults::every_kernel_has_one", || {
        for kernel in KERNELS.iter().chain(&FUSED) {
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
