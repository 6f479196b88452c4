//! Whether an argument is visibly bounded.
//!
//! On both sides: a literal or constant, `clamp`, `min` with an argument bounded from below or `max` with one bounded
//! from above (in either nesting), and `tanh`, `sin`, `cos`, `saturate`, `sign`, `fract`.
//! From above: any of those, `min`, and `a - b` where b is a maximum, which is how a softmax is written.
//! A maximum is a `max` or, for the sake of a loop, a variable whose every store is one.
//!
//! All of it is followed through splats, vectors and their components, `select`, variables of the function (every store must comply), and
//! calls: an argument must comply at each place where the function is called, a result at each `return`.

use naga::{BinaryOperator, Block, Expression, Function, Handle, MathFunction, Module, Statement};

use super::needs;

/// The sides on which a value must be bounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sides {
    Above,
    Below,
    Both,
    /// Not bounded but a maximum of others.
    Maximum,
}

/// Calls and variables that are followed until it is called unbounded: enough for any kernel, and no endless recursion.
const DEPTH: u32 = 32;

/// All functions of a module whose arguments are not bounded.
pub fn saturation<'a>(
    module: &'a Module,
    function: &'a Function,
) -> impl Iterator<Item = String> + 'a {
    function
        .expressions
        .iter()
        .filter_map(move |(_, expression)| {
            let Expression::Math { fun, arg, .. } = *expression else {
                return None;
            };
            let bounded = is(module, function, arg, needs(fun)?, DEPTH);
            (!bounded).then(|| format!("{fun:?} of what is not visibly bounded"))
        })
}

fn is(
    module: &Module,
    function: &Function,
    value: Handle<Expression>,
    sides: Sides,
    depth: u32,
) -> bool {
    use Expression as E;
    use MathFunction as M;
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let all = |values: &[Handle<Expression>], sides| {
        values
            .iter()
            .all(|&value| is(module, function, value, sides, depth))
    };
    let either = |a, b, sides| all(&[a], sides) || all(&[b], sides);
    let bounds = sides != Sides::Maximum;
    match function.expressions[value] {
        E::Literal(_) | E::Constant(_) | E::ZeroValue(_) => bounds,
        E::Splat { value, .. } | E::Swizzle { vector: value, .. } => all(&[value], sides),
        // Only what is no pointer: a load goes through `variable`.
        E::AccessIndex { base, .. } => all(&[base], sides),
        E::Compose { ref components, .. } => all(components, sides),
        E::Select { accept, reject, .. } => all(&[accept, reject], sides),
        E::Load { pointer } => variable(module, function, pointer, sides, depth),
        E::FunctionArgument(index) => argument(module, function, index, sides, depth),
        E::CallResult(callee) => {
            let callee = &module.functions[callee];
            let mut returned = Vec::new();
            visit(&callee.body, &mut |statement| {
                if let Statement::Return { value: Some(value) } = *statement {
                    returned.push(value);
                }
            });
            returned
                .iter()
                .all(|&value| is(module, callee, value, sides, depth))
        }
        E::Math { fun, arg, arg1, .. } => match (fun, arg1) {
            (M::Clamp | M::Saturate | M::Tanh | M::Sin | M::Cos | M::Sign | M::Fract, _) => bounds,
            (M::Max, Some(other)) => match sides {
                Sides::Maximum | Sides::Below => true,
                Sides::Above => all(&[arg, other], sides),
                Sides::Both => all(&[arg, other], Sides::Above),
            },
            (M::Min, Some(other)) => match sides {
                Sides::Above => true,
                Sides::Below | Sides::Both => all(&[arg, other], Sides::Below),
                Sides::Maximum => false,
            },
            _ => false,
        },
        E::Binary {
            op: BinaryOperator::Subtract,
            left: _,
            right,
        } => sides == Sides::Above && either(right, right, Sides::Maximum),
        _ => false,
    }
}

/// A whole variable of the function: it is stored to at least once, and all that is stored complies.
fn variable(
    module: &Module,
    function: &Function,
    pointer: Handle<Expression>,
    sides: Sides,
    depth: u32,
) -> bool {
    let Expression::LocalVariable(_) = function.expressions[pointer] else {
        return false;
    };
    let mut stored = Vec::new();
    let mut whole = true;
    visit(&function.body, &mut |statement| match *statement {
        Statement::Store { pointer: to, value } if to == pointer => stored.push(value),
        // A component's store, or a call that may store.
        Statement::Store { pointer: to, .. } => whole &= root(function, to) != pointer,
        Statement::Call { ref arguments, .. } => whole &= !arguments.contains(&pointer),
        _ => {}
    });
    whole
        && !stored.is_empty()
        && stored
            .iter()
            .all(|&value| is(module, function, value, sides, depth))
}

fn root(function: &Function, mut pointer: Handle<Expression>) -> Handle<Expression> {
    while let Expression::Access { base, .. } | Expression::AccessIndex { base, .. } =
        function.expressions[pointer]
    {
        pointer = base;
    }
    pointer
}

/// What is passed wherever the function is called, which must be somewhere.
fn argument(module: &Module, function: &Function, index: u32, sides: Sides, depth: u32) -> bool {
    let own = module
        .functions
        .iter()
        .find(|(_, other)| std::ptr::eq(*other, function));
    let Some((own, _)) = own else {
        return false; // an entry point's
    };
    let callers = module.functions.iter().map(|(_, caller)| caller);
    let callers = callers.chain(module.entry_points.iter().map(|entry| &entry.function));
    let mut calls = 0;
    let mut complies = true;
    for caller in callers {
        visit(&caller.body, &mut |statement| {
            if let Statement::Call {
                function: callee,
                ref arguments,
                ..
            } = *statement
                && callee == own
            {
                calls += 1;
                complies &= is(module, caller, arguments[index as usize], sides, depth);
            }
        });
    }
    calls > 0 && complies
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
                cases.iter().for_each(|case| visit(&case.body, look))
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
