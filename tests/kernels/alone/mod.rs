//! One kernel alone against its reference: only its buffers, random contents, one dispatch of the plan.
//!
//! Outputs are filled with a NaN first, and every buffer is longer than the kernel needs: everything that the kernel must
//! not write has to be unchanged, padding that it writes has to be zero, and a read past the end gives a NaN.

mod backward;
mod bounds;
mod cases;
mod device;
mod forward;
mod forward_backward;
mod fused_update;
mod poison;
mod setup;
mod update;
mod whitened;

use std::sync::Arc;

use gpu_train::error::Error;
use gpu_train::gpu::step::plan::{Access, Dispatch, Shader};
use gpu_train::gpu::wgsl::kernels::LAYERED;
use gpu_train::gpu::{Program, Sizes, Variant};

use libtest_mimic::{Failed, Trial};

use crate::common::compare::close;
pub use cases::{Case, Data, cases};
pub use device::Single;
pub use forward_backward::{ForwardBackwardCase, forward_backward_cases, other_shapes};
pub use fused_update::update_cases;
use setup::Setup;
use setup::{AFTER_END, Expected, Number, UNREADABLE, UNWRITTEN};

/// Kernels that both variants have.
const OF_MATRICES: [&str; 4] = ["muon", "whiten", "orthogonal", "unwhiten"];
/// Words after the end of each storage buffer, a whole number of vectors.
const GUARD: usize = 256;

/// A case that is ready to run: its contents, and its results computed by the reference.
pub struct Ready {
    name: String,
    shader: Shader,
    dispatch: Dispatch,
    contents: Vec<Vec<u32>>,
    setup: Setup,
}

impl Ready {
    pub fn new(case: Case) -> Self {
        let recipe = case.recipe();
        let sizes = Sizes::of(case.examples, case.examples);
        let program = Program::build(&recipe, sizes, Variant::Layered).expect("a program");
        // The plan in which the kernel does what the case asks for.
        let plan = match case.kernel {
            "input" if case.shift == 0 => &program.prepare,
            "tally" if !case.is_training => &program.evaluate_train,
            _ => &program.training,
        };
        let dispatch = plan.dispatches.iter().find(|d| d.kernel == case.kernel);
        let dispatch = dispatch.expect("a plan runs the kernel");
        let setup = match case.kernel {
            "input" | "h1_forward" | "h2_forward" | "dropout" | "h3_forward" | "out_forward"
            | "loss" => forward::setup(&case),
            "sgd" | "adamw" | "muon" | "tally" | "reduce_gradient" => update::setup(&case),
            "whiten" | "orthogonal" | "unwhiten" => whitened::setup(&case),
            _ => backward::setup(&case),
        };
        let params = program.params(dispatch).expect("its uniform");
        let words = params.words(&recipe, case.denominator());
        Self::of(case.to_string(), &program, dispatch, words, setup)
    }

    /// One dispatch of a program, on the contents of a setup.
    fn of(
        name: String,
        program: &Program,
        dispatch: &Dispatch,
        params: Vec<u32>,
        setup: Setup,
    ) -> Self {
        let shader = program.shader(&dispatch.kernel).expect("its shader");
        let mut contents = vec![params];
        for (binding, buffer) in shader.bindings.iter().zip(&dispatch.buffers).skip(1) {
            let (rest, after_end) = match binding.access {
                Access::Write => (UNWRITTEN, AFTER_END),
                Access::Read | Access::Uniform => (UNREADABLE, UNREADABLE),
            };
            let spec = program.buffers.iter().find(|spec| spec.buffer == *buffer);
            let words = spec.expect("the plan's buffer").bytes as usize / 4;
            let mut content = setup.given(&binding.name).unwrap_or_default().to_vec();
            assert!(content.len() <= words, "{buffer} holds the contents");
            content.resize(words, rest);
            content.resize(words + GUARD, after_end);
            contents.push(content);
        }
        Self {
            name,
            shader: shader.clone(),
            dispatch: dispatch.clone(),
            contents,
            setup,
        }
    }

    /// The name of the case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Puts a number into `params.chunks`, the uniform's second word.
    pub fn switch(&mut self, number: u32) {
        self.contents[0][1] = number;
    }

    /// The kernel's WGSL as the engine composes it.
    pub fn wgsl(&self) -> &str {
        &self.shader.wgsl
    }

    /// Runs the kernel, or other WGSL instead of it. The outer error is the device's, the inner one a wrong result.
    pub fn verdict(
        &self,
        single: &Single,
        wgsl: Option<String>,
    ) -> Result<Result<(), String>, Error> {
        let mut shader = self.shader.clone();
        if let Some(wgsl) = wgsl {
            shader.wgsl = wgsl;
        }
        let after = single.run(&shader, &self.dispatch, &self.contents)?;
        Ok(self.judge(&after))
    }

    fn judge(&self, after: &[Vec<u32>]) -> Result<(), String> {
        let buffers = self.contents.iter().zip(after);
        for (binding, (before, after)) in self.shader.bindings.iter().zip(buffers).skip(1) {
            let binding = binding.name.as_ref();
            let mut written = vec![false; after.len()];
            for expected in self.setup.expected(binding) {
                compare(expected, after)?;
                for &at in &expected.at {
                    assert!(!std::mem::replace(&mut written[at], true), "{binding}");
                }
            }
            for &at in self.setup.zeros(binding) {
                if f32::from_bits(after[at]) != 0.0 {
                    let found = f32::from_bits(after[at]);
                    return Err(format!("{binding}: padding at {at} is {found}, expected 0"));
                }
                written[at] = true;
            }
            for &at in self.setup.unchecked(binding) {
                written[at] = true;
            }
            let changed = |at: &usize| !written[*at] && before[*at] != after[*at];
            if let Some(at) = (0..after.len()).find(changed) {
                let found = f32::from_bits(after[at]);
                return Err(format!("{binding}: {found} was written to unused {at}"));
            }
        }
        Ok(())
    }
}

