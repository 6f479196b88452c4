//! Every pipeline that can be built at run time: the shaders of the programs of all kinds of recipes.

use std::collections::{BTreeMap, BTreeSet};

use gpu_train::gpu::layout::tiling::{GROUPS, LANES, TILES};
use gpu_train::gpu::step::plan::{Binding, Shader};
use gpu_train::gpu::wgsl::kernels::{FUSED, LAYERED};
use gpu_train::gpu::{Program, Sizes, Tiling, Variant, WeightPath};
use gpu_train::recipe::{Activation, Loss, Optimizer, Recipe, RecipeName};

/// A kernel's WGSL for some recipes.
pub struct Pipeline {
    /// Kernel, activation and loss, of `forward_backward` the shape and of `update` the optimizer: everything that the text
    /// depends on.
    pub name: String,
    /// The kernel's name alone.
    pub kernel: String,
    /// Its bindings.
    pub bindings: Vec<Binding>,
    /// The shape of `forward_backward`.
    pub tiling: Option<Tiling>,
    /// True if the fused variant has it, which may run without checks.
    pub is_fused: bool,
    /// The WGSL.
    pub wgsl: String,
}

/// Each combination of what decides which kernels a program holds or what their text is.
pub fn recipes() -> Vec<Recipe> {
    let mut recipes = Vec::new();
    for activation in [Activation::Tanh, Activation::Relu] {
        for loss in [Loss::Mse, Loss::CrossEntropy] {
            for optimizer in [
                Optimizer::Sgd,
                Optimizer::AdamW,
                Optimizer::Muon,
                Optimizer::WhitenedMuon,
            ] {
                for (shift, dropout) in [(0, 0.0), (1, 0.0), (0, 0.25), (2, 0.5)] {
                    recipes.push(Recipe {
                        activation,
                        loss,
                        optimizer,
                        shift,
                        dropout,
                        // Numbers reach the kernels in the uniform, not in the text: see `are_complete`.
                        seed: 1 + recipes.len() as u64,
                        learning_rate: 0.001 * (1 + recipes.len()) as f64,
                        ..Recipe::named(RecipeName::FullBatchMuon)
                    });
                }
            }
        }
    }
    recipes
}

/// Activations with losses, as in the names.
const NETS: [&str; 4] = [
    "-tanh-mse",
    "-tanh-cross-entropy",
    "-relu-mse",
    "-relu-cross-entropy",
];

fn variant(recipe: &Recipe) -> String {
    let activation = match recipe.activation {
        Activation::Tanh => "tanh",
        Activation::Relu => "relu",
        Activation::ScaledTanh => "scaled-tanh",
    };
    let loss = match recipe.loss {
        Loss::Mse => "mse",
        Loss::CrossEntropy => "cross-entropy",
    };
    format!("{activation}-{loss}")
}

/// Workgroup memory that WebGPU promises everywhere.
pub const WEBGPUS_WORKGROUP_BYTES: u32 = 16 << 10;
/// Workgroup memory that DX12 allows.
pub const DX12S_WORKGROUP_BYTES: u32 = 32 << 10;
/// Workgroup memory that some device offers; a shape that needs more is left out.
pub const MOST_WORKGROUP_BYTES: u32 = 48 << 10;

/// Every shape of `forward_backward` that some device can run. The number of workgroups does not change the text.
pub fn tilings() -> Vec<Tiling> {
    let mut tilings = Vec::new();
    for tile in TILES {
        for lanes in LANES {
            for weights in [WeightPath::Uniform, WeightPath::Storage] {
                for keep_x in [false, true] {
                    tilings.push(Tiling {
                        tile,
                        lanes,
                        groups: GROUPS[0],
                        weights,
                        keep_x,
                        checks: true,
                    });
                }
            }
        }
    }
    let most = MOST_WORKGROUP_BYTES;
    tilings.retain(|tiling| tiling.is_possible() && tiling.workgroup_bytes() <= most);
    tilings
}

/// A shape without the number of workgroups, for a file's name.
fn shape(tiling: &Tiling) -> String {
    let weights = match tiling.weights {
        WeightPath::Uniform => "uniform",
        WeightPath::Storage => "storage",
    };
    let input = if tiling.keep_x { "kept" } else { "reread" };
    format!("{}x{}-{weights}-{input}", tiling.tile, tiling.lanes)
}

