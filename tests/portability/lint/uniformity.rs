//! Proof that all invocations of a workgroup reach each barrier: WGSL's rule, which naga does not check.
//!
//! A value is *varying* if invocations may see different ones: every builtin but the workgroup's, what is loaded from
//! memory that anyone writes, variables that are stored to under varying control, and all that is computed from
//! varying values. Control flow is varying inside a branch on a varying value, after a branch that some left by
//! `return`, and in a loop that some left by `break` or `continue`, until these meet again. Calls are followed with
//! what they are given; a variable passed by pointer is varying from then on. What is not known to be uniform is
//! varying.

use std::collections::BTreeSet;

use naga::{
    AddressSpace, Binding, Block, BuiltIn, Expression, Function, Handle, Module, Statement,
    StorageAccess, TypeInner,
};

/// A complaint for each barrier under varying control.
pub fn barriers(module: &Module) -> Vec<String> {
    let mut found = BTreeSet::new();
    for entry in &module.entry_points {
        let arguments = entry.function.arguments.iter();
        let varying = arguments.map(|argument| {
            let uniform = Some(BuiltIn::WorkGroupId);
            let counts = Some(BuiltIn::NumWorkGroups);
            let builtin = match argument.binding {
                Some(Binding::BuiltIn(builtin)) => Some(builtin),
                _ => None,
            };
            !(builtin == uniform || builtin == counts)
        });
        let mut walk = Walk::new(module, &entry.function, varying.collect());
        walk.run(false);
        found.extend(walk.complaints);
    }
    found.into_iter().collect()
}

/// The ways in which some, but perhaps not all, invocations leave a block.
#[derive(Clone, Copy, Default)]
struct Exits {
    returned: bool,
    broke: bool,
    continued: bool,
}

impl Exits {
    fn any(self) -> bool {
        self.returned || self.broke || self.continued
    }

    fn add(&mut self, other: Self) {
        self.returned |= other.returned;
        self.broke |= other.broke;
        self.continued |= other.continued;
    }
}

/// The values that vary in a function, for given arguments.
#[derive(Clone, PartialEq)]
struct Known {
    arguments: Vec<bool>,
    /// Variables, by index, that hold varying values.
    variables: BTreeSet<usize>,
    /// Results of calls, by index, that vary.
    calls: BTreeSet<usize>,
    /// True if the function's own result does.
    result: bool,
}

