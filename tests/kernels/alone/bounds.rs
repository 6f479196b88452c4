//! Kernels that watch themselves: before an index past the end of its array is used, or a divisor of zero, a word of an
//! additional buffer is set to the line of it.
//!
//! This is what running a kernel without checks rests on (`Device::create_with`): with them a wrong index is clamped, and
//! often gives the right result.

use gpu_train::gpu::step::plan::{Access, Binding, Buffer};
use libtest_mimic::Failed;
use naga::proc::TypeResolution;
use naga::valid::{Capabilities, FunctionInfo, ModuleInfo, ValidationFlags, Validator};
use naga::{
    AddressSpace, ArraySize, BinaryOperator, Block, Expression, Function, GlobalVariable, Handle,
    Literal, Module, ResourceBinding, Scalar, ScalarKind, Span, Statement, StorageAccess, Type,
    TypeInner,
};

use super::{GUARD, Ready, Single, cases};

/// The name of the additional buffer.
const WATCH: &str = "watch";

impl Ready {
    /// Runs the kernel, or other WGSL instead of it, on buffers that are no longer than the engine's, and fails with the line
    /// of an index past the end of its array or of a divisor of zero.
    pub fn stays_in_bounds(&self, single: &Single, wgsl: Option<&str>) -> Result<(), Failed> {
        let wgsl = wgsl.unwrap_or(&self.shader.wgsl);
        let (mut shader, mut dispatch) = (self.shader.clone(), self.dispatch.clone());
        shader.wgsl = watched(wgsl, shader.bindings.len() as u32)?;
        shader.bindings.push(Binding::of(WATCH, Access::Write));
        dispatch.buffers.push(Buffer::of(WATCH));
        let mut contents = self.contents.clone();
        for content in &mut contents[1..] {
            content.truncate(content.len() - GUARD);
        }
        contents.push(vec![0]);
        let after = single.run(&shader, &dispatch, &contents)?;
        match after.last().map(Vec::as_slice) {
            Some([0]) => Ok(()),
            Some([line]) => {
                let text = wgsl.lines().nth(*line as usize - 1).unwrap_or_default();
                Err(format!("beyond the end, or by zero: {}", text.trim()).into())
            }
            _ => Err("the watch was not read back".into()),
        }
    }
}

fn valid(module: &Module) -> Result<ModuleInfo, String> {
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::default());
    validator
        .validate(module)
        .map_err(|error| format!("{error:?}"))
}

/// WGSL that sets the word at this binding to a line where an index or a divisor is wrong.
fn watched(wgsl: &str, binding: u32) -> Result<String, String> {
    let mut module =
        naga::front::wgsl::parse_str(wgsl).map_err(|error| error.emit_to_string(wgsl))?;
    let info = valid(&module)?;
    let word = module.types.insert(
        Type {
            name: None,
            inner: TypeInner::Scalar(Scalar::U32),
        },
        Span::UNDEFINED,
    );
    let watch = module.global_variables.append(
        GlobalVariable {
            name: Some(WATCH.into()),
            space: AddressSpace::Storage {
                access: StorageAccess::LOAD | StorageAccess::STORE,
            },
            binding: Some(ResourceBinding { group: 0, binding }),
            ty: word,
            init: None,
            memory_decorations: Default::default(),
        },
        Span::UNDEFINED,
    );
    let before = module.clone();
    let of = |function: &mut Function, info: &FunctionInfo| {
        let pointer = Expression::GlobalVariable(watch);
        let pointer = function.expressions.append(pointer, Span::UNDEFINED);
        let body = std::mem::take(&mut function.body);
        let mut watcher = Watcher {
            module: &before,
            info,
            wgsl,
            pointer,
            function,
        };
        let body = watcher.block(&body);
        function.body = body;
    };
    for (handle, function) in module.functions.iter_mut() {
        of(function, &info[handle]);
    }
    of(
        &mut module.entry_points[0].function,
        info.get_entry_point(0),
    );
    let info = valid(&module)?;
    let flags = naga::back::wgsl::WriterFlags::empty();
    naga::back::wgsl::write_string(&module, &info, flags).map_err(|error| error.to_string())
}

/// Adds the statements to a function.
struct Watcher<'a> {
    module: &'a Module,
    info: &'a FunctionInfo,
    wgsl: &'a str,
    /// Pointer to the word.
    pointer: Handle<Expression>,
    function: &'a mut Function,
}