/// Compares values; where NaN is expected NaN must be found.
fn compare(expected: &Expected, after: &[u32]) -> Result<(), String> {
    let found = expected
        .at
        .iter()
        .map(|&at| expected.number.read(after[at]));
    let (mut numbers, mut values) = (Vec::new(), Vec::new());
    for (at, (found, &value)) in found.zip(&expected.values).enumerate() {
        if !value.is_nan() {
            numbers.push(found);
            values.push(value);
        } else if !found.is_nan() {
            return Err(format!(
                "{}[{at}]: found {found}, expected NaN",
                expected.name
            ));
        }
    }
    close(&expected.name, &numbers, &values, expected.tolerance)
}

impl Number {
    fn read(self, word: u32) -> f64 {
        match self {
            Self::F32 => f32::from_bits(word).into(),
            Self::U32 => word.into(),
        }
    }
}

/// A case's name, and the function that makes it.
type Named = (String, Arc<dyn Fn() -> Ready + Send + Sync>);

/// The check of every case, and of some with poisoned workgroup memory; of the kernels that may run without checks at run
/// time, that they need none.
pub fn trials() -> Vec<Trial> {
    let (mut tests, mut on_poison): (Vec<Named>, Vec<Named>) = (Vec::new(), Vec::new());
    let mut in_bounds: Vec<Named> = Vec::new();
    for case in cases() {
        let ready: Named = (case.to_string(), Arc::new(move || Ready::new(case)));
        if case.examples == 65 && has_workgroup_memory(case.kernel) {
            on_poison.push(ready.clone());
        }
        if case.examples == 65 && OF_MATRICES.contains(&case.kernel) {
            in_bounds.push(ready.clone());
        }
        tests.push(ready);
    }
    let fused = forward_backward_cases().into_iter();
    let mut fused: Vec<Named> = fused
        .map(|case| (case.to_string(), Arc::new(move || case.ready()) as _))
        .collect();
    let updates = update_cases().into_iter();
    fused.extend(updates.map(|case| (case.to_string(), Arc::new(move || case.ready()) as _)));
    on_poison.extend(fused.clone());
    in_bounds.extend(fused.clone());
    tests.extend(fused);
    let shapes = other_shapes().into_iter();
    in_bounds.extend(shapes.map(|case| (case.to_string(), Arc::new(move || case.ready()) as _)));
    let tests = tests.into_iter().map(|(name, ready)| {
        let check = move |adapter: &wgpu::Adapter| {
            let single = Single::open(adapter)?;
            Ok::<_, Failed>(ready().verdict(&single, None)??)
        };
        (name, check)
    });
    let on_poison = on_poison.into_iter().map(|(name, ready)| {
        let check = move |adapter: &wgpu::Adapter| {
            let (single, ready) = (Single::open(adapter)?, ready());
            let wgsl = poison::poisoned(ready.wgsl());
            Ok::<_, Failed>(ready.verdict(&single, Some(wgsl))??)
        };
        (format!("poisoned::{name}"), check)
    });
    let reaches = (
        "poisoned::memory_that_is_not_written_gives_a_nan".to_owned(),
        a_nan_is_found,
    );
    let in_bounds = in_bounds.into_iter().map(|(name, ready)| {
        let check =
            move |adapter: &wgpu::Adapter| ready().stays_in_bounds(&Single::open(adapter)?, None);
        (format!("in_bounds::{name}"), check)
    });
    let is_found = (
        "in_bounds::what_is_wrong_is_found".to_owned(),
        bounds::what_is_wrong_is_found,
    );
    let mut trials = crate::common::adapter_trials(&Vec::from_iter(tests));
    trials.extend(crate::common::adapter_trials(&Vec::from_iter(in_bounds)));
    trials.extend(crate::common::adapter_trials(&[is_found]));
    trials.extend(crate::common::adapter_trials(&Vec::from_iter(on_poison)));
    trials.extend(crate::common::adapter_trials(&[reaches]));
    trials
}

fn has_workgroup_memory(kernel: &str) -> bool {
    let kernel = LAYERED.iter().find(|known| known.name == kernel);
    let kernel = kernel.expect("a known kernel");
    let mut texts = kernel.parts.iter().chain([&kernel.source]);
    texts.any(|text| text.contains("var<workgroup>"))
}

/// Poison that nothing overwrites reaches the results: the check of a kernel can fail.
fn a_nan_is_found(adapter: &wgpu::Adapter) -> Result<(), Failed> {
    let case = cases().into_iter().find(|case| case.kernel == "whiten");
    let ready = Ready::new(case.expect("a case"));
    let write = "    ahead[lane] = u;\n";
    assert_eq!(ready.wgsl().matches(write).count(), 1);
    let wgsl = poison::poisoned(&ready.wgsl().replace(write, ""));
    match ready.verdict(&Single::open(adapter)?, Some(wgsl))? {
        Err(found) if found.contains("NaN") => Ok(()),
        found => Err(format!("found {found:?}, expected a NaN").into()),
    }
}
