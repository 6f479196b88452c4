//! A lint over naga's IR for what is valid WGSL but goes wrong, or slow, on some device, and that no compiler reports.
//!
//! - **Indexing**: an array, matrix or vector in function or private memory, or a value, is indexed by what is no
//!   constant. Such variables leave the registers; FXC unrolls loops to avoid that, for minutes.
//! - **Saturation**: the argument of `tanh` is not visibly bounded on both sides (Metal: NaN above about 44), that of
//!   `exp`, `exp2`, `sinh` or `cosh` not from above. See `bounded` for what counts.
//! - **Barriers**: a barrier that not all invocations of a workgroup are sure to reach. See `uniformity`.
//! - **Float atomics**: their order, and so the sum, differs from run to run; not on all devices.

mod bounded;
mod uniformity;

use naga::valid::{FunctionInfo, ModuleInfo};
use naga::{AddressSpace, Expression, Function, Handle, Module, ScalarKind, TypeInner};

/// Complaints about a module.
pub fn lint(module: &Module, info: &ModuleInfo) -> Vec<String> {
    let mut found = Vec::new();
    for (name, function, info) in functions(module, info) {
        found.extend(indexing(module, function, info).map(|what| format!("{name}: {what}")));
        found.extend(bounded::saturation(module, function).map(|what| format!("{name}: {what}")));
    }
    found.extend(uniformity::barriers(module));
    let atomics = module.types.iter().filter(|(_, ty)| match ty.inner {
        TypeInner::Atomic(scalar) => scalar.kind == ScalarKind::Float,
        _ => false,
    });
    found.extend(atomics.map(|_| "a float atomic".to_owned()));
    found
}

fn functions<'a>(
    module: &'a Module,
    info: &'a ModuleInfo,
) -> impl Iterator<Item = (String, &'a Function, &'a FunctionInfo)> {
    let functions = module.functions.iter().map(|(handle, function)| {
        let name = function.name.clone().unwrap_or_default();
        (name, function, &info[handle])
    });
    let entries = module.entry_points.iter().enumerate();
    functions.chain(entries.map(|(index, entry)| {
        let info = info.get_entry_point(index);
        (entry.name.clone(), &entry.function, info)
    }))
}

fn indexing<'a>(
    module: &'a Module,
    function: &'a Function,
    info: &'a FunctionInfo,
) -> impl Iterator<Item = String> + 'a {
    let is_constant = |index: Handle<Expression>| {
        matches!(
            function.expressions[index],
            Expression::Literal(_) | Expression::Constant(_) | Expression::ZeroValue(_)
        )
    };
    function
        .expressions
        .iter()
        .filter_map(move |(_, expression)| {
            let Expression::Access { base, index } = *expression else {
                return None;
            };
            let place = match *info[base].ty.inner_with(&module.types) {
                TypeInner::Pointer { space, .. } | TypeInner::ValuePointer { space, .. } => {
                    matches!(space, AddressSpace::Function | AddressSpace::Private)
                        .then_some(space)?
                }
                // A value: compilers put it into function memory to index it.
                _ => AddressSpace::Function,
            };
            (!is_constant(index)).then(|| format!("dynamic index into {place:?} memory"))
        })
}
