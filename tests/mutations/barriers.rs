//! Between a write to workgroup memory and what another invocation does with it stands a barrier.
//!
//! A missing one need not show on a device: its invocations may happen to run in the order that suits. So this follows
//! the statements of a kernel in naga's form, calls included, and refuses a read of what was written, or a write to what
//! was read, without a barrier in between.

use std::collections::BTreeSet;

use gpu_train::gpu::compose::wgsl;
use gpu_train::gpu::kernels::KERNELS;
use gpu_train::recipe::{Name, Recipe};
use libtest_mimic::Trial;
use naga::{AddressSpace, Block, Expression, Function, GlobalVariable, Handle, Module, Statement};

/// A sum in place down a tree: in one round the lower lanes read the upper half and write the lower, so a write to the
/// array follows a read of it rightly.
const HALVED_IN_PLACE: [&str; 2] = ["lane_loss", "lane_missed"];

/// Which arrays in workgroup memory were touched since the last barrier.
#[derive(Clone, Default, PartialEq)]
struct Touched {
    written: BTreeSet<Handle<GlobalVariable>>,
    read: BTreeSet<Handle<GlobalVariable>>,
}

impl Touched {
    fn join(&mut self, other: Self) {
        self.written.extend(other.written);
        self.read.extend(other.read);
    }
}

/// What was touched where a loop's body is left: for good, or for the next round.
#[derive(Default)]
struct Left {
    broken: Touched,
    continued: Touched,
}

struct Walk<'a> {
    module: &'a Module,
    barriers: usize,
}

/// Fails where a barrier is missing; else the number of barriers passed.
pub fn check(wgsl: &str) -> Result<usize, String> {
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|e| e.emit_to_string(wgsl))?;
    let mut walk = Walk {
        module: &module,
        barriers: 0,
    };
    let main = &module.entry_points[0].function;
    let mut touched = Touched::default();
    walk.block(main, &main.body, &mut touched, &mut Left::default())?;
    Ok(walk.barriers)
}

impl Walk<'_> {
    /// The array in workgroup memory that a pointer leads to.
    fn array(&self, function: &Function, at: Handle<Expression>) -> Option<Handle<GlobalVariable>> {
        match function.expressions[at] {
            Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => {
                self.array(function, base)
            }
            Expression::GlobalVariable(global) => {
                let space = self.module.global_variables[global].space;
                (space == AddressSpace::WorkGroup).then_some(global)
            }
            _ => None,
        }
    }

    fn name(&self, array: Handle<GlobalVariable>) -> &str {
        let name = self.module.global_variables[array].name.as_deref();
        name.unwrap_or("an array")
    }

    fn read(&self, array: Handle<GlobalVariable>, touched: &mut Touched) -> Result<(), String> {
        if touched.written.contains(&array) {
            let name = self.name(array);
            return Err(format!("{name} is read after a write without a barrier"));
        }
        touched.read.insert(array);
        Ok(())
    }

    fn write(&self, array: Handle<GlobalVariable>, touched: &mut Touched) -> Result<(), String> {
        let name = self.name(array);
        if touched.read.contains(&array) && !HALVED_IN_PLACE.contains(&name) {
            return Err(format!("{name} is written after a read without a barrier"));
        }
        touched.written.insert(array);
        Ok(())
    }

    /// Follows a block of statements.
    fn block(
        &mut self,
        function: &Function,
        block: &Block,
        touched: &mut Touched,
        left: &mut Left,
    ) -> Result<(), String> {
        for statement in block {
            match statement {
                Statement::Emit(range) => {
                    for expression in range.clone() {
                        if let Expression::Load { pointer } = function.expressions[expression]
                            && let Some(array) = self.array(function, pointer)
                        {
                            self.read(array, touched)?;
                        }
                    }
                }
                Statement::Store { pointer, .. } => {
                    if let Some(array) = self.array(function, *pointer) {
                        self.write(array, touched)?;
                    }
                }
                Statement::ControlBarrier(_) => {
                    self.barriers += 1;
                    *touched = Touched::default();
                }
                Statement::Call { function, .. } => {
                    let callee = &self.module.functions[*function];
                    self.block(callee, &callee.body, touched, left)?;
                }
                Statement::Block(block) => self.block(function, block, touched, left)?,
                Statement::If { accept, reject, .. } => {
                    let mut other = touched.clone();
                    self.block(function, accept, touched, left)?;
                    self.block(function, reject, &mut other, left)?;
                    touched.join(other);
                }
                Statement::Loop {
                    body, continuing, ..
                } => {
                    let mut inner = Left::default();
                    // Twice, so that the end meets the beginning.
                    for _ in 0..2 {
                        self.block(function, body, touched, &mut inner)?;
                        touched.join(std::mem::take(&mut inner.continued));
                        self.block(function, continuing, touched, &mut inner)?;
                    }
                    *touched = inner.broken;
                }
                Statement::Break => left.broken.join(touched.clone()),
                Statement::Continue => left.continued.join(touched.clone()),
                Statement::Return { .. } => {}
                other => return Err(format!("{other:?} is not understood here")),
            }
        }
        Ok(())
    }
}

pub fn trials() -> Vec<Trial> {
    let recipe = Recipe::named(Name::FullBatch);
    KERNELS
        .iter()
        .map(|kernel| {
            let text = wgsl(kernel, &recipe);
            Trial::test(format!("barriers::{}", kernel.name), move || {
                let barriers = check(&text)?;
                // What has workgroup memory has a barrier; all else needs none.
                if text.contains("var<workgroup>") != (barriers > 0) {
                    return Err(format!("{barriers} barriers").into());
                }
                Ok(())
            })
        })
        .collect()
}
