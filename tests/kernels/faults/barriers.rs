//! Barriers between a write to workgroup memory and another invocation's access to it.
//!
//! A missing barrier need not show on a device, whose invocations may happen to run in the right order. So this follows the
//! statements of a kernel in naga's IR, calls included, and refuses a read after a write, or a write after a read, without a
//! barrier in between.

use std::collections::{BTreeMap, BTreeSet};

use gpu_train::gpu::wgsl::compose;
use gpu_train::gpu::wgsl::kernels::LAYERED;
use gpu_train::gpu::{Program, Sizes, Tiling, Variant, WeightPath};
use gpu_train::recipe::{Recipe, RecipeName};
use libtest_mimic::Trial;
use naga::{AddressSpace, Block, Expression, Function, Handle, Module, Statement};

/// A sum in place down a tree: in one round the lower lanes read the upper half and write the lower, so a write to the
/// array follows a read of it rightly.
const HALVED_IN_PLACE: [&str; 2] = ["lane_loss", "lane_missed"];

/// The array that `forward_backward` divides into regions. A function that ends in `_at` returns an index into the region
/// it is named after; any other index may be in any region.
const DIVIDED: &str = "tile";
const REGIONS: [&str; 8] = ["h1", "x", "h2", "h3", "d_h3", "out", "d_out", "h3_sum"];
/// The regions that share their place with the images where these are not kept.
const UNDER_X: [&str; 6] = ["h2", "h3", "d_h3", "out", "d_out", "h3_sum"];
/// (function, region, whether it counts for stores too): here a lane touches only what no other lane does in the same
/// phase, so the order of reads and writes needs no barrier; with all other accesses it does.
const OWN: [(&str, &str, bool); 5] = [
    // Reads the other half's sums; those it gives go to another lane.
    ("tile_h2", "h2", false),
    ("h2_store", "h2", true),
    ("d_h2_store", "h2", true),
    ("d_h1_store", "h1", true),
    // A lane's block of the sums, anywhere in the array; a barrier separates the splits.
    ("add_split", "", true),
];

/// The arrays in workgroup memory, or regions of them, that were accessed since the last barrier.
#[derive(Clone, Default, PartialEq)]
struct Touched {
    written: BTreeSet<String>,
    read: BTreeSet<String>,
    /// By lanes that each keep to their own part.
    own: BTreeSet<String>,
}

impl Touched {
    fn join(&mut self, other: Self) {
        self.written.extend(other.written);
        self.read.extend(other.read);
        self.own.extend(other.own);
    }
}

/// The accesses up to where a loop's body is left: for good, or for the next round.
#[derive(Default)]
struct Left {
    broken: Touched,
    continued: Touched,
}

struct Walk<'a> {
    module: &'a Module,
    barriers: usize,
}

/// A function with the regions that its arguments lead to.
#[derive(Clone, Copy)]
struct Scope<'a> {
    function: &'a Function,
    arguments: &'a [BTreeSet<&'static str>],
    /// The function of each call's result.
    calls: &'a BTreeMap<usize, Handle<Function>>,
}

/// Fails where a barrier is missing; else the number of barriers passed.
pub fn check(wgsl: &str) -> Result<usize, String> {
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|e| e.emit_to_string(wgsl))?;
    let mut walk = Walk {
        module: &module,
        barriers: 0,
    };
    let main = &module.entry_points[0].function;
    let none = vec![BTreeSet::new(); main.arguments.len()];
    let mut touched = Touched::default();
    walk.function(main, &none, &mut touched)?;
    Ok(walk.barriers)
}

/// The function of each call's result.
fn calls(block: &Block, found: &mut BTreeMap<usize, Handle<Function>>) {
    for statement in block {
        match statement {
            Statement::Call {
                function,
                result: Some(result),
                ..
            } => {
                found.insert(result.index(), *function);
            }
            Statement::Block(inner) => calls(inner, found),
            Statement::If { accept, reject, .. } => {
                calls(accept, found);
                calls(reject, found);
            }
            Statement::Loop {
                body, continuing, ..
            } => {
                calls(body, found);
                calls(continuing, found);
            }
            _ => {}
        }
    }
}