struct Walk<'a> {
    module: &'a Module,
    function: &'a Function,
    known: Known,
    complaints: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    fn new(module: &'a Module, function: &'a Function, arguments: Vec<bool>) -> Self {
        Self {
            module,
            function,
            known: Known {
                arguments,
                variables: BTreeSet::new(),
                calls: BTreeSet::new(),
                result: false,
            },
            complaints: BTreeSet::new(),
        }
    }

    /// Until nothing more turns out to vary: a loop may carry a varying value back to its start.
    fn run(&mut self, varying_control: bool) {
        loop {
            let before = self.known.clone();
            self.complaints.clear();
            self.block(&self.function.body, varying_control);
            if before == self.known {
                return;
            }
        }
    }

    fn block(&mut self, block: &'a Block, varying: bool) -> Exits {
        let mut exits = Exits::default();
        for statement in block {
            let left = self.statement(statement, varying || exits.any());
            exits.add(left);
        }
        exits
    }

    fn statement(&mut self, statement: &'a Statement, varying: bool) -> Exits {
        use Statement as S;
        let mut exits = Exits::default();
        match *statement {
            S::Emit(_) => {}
            S::Block(ref inner) => return self.block(inner, varying),
            S::If {
                condition,
                ref accept,
                ref reject,
            } => {
                let varying = varying || self.varies(condition);
                exits.add(self.block(accept, varying));
                exits.add(self.block(reject, varying));
            }
            S::Switch {
                selector,
                ref cases,
            } => {
                let varying = varying || self.varies(selector);
                for case in cases {
                    exits.add(self.block(&case.body, varying));
                }
                // A break leaves the switch, after which all meet again.
                exits.broke = false;
            }
            S::Loop {
                ref body,
                ref continuing,
                break_if,
            } => {
                return self.looped(body, continuing, break_if, varying);
            }
            S::Break => exits.broke = varying,
            S::Continue => exits.continued = varying,
            S::Return { value } => {
                self.known.result |= varying || value.is_some_and(|value| self.varies(value));
                exits.returned = varying;
            }
            S::Kill => exits.returned = varying,
            S::ControlBarrier(_) | S::MemoryBarrier(_) | S::WorkGroupUniformLoad { .. }
                if varying =>
            {
                let name = self.function.name.as_deref().unwrap_or("main");
                self.complaints
                    .insert(format!("{name}: a barrier that not all may reach"));
            }
            S::Store { pointer, value }
                if varying || self.varies(value) || self.index_varies(pointer) =>
            {
                self.taint(pointer);
            }
            S::Call {
                function,
                ref arguments,
                result,
            } => {
                self.call(function, arguments, result, varying);
            }
            // The rest decides nothing here; results that `varies` does not know are varying.
            _ => {}
        }
        exits
    }

    fn looped(
        &mut self,
        body: &'a Block,
        continuing: &'a Block,
        break_if: Option<Handle<Expression>>,
        varying: bool,
    ) -> Exits {
        // Who breaks or returns is missing from the next round; who continues is back in `continuing`.
        let mut gone = false;
        loop {
            let exits = self.block(body, varying || gone);
            let mut left = exits.broke || exits.returned;
            left |= self.block(continuing, varying || gone || left).any();
            left |= break_if.is_some_and(|condition| self.varies(condition));
            if left == gone || gone {
                return Exits {
                    returned: exits.returned,
                    ..Exits::default()
                };
            }
            gone = true;
        }
    }

    fn call(
        &mut self,
        callee: Handle<Function>,
        arguments: &[Handle<Expression>],
        result: Option<Handle<Expression>>,
        varying: bool,
    ) {
        let given = arguments
            .iter()
            .map(|&argument| self.varies(argument))
            .collect();
        let mut inner = Walk::new(self.module, &self.module.functions[callee], given);
        inner.run(varying);
        let varies = inner.known.result;
        self.complaints.extend(inner.complaints);
        if let Some(result) = result.filter(|_| varies) {
            self.known.calls.insert(result.index());
        }
        // A variable passed by pointer may be stored to.
        for &argument in arguments {
            if self.is_variable(argument) {
                self.taint(argument);
            }
        }
    }

    fn is_variable(&self, argument: Handle<Expression>) -> bool {
        match self.function.expressions[argument] {
            Expression::LocalVariable(_) => true,
            Expression::FunctionArgument(index) => {
                let ty = self.function.arguments[index as usize].ty;
                matches!(self.module.types[ty].inner, TypeInner::Pointer { .. })
            }
            _ => false,
        }
    }

    /// Marks the variable of a pointer as varying. Shared memory counts as varying anyway.
    fn taint(&mut self, pointer: Handle<Expression>) {
        match self.function.expressions[pointer] {
            Expression::LocalVariable(variable) => {
                self.known.variables.insert(variable.index());
            }
            Expression::FunctionArgument(index) => self.known.arguments[index as usize] = true,
            Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => {
                self.taint(base);
            }
            _ => {}
        }
    }

    fn index_varies(&self, pointer: Handle<Expression>) -> bool {
        match self.function.expressions[pointer] {
            Expression::Access { base, index } => self.varies(index) || self.index_varies(base),
            Expression::AccessIndex { base, .. } => self.index_varies(base),
            _ => false,
        }
    }

    fn varies(&self, value: Handle<Expression>) -> bool {
        use Expression as E;
        let any = |values: &[Handle<Expression>]| values.iter().any(|&value| self.varies(value));
        match self.function.expressions[value] {
            E::Literal(_) | E::Constant(_) | E::Override(_) | E::ZeroValue(_) => false,
            E::FunctionArgument(index) => self.known.arguments[index as usize],
            E::GlobalVariable(global) => match self.module.global_variables[global].space {
                AddressSpace::Uniform | AddressSpace::Immediate => false,
                AddressSpace::Storage { access } => access.contains(StorageAccess::STORE),
                _ => true,
            },
            E::LocalVariable(variable) => self.known.variables.contains(&variable.index()),
            E::CallResult(_) => self.known.calls.contains(&value.index()),
            E::WorkGroupUniformLoadResult { .. } | E::ArrayLength(_) => false,
            E::Compose { ref components, .. } => any(components),
            E::Access { base, index } => any(&[base, index]),
            E::AccessIndex { base, .. } => self.varies(base),
            E::Splat { value, .. } => self.varies(value),
            E::Swizzle { vector, .. } => self.varies(vector),
            E::Load { pointer } => self.varies(pointer),
            E::Unary { expr, .. } | E::As { expr, .. } => self.varies(expr),
            E::Binary { left, right, .. } => any(&[left, right]),
            E::Select {
                condition,
                accept,
                reject,
            } => any(&[condition, accept, reject]),
            E::Relational { argument, .. } => self.varies(argument),
            E::Math {
                arg,
                arg1,
                arg2,
                arg3,
                ..
            } => {
                any(&[arg])
                    || [arg1, arg2, arg3]
                        .into_iter()
                        .flatten()
                        .any(|arg| self.varies(arg))
            }
            // Atomics, subgroups, images and whatever is new.
            _ => true,
        }
    }
}