impl Watcher<'_> {
    fn block(&mut self, block: &Block) -> Block {
        let mut watched = Block::new();
        for (statement, span) in block.span_iter() {
            match statement {
                Statement::Block(inner) => watched.push(Statement::Block(self.block(inner)), *span),
                Statement::If {
                    condition,
                    accept,
                    reject,
                } => {
                    let statement = Statement::If {
                        condition: *condition,
                        accept: self.block(accept),
                        reject: self.block(reject),
                    };
                    watched.push(statement, *span);
                }
                Statement::Loop {
                    body,
                    continuing,
                    break_if,
                } => {
                    let statement = Statement::Loop {
                        body: self.block(body),
                        continuing: self.block(continuing),
                        break_if: *break_if,
                    };
                    watched.push(statement, *span);
                }
                Statement::Switch { .. } => panic!("found a switch, expected none in a kernel"),
                Statement::Emit(range) => {
                    watched.push(statement.clone(), *span);
                    for expression in range.clone() {
                        self.watch(expression, &mut watched);
                    }
                }
                _ => watched.push(statement.clone(), *span),
            }
        }
        watched
    }

    fn append(&mut self, expression: Expression) -> Handle<Expression> {
        self.function
            .expressions
            .append(expression, Span::UNDEFINED)
    }

    fn inner(&self, of: Handle<Expression>) -> &TypeInner {
        match &self.info[of].ty {
            TypeResolution::Handle(handle) => &self.module.types[*handle].inner,
            TypeResolution::Value(inner) => inner,
        }
    }

    /// Number of elements of an array, a vector or a matrix, or behind a pointer to one; `None` if only the device knows.
    fn length(&self, of: Handle<Expression>) -> Option<u32> {
        let inner = match *self.inner(of) {
            TypeInner::Pointer { base, .. } => &self.module.types[base].inner,
            ref other => other,
        };
        match *inner {
            TypeInner::Array {
                size: ArraySize::Constant(length),
                ..
            } => Some(length.get()),
            TypeInner::Array {
                size: ArraySize::Dynamic,
                ..
            } => None,
            TypeInner::Vector { size, .. }
            | TypeInner::ValuePointer {
                size: Some(size), ..
            } => Some(size as u32),
            TypeInner::Matrix { columns, .. } => Some(columns as u32),
            ref other => panic!("found an index into {other:?}, expected an array or a vector"),
        }
    }

    /// The scalars of a divisor that may be zero: none of floats.
    fn divisors(&self, right: Handle<Expression>) -> Vec<Handle<Expression>> {
        match *self.inner(right) {
            TypeInner::Scalar(Scalar::U32) => vec![right],
            TypeInner::Scalar(scalar) | TypeInner::Vector { scalar, .. }
                if scalar.kind == ScalarKind::Float =>
            {
                Vec::new()
            }
            ref other => match &self.function.expressions[right] {
                Expression::Splat { value, .. } => self.divisors(*value),
                Expression::Compose { components, .. } => {
                    let of = components.iter();
                    of.flat_map(|component| self.divisors(*component)).collect()
                }
                _ => panic!("found a division by {other:?}, expected u32 or floats"),
            },
        }
    }

    /// Adds what watches an expression that was just emitted.
    fn watch(&mut self, at: Handle<Expression>, to: &mut Block) {
        match self.function.expressions[at] {
            Expression::Access { base, index } => {
                let length = match self.length(base) {
                    Some(length) => Expression::Literal(Literal::U32(length)),
                    None => Expression::ArrayLength(base),
                };
                self.watch_value(at, BinaryOperator::GreaterEqual, index, length, to);
            }
            Expression::Binary {
                op: BinaryOperator::Divide | BinaryOperator::Modulo,
                right,
                ..
            } => {
                let zero = Expression::Literal(Literal::U32(0));
                for divisor in self.divisors(right) {
                    self.watch_value(at, BinaryOperator::Equal, divisor, zero.clone(), to);
                }
            }
            _ => {}
        }
    }

    /// Adds a store of the line of `at` where `value` compares with `limit`.
    fn watch_value(
        &mut self,
        at: Handle<Expression>,
        operator: BinaryOperator,
        value: Handle<Expression>,
        limit: Expression,
        to: &mut Block,
    ) {
        let is_signed = matches!(self.inner(value), TypeInner::Scalar(Scalar::I32));
        let span = self.function.expressions.get_span(at);
        let line = Literal::U32(span.location(self.wgsl).line_number);
        let line = self.append(Expression::Literal(line));
        // A literal is not emitted.
        let literal = matches!(limit, Expression::Literal(_)).then(|| self.append(limit.clone()));
        let first = self.function.expressions.len();
        let limit = literal.unwrap_or_else(|| self.append(limit));
        let mut left = value;
        if is_signed {
            // A negative index becomes a large one.
            left = self.append(Expression::As {
                expr: value,
                kind: ScalarKind::Uint,
                convert: Some(4),
            });
        }
        let condition = self.append(Expression::Binary {
            op: operator,
            left,
            right: limit,
        });
        let range = self.function.expressions.range_from(first);
        to.push(Statement::Emit(range), Span::UNDEFINED);
        let store = Statement::Store {
            pointer: self.pointer,
            value: line,
        };
        let wrong = Statement::If {
            condition,
            accept: Block::from_vec(vec![store]),
            reject: Block::new(),
        };
        to.push(wrong, Span::UNDEFINED);
    }
}

/// An index past the end and a divisor of zero are found, each with its line.
pub fn what_is_wrong_is_found(adapter: &wgpu::Adapter) -> Result<(), Failed> {
    let case = cases().into_iter().find(|case| case.kernel == "whiten");
    let ready = Ready::new(case.expect("a case"));
    let single = Single::open(adapter)?;
    for (from, to) in [
        ("    ahead[lane] = u;\n", "    ahead[lane + 1u] = u;\n"),
        (
            "packed_index[place]",
            "packed_index[place + PARAMETER_COUNT]",
        ),
        ("ahead[k];\n", "ahead[k / (lane - k)];\n"),
    ] {
        assert_eq!(ready.wgsl().matches(from).count(), 1, "{from}");
        let wgsl = ready.wgsl().replace(from, to);
        match ready.stays_in_bounds(&single, Some(&wgsl)) {
            Err(found) if found.message().is_some_and(|text| text.contains(to.trim())) => {}
            found => return Err(format!("{to}: found {found:?}").into()),
        }
    }
    Ok(())
}
