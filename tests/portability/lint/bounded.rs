//! Proof that an argument is bounded.
//!
//! Bounded from above by a limit: a literal or constant that is no larger, `min` with something so bounded, `max` of
//! two that are, `clamp` whose upper end is, the negative of what is bounded from below, `sin` and the like, and
//! `a - b` where b is a maximum, which is how a softmax is written (that a is among those compared is not checked).
//! Bounded from below: the same, mirrored. A maximum is a `max`, or a variable that only ever receives one.
//!
//! All of it is followed through splats, vectors and their components, `select`, whole variables of the function
//! (every store must comply), and calls: an argument must comply at each place where the function is called, a result
//! at each `return`.

use naga::{
    Arena, BinaryOperator, Block, Expression, Function, Handle, Literal, MathFunction, Module,
    Statement, UnaryOperator,
};

/// The property that an expression must have.
#[derive(Clone, Copy)]
enum Must {
    /// No larger than this.
    AtMost(f32),
    /// No smaller than this.
    AtLeast(f32),
    /// The maximum of others.
    Maximum,
}

/// Expressions that are followed until it is called unbounded: enough for any kernel, and no endless recursion.
const DEPTH: u32 = 32;
/// Metal's tanh is NaN above about 44.
const TANH: f32 = 40.0;
/// exp(88.8) is infinite in f32.
const EXP: f32 = 88.0;
/// exp2(128) is infinite in f32.
const EXP2: f32 = 127.0;

/// A complaint for each math function whose argument is not bounded.
pub fn saturation<'a>(
    module: &'a Module,
    function: &'a Function,
) -> impl Iterator<Item = String> + 'a {
    use MathFunction as M;
    use Must::{AtLeast, AtMost};
    function
        .expressions
        .iter()
        .filter_map(move |(_, expression)| {
            let Expression::Math { fun, arg, .. } = *expression else {
                return None;
            };
            let must: &[Must] = match fun {
                M::Tanh => &[AtMost(TANH), AtLeast(-TANH)],
                M::Sinh | M::Cosh => &[AtMost(EXP), AtLeast(-EXP)],
                M::Exp => &[AtMost(EXP)],
                M::Exp2 => &[AtMost(EXP2)],
                _ => return None,
            };
            let at = At {
                module,
                function,
                depth: DEPTH,
            };
            let bounded = must.iter().all(|&must| at.complies(arg, must));
            (!bounded).then(|| format!("{fun:?} of what is not visibly bounded"))
        })
}

/// The scope of an expression.
#[derive(Clone, Copy)]
struct At<'a> {
    module: &'a Module,
    function: &'a Function,
    depth: u32,
}