/// All pipelines, each text once.
pub fn all() -> Vec<Pipeline> {
    let mut found: BTreeMap<(String, String), (Shader, Option<Tiling>)> = BTreeMap::new();
    let mut fused = BTreeSet::new();
    let tilings = tilings();
    for (index, recipe) in recipes().iter().enumerate() {
        let sizes = Sizes {
            image_buffer_bytes: 1 << 27,
            ..Sizes::of(7_291 + index, 2_007)
        };
        let shaders_of = |variant| {
            let program = Program::build(recipe, sizes, variant);
            program.expect("every recipe has kernels").shaders
        };
        for shader in shaders_of(Variant::Layered) {
            let name = format!("{}-{}", shader.kernel, variant(recipe));
            found.insert((name, shader.wgsl.clone()), (shader, None));
        }
        for (place, &tiling) in tilings.iter().enumerate() {
            let groups = GROUPS[(index + place) % GROUPS.len()];
            let variant_of = Variant::Fused(Tiling { groups, ..tiling });
            for shader in shaders_of(variant_of) {
                fused.insert(shader.kernel.clone());
                let (of, tiling) = match &*shader.kernel {
                    "forward_backward" => (format!("-{}", shape(&tiling)), Some(tiling)),
                    "update" => (format!("-{:?}", recipe.optimizer).to_lowercase(), None),
                    // As the layered kernels have it.
                    _ => (String::new(), None),
                };
                let name = format!("{}-{}{of}", shader.kernel, variant(recipe));
                found.insert((name, shader.wgsl.clone()), (shader, tiling));
            }
        }
    }
    let pipelines = found.into_iter();
    pipelines
        .map(|((name, wgsl), (shader, tiling))| Pipeline {
            name,
            is_fused: fused.contains(&shader.kernel),
            kernel: shader.kernel.into_owned(),
            bindings: shader.bindings,
            tiling,
            wgsl,
        })
        .collect()
}

/// One text for each kernel, activation and loss, of `forward_backward` for each shape, of `update` for each optimizer: nothing else
/// in a recipe changes the text, and no kernel is left out.
pub fn are_complete(pipelines: &[Pipeline]) -> Result<(), String> {
    let names: BTreeSet<&str> = pipelines.iter().map(|p| p.name.as_str()).collect();
    if names.len() != pipelines.len() {
        return Err("a text depends on more than its name says".into());
    }
    let expected = 4 * (LAYERED.len() + tilings().len() + 4);
    if pipelines.len() != expected {
        return Err(format!(
            "{} pipelines, expected {expected}",
            pipelines.len()
        ));
    }
    let kernels: BTreeSet<&str> = pipelines.iter().map(|p| p.kernel.as_str()).collect();
    let mut all = LAYERED.into_iter().chain(FUSED);
    match all.find(|kernel| !kernels.contains(kernel.name)) {
        Some(kernel) => Err(format!("no recipe uses {}", kernel.name)),
        None => Ok(()),
    }
}

/// Pipelines for DXC, which takes seconds for one `forward_backward` and has 32 KiB of workgroup memory: all others, and of
/// its shapes one for each tile, number of lanes and way for images, the ways for weights and the nets in turn.
pub fn covering(pipelines: &'static [Pipeline]) -> Vec<&'static Pipeline> {
    let mut shapes = tilings();
    shapes.retain(|tiling| tiling.workgroup_bytes() <= DX12S_WORKGROUP_BYTES);
    let mut chosen = BTreeSet::new();
    let pairs = shapes.chunk_by(|a, b| a.tile == b.tile && a.lanes == b.lanes);
    for (pair, of_pair) in pairs.enumerate() {
        for keep_x in [false, true] {
            let mut ways = of_pair.iter().filter(|tiling| tiling.keep_x == keep_x);
            let turn = pair + usize::from(keep_x);
            if let Some(tiling) = ways.nth(turn % 2) {
                let net = NETS[chosen.len() % NETS.len()];
                chosen.insert(format!("forward_backward{net}-{}", shape(tiling)));
            }
        }
    }
    let chosen = move |pipeline: &&Pipeline| match pipeline.tiling {
        None => true,
        Some(_) => chosen.contains(&pipeline.name),
    };
    pipelines.iter().filter(chosen).collect()
}

/// The choice of `covering` has each tile, number of lanes and way that fits, and each net.
pub fn covering_covers(pipelines: &'static [Pipeline]) -> Result<(), String> {
    let chosen = covering(pipelines);
    let shapes = || chosen.iter().filter(|pipeline| pipeline.tiling.is_some());
    let named = |part: &str| shapes().any(|pipeline| pipeline.name.contains(part));
    let mut wanted: Vec<String> = NETS.map(|net| format!("{net}-")).to_vec();
    let parts = ["-uniform-", "-storage-", "-kept", "-reread"];
    wanted.extend(parts.map(str::to_owned));
    wanted.extend(LANES.map(|lanes| format!("x{lanes}-")));
    let mut tiles: Vec<u32> = Vec::new();
    for tiling in tilings() {
        if tiling.workgroup_bytes() <= DX12S_WORKGROUP_BYTES && !tiles.contains(&tiling.tile) {
            tiles.push(tiling.tile);
        }
    }
    wanted.extend(tiles.iter().map(|tile| format!("-{tile}x")));
    match wanted.iter().find(|part| !named(part)) {
        Some(part) => Err(format!("none of {} with {part}", shapes().count())),
        None => Ok(()),
    }
}
