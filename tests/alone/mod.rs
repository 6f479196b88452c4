//! One kernel alone against its reference: its buffers only, random contents, one dispatch of the plan.
//!
//! What it writes is filled with a NaN before, and every buffer is longer than the kernel needs: all that the kernel
//! is not to write must be as it was, padding it is to write must be zero, and a read past the end gives a NaN.
//! `tests/kernels` runs the checks, `tests/mutations` proves that they find what is wrong.

#![allow(dead_code, unused_imports)] // each test binary uses its part

mod backward;
mod cases;
mod forward;
mod fused_pass;
mod fused_update;
mod setup;
mod update;

use gpu_train::error::Error;
use gpu_train::gpu::Single;
use gpu_train::gpu::compose::Run;
use gpu_train::gpu::kernels::kernel;
use gpu_train::gpu::plan::{Dispatch, Program, Shader};

use crate::common::compare::close;
pub use cases::{Case, Data, cases};
pub use fused_pass::{PassCase, pass_cases};
pub use fused_update::update_cases;
pub use setup::Setup;
use setup::{BEHIND, Number, Part, UNREADABLE, UNWRITTEN};

/// Words behind the end of each storage buffer, a whole number of vectors.
const GUARD: usize = 256;

/// A case ready to run: its contents made, its results computed by the reference.
pub struct Ready {
    name: String,
    kernel: &'static str,
    shader: Shader,
    dispatch: Dispatch,
    contents: Vec<Vec<u32>>,
    setup: Setup,
}

impl Ready {
    pub fn new(case: Case) -> Self {
        let recipe = case.recipe();
        let program = Program::new(&recipe, case.examples, case.examples);
        // The plan in which the kernel does what the case asks for.
        let plan = match case.kernel {
            "input" if case.shift == 0 => &program.prepare,
            "tally" if !case.advance => &program.evaluate_train,
            _ => &program.training,
        };
        let dispatch = plan.dispatches.iter().find(|d| d.kernel == case.kernel);
        let dispatch = dispatch.expect("a plan runs the kernel");
        let setup = match case.kernel {
            "input" | "h1_forward" | "h2_forward" | "dropout" | "h3_forward" | "out_forward"
            | "loss" => forward::setup(&case),
            "sgd" | "adamw" | "muon" | "tally" | "reduce_gradient" => update::setup(&case),
            _ => backward::setup(&case),
        };
        let run = Run::named(&dispatch.bindings[0], case.examples, case.denominator());
        let name = case.to_string();
        Self::of(name, &program, dispatch, run.words(&recipe), setup)
    }

    /// One dispatch of a program, on what the setup gives.
    fn of(
        name: String,
        program: &Program,
        dispatch: &Dispatch,
        run: Vec<u32>,
        setup: Setup,
    ) -> Self {
        let mut shaders = program.shaders.iter();
        let shader = shaders.find(|s| s.kernel == dispatch.kernel);
        let mut contents = vec![run];
        let storage = kernel(dispatch.kernel)
            .storage()
            .zip(&dispatch.bindings[1..]);
        for ((binding, writes), buffer) in storage {
            let (rest, behind) = if writes {
                (UNWRITTEN, BEHIND)
            } else {
                (UNREADABLE, UNREADABLE)
            };
            let spec = program.buffers.iter().find(|spec| spec.name == *buffer);
            let words = spec.expect("the plan's buffer").bytes as usize / 4;
            let mut content = setup.given(binding).unwrap_or_default().to_vec();
            assert!(content.len() <= words, "{binding} fits the plan's buffer");
            content.resize(words, rest);
            content.resize(words + GUARD, behind);
            contents.push(content);
        }
        Self {
            name,
            kernel: dispatch.kernel,
            shader: shader.expect("its shader").clone(),
            dispatch: dispatch.clone(),
            contents,
            setup,
        }
    }

    /// The case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Puts a number into `run.chunks`, the uniform's second word.
    pub fn switch(&mut self, number: u32) {
        self.contents[0][1] = number;
    }

    /// The kernel's WGSL as the engine composes it.
    pub fn wgsl(&self) -> &str {
        &self.shader.wgsl
    }

    /// Runs the kernel, or another WGSL in its place. The outer error is the device's, the inner one says what came
    /// out wrong.
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
        let storage = kernel(self.kernel).storage();
        let buffers = self.contents[1..].iter().zip(&after[1..]);
        for ((binding, _), (before, after)) in storage.zip(buffers) {
            let mut written = vec![false; after.len()];
            for part in self.setup.expected(binding) {
                compare(part, after)?;
                for &at in &part.at {
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

/// Where NaN is expected NaN must be found; all else is compared.
fn compare(part: &Part, after: &[u32]) -> Result<(), String> {
    let found = part.at.iter().map(|&at| part.number.read(after[at]));
    let (mut numbers, mut values) = (Vec::new(), Vec::new());
    for (at, (found, &value)) in found.zip(&part.values).enumerate() {
        if !value.is_nan() {
            numbers.push(found);
            values.push(value);
        } else if !found.is_nan() {
            return Err(format!("{}[{at}]: found {found}, expected NaN", part.name));
        }
    }
    close(&part.name, &numbers, &values, part.tolerance)
}

impl Number {
    fn read(self, word: u32) -> f64 {
        match self {
            Self::F32 => f32::from_bits(word).into(),
            Self::U32 => word.into(),
        }
    }
}

/// Runs a case on its own device.
pub fn check(adapter: &wgpu::Adapter, ready: &Ready) -> Result<(), String> {
    let single = Single::open(adapter).map_err(|error| error.to_string())?;
    let verdict = ready.verdict(&single, None);
    verdict.map_err(|error| error.to_string())?
}