impl<'a> Walk<'a> {
    fn function(
        &mut self,
        function: &'a Function,
        arguments: &[BTreeSet<&'static str>],
        touched: &mut Touched,
    ) -> Result<(), String> {
        let mut results = BTreeMap::new();
        calls(&function.body, &mut results);
        let scope = Scope {
            function,
            arguments,
            calls: &results,
        };
        self.block(scope, &function.body, touched, &mut Left::default())
    }

    /// The array in workgroup memory that a pointer leads to, or the regions of it.
    fn places(&self, scope: Scope<'_>, at: Handle<Expression>) -> BTreeSet<String> {
        let mut at = at;
        let mut index = None;
        loop {
            match scope.function.expressions[at] {
                Expression::Access { base, index: by } => (at, index) = (base, Some(by)),
                Expression::AccessIndex { base, .. } => at = base,
                Expression::GlobalVariable(global) => {
                    let global = &self.module.global_variables[global];
                    if global.space != AddressSpace::WorkGroup {
                        return BTreeSet::new();
                    }
                    let name = global.name.clone().unwrap_or_default();
                    if name != DIVIDED {
                        return [name].into();
                    }
                    let found = index.map(|index| self.regions(scope, index));
                    let found = found.unwrap_or_default().into_iter();
                    let mut found: BTreeSet<String> = found.map(str::to_owned).collect();
                    if found.is_empty() {
                        found.extend(REGIONS.map(str::to_owned));
                    } else if found.contains("x") {
                        found.extend(UNDER_X.map(str::to_owned));
                    }
                    return found;
                }
                _ => return BTreeSet::new(),
            }
        }
    }

    /// The regions that an index was computed for.
    fn regions(&self, scope: Scope<'_>, index: Handle<Expression>) -> BTreeSet<&'static str> {
        let of = |handle| self.regions(scope, handle);
        match scope.function.expressions[index] {
            Expression::Binary { left, right, .. } => &of(left) | &of(right),
            Expression::Select { accept, reject, .. } => &of(accept) | &of(reject),
            Expression::FunctionArgument(at) => scope.arguments[at as usize].clone(),
            Expression::CallResult(_) => {
                let callee = scope.calls.get(&index.index());
                let name = callee.and_then(|&callee| self.module.functions[callee].name.as_deref());
                let region = name.and_then(|name| name.strip_suffix("_at"));
                // A padded row is a row of the region, or of padding, which is stored once before the first barrier.
                let region = region.map(|name| name.strip_prefix("padded_").unwrap_or(name));
                REGIONS
                    .into_iter()
                    .filter(|known| Some(*known) == region)
                    .collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// A read or a write of these places.
    fn access(
        &self,
        scope: Scope<'_>,
        places: BTreeSet<String>,
        write: bool,
        touched: &mut Touched,
    ) -> Result<(), String> {
        let name = scope.function.name.as_deref().unwrap_or("main");
        let mine = |place: &str| {
            OWN.iter().any(|&(function, region, stores)| {
                function == name && (region == place || region.is_empty()) && (stores || !write)
            })
        };
        for place in places {
            let own = mine(&place);
            let written =
                touched.written.contains(&place) || (!own && touched.own.contains(&place));
            if written && !write {
                return Err(format!("{place} is read after a write without a barrier"));
            }
            let read = touched.read.contains(&place) && !HALVED_IN_PLACE.contains(&place.as_str());
            if write && (read || (touched.own.contains(&place) && !own)) {
                return Err(format!("{place} is written after a read without a barrier"));
            }
            if own && touched.written.contains(&place) {
                return Err(format!("{place} is written twice without a barrier"));
            }
            let set = match (own, write) {
                (true, _) => &mut touched.own,
                (false, true) => &mut touched.written,
                (false, false) => &mut touched.read,
            };
            set.insert(place);
        }
        Ok(())
    }

    /// Follows a block of statements.
    fn block(
        &mut self,
        scope: Scope<'_>,
        block: &Block,
        touched: &mut Touched,
        left: &mut Left,
    ) -> Result<(), String> {
        for statement in block {
            match statement {
                Statement::Emit(range) => {
                    for expression in range.clone() {
                        if let Expression::Load { pointer } = scope.function.expressions[expression]
                        {
                            self.access(scope, self.places(scope, pointer), false, touched)?;
                        }
                    }
                }
                Statement::Store { pointer, .. } => {
                    self.access(scope, self.places(scope, *pointer), true, touched)?;
                }
                Statement::ControlBarrier(_) => {
                    self.barriers += 1;
                    *touched = Touched::default();
                }
                Statement::Call {
                    function,
                    arguments,
                    ..
                } => {
                    let given = arguments.iter().map(|&given| self.regions(scope, given));
                    let given: Vec<BTreeSet<&'static str>> = given.collect();
                    let module: &'a Module = self.module;
                    self.function(&module.functions[*function], &given, touched)?;
                }
                Statement::Block(block) => self.block(scope, block, touched, left)?,
                Statement::If { accept, reject, .. } => {
                    let mut other = touched.clone();
                    self.block(scope, accept, touched, left)?;
                    self.block(scope, reject, &mut other, left)?;
                    touched.join(other);
                }
                Statement::Loop {
                    body, continuing, ..
                } => {
                    let mut inner = Left::default();
                    // Twice, so that the end meets the beginning.
                    for _ in 0..2 {
                        self.block(scope, body, touched, &mut inner)?;
                        touched.join(std::mem::take(&mut inner.continued));
                        self.block(scope, continuing, touched, &mut inner)?;
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

/// The fused kernels' texts for a shape whose images are read again, and for one that keeps them.
fn fused() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for keep_x in [false, true] {
        let tiling = Tiling {
            tile: 4,
            lanes: 96,
            groups: 16,
            weights: WeightPath::Storage,
            keep_x,
            checks: true,
        };
        let recipe = Recipe::named(RecipeName::FullBatchMuon);
        let program = Program::build(&recipe, Sizes::of(100, 10), Variant::Fused(tiling));
        let program = program.expect("a program");
        for shader in program.shaders {
            let input = if keep_x { "kept" } else { "reread" };
            found.push((format!("{}_{input}", shader.kernel), shader.wgsl));
        }
    }
    found
}

/// Without any one of its barriers a text is refused.
fn each_barrier_is_missed(text: &str) -> Result<(), String> {
    const BARRIER: &str = "workgroupBarrier();";
    for (at, _) in text.match_indices(BARRIER) {
        let (before, after) = text.split_at(at);
        if check(&format!("{before}{}", &after[BARRIER.len()..])).is_ok() {
            let line = before.lines().count();
            let end = before.len().saturating_sub(200);
            return Err(format!(
                "not missed: that of line {line}, after {}",
                &before[end..]
            ));
        }
    }
    Ok(())
}

pub fn trials() -> Vec<Trial> {
    let recipe = Recipe::named(RecipeName::FullBatchMuon);
    let layered = LAYERED.into_iter().map(|kernel| {
        let text = compose(&recipe, "", kernel.parts, kernel.source);
        (kernel.name.to_owned(), text)
    });
    let mut trials: Vec<_> = layered
        .chain(fused())
        .map(|(name, text)| {
            Trial::test(format!("barriers::{name}"), move || {
                let barriers = check(&text)?;
                // A kernel with workgroup memory has a barrier; others need none.
                if text.contains("var<workgroup>") != (barriers > 0) {
                    return Err(format!("{barriers} barriers").into());
                }
                Ok(())
            })
        })
        .collect();
    trials.extend(fused().into_iter().map(|(name, text)| {
        Trial::test(format!("barriers::each_of_{name}_is_missed"), move || {
            Ok(each_barrier_is_missed(&text)?)
        })
    }));
    trials
}