impl At<'_> {
    fn complies(self, value: Handle<Expression>, must: Must) -> bool {
        let Some(depth) = self.depth.checked_sub(1) else {
            return false;
        };
        let at = At { depth, ..self };
        match self.function.expressions[value] {
            Expression::Load { pointer } => at.variable(pointer, must),
            Expression::FunctionArgument(index) => at.argument(index, must),
            Expression::CallResult(callee) => {
                let function = &self.module.functions[callee];
                let mut complies = true;
                visit(&function.body, &mut |statement| {
                    if let Statement::Return { value: Some(value) } = *statement {
                        complies &= At { function, ..at }.complies(value, must);
                    }
                });
                complies
            }
            ref other => at.computed(&self.function.expressions, other, must),
        }
    }

    /// Expressions computed from others of the same arena.
    fn computed(self, arena: &Arena<Expression>, value: &Expression, must: Must) -> bool {
        use Expression as E;
        use MathFunction as M;
        let is = |value: Handle<Expression>, must| {
            // Constants have a separate arena, and only what `computed` knows.
            if std::ptr::eq(arena, &self.function.expressions) {
                self.complies(value, must)
            } else {
                self.computed(arena, &arena[value], must)
            }
        };
        match *value {
            E::Literal(Literal::F32(number)) => within(number, must),
            E::ZeroValue(_) => within(0.0, must),
            E::Constant(constant) => {
                let arena = &self.module.global_expressions;
                self.computed(arena, &arena[self.module.constants[constant].init], must)
            }
            E::Splat { value, .. } | E::Swizzle { vector: value, .. } => is(value, must),
            // Only of a value: a load goes through `variable`.
            E::AccessIndex { base, .. } => is(base, must),
            E::Compose { ref components, .. } => components.iter().all(|&value| is(value, must)),
            E::Select { accept, reject, .. } => is(accept, must) && is(reject, must),
            E::Unary {
                op: UnaryOperator::Negate,
                expr,
            } => match must {
                Must::AtMost(limit) => is(expr, Must::AtLeast(-limit)),
                Must::AtLeast(limit) => is(expr, Must::AtMost(-limit)),
                Must::Maximum => false,
            },
            E::Binary {
                op: BinaryOperator::Subtract,
                right,
                ..
            } => matches!(must, Must::AtMost(limit) if limit >= 0.0) && is(right, Must::Maximum),
            E::Math {
                fun,
                arg,
                arg1,
                arg2,
                ..
            } => match (fun, arg1, arg2, must) {
                (M::Tanh | M::Sin | M::Cos | M::Sign | M::Saturate | M::Fract, ..) => {
                    within(1.0, must) && within(-1.0, must)
                }
                (M::Clamp, _, Some(high), Must::AtMost(_)) => is(high, must),
                (M::Clamp, Some(low), _, Must::AtLeast(_)) => is(low, must),
                (M::Max, Some(_), _, Must::Maximum) => true,
                (M::Min, Some(other), _, Must::AtMost(_))
                | (M::Max, Some(other), _, Must::AtLeast(_)) => is(arg, must) || is(other, must),
                (M::Max, Some(other), _, Must::AtMost(_))
                | (M::Min, Some(other), _, Must::AtLeast(_)) => is(arg, must) && is(other, must),
                _ => false,
            },
            _ => false,
        }
    }

    /// A whole variable of the function: it is stored to at least once, and all that is stored complies.
    fn variable(self, pointer: Handle<Expression>, must: Must) -> bool {
        let function = self.function;
        let Expression::LocalVariable(_) = function.expressions[pointer] else {
            return false;
        };
        let mut stores = 0;
        let mut complies = true;
        visit(&function.body, &mut |statement| match *statement {
            Statement::Store { pointer: to, value } if to == pointer => {
                stores += 1;
                complies &= self.complies(value, must);
            }
            // A component's store, or a call that may store.
            Statement::Store { pointer: to, .. } => complies &= root(function, to) != pointer,
            Statement::Call { ref arguments, .. } => complies &= !arguments.contains(&pointer),
            _ => {}
        });
        stores > 0 && complies
    }

    /// The arguments of every call of the function, of which there must be one.
    fn argument(self, index: u32, must: Must) -> bool {
        let mut functions = self.module.functions.iter();
        let own = functions.find(|(_, other)| std::ptr::eq(*other, self.function));
        let Some((own, _)) = own else {
            return false; // an entry point's
        };
        let callers = self.module.functions.iter().map(|(_, caller)| caller);
        let entries = self.module.entry_points.iter().map(|entry| &entry.function);
        let mut calls = 0;
        let mut complies = true;
        for function in callers.chain(entries) {
            visit(&function.body, &mut |statement| {
                if let Statement::Call {
                    function: callee,
                    ref arguments,
                    ..
                } = *statement
                    && callee == own
                {
                    calls += 1;
                    complies &= At { function, ..self }.complies(arguments[index as usize], must);
                }
            });
        }
        calls > 0 && complies
    }
}

fn within(number: f32, must: Must) -> bool {
    match must {
        Must::AtMost(limit) => number <= limit,
        Must::AtLeast(limit) => number >= limit,
        Must::Maximum => false,
    }
}

fn root(function: &Function, mut pointer: Handle<Expression>) -> Handle<Expression> {
    while let Expression::Access { base, .. } | Expression::AccessIndex { base, .. } =
        function.expressions[pointer]
    {
        pointer = base;
    }
    pointer
}

fn visit(block: &Block, look: &mut dyn FnMut(&Statement)) {
    for statement in block {
        look(statement);
        match statement {
            Statement::Block(inner) => visit(inner, look),
            Statement::If { accept, reject, .. } => {
                visit(accept, look);
                visit(reject, look);
            }
            Statement::Switch { cases, .. } => {
                cases.iter().for_each(|case| visit(&case.body, look));
            }
            Statement::Loop {
                body, continuing, ..
            } => {
                visit(body, look);
                visit(continuing, look);
            }
            _ => {}
        }
    }
}
