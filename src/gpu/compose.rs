//! WGSL as the device gets it: constants from [`crate::net`], the shared files a kernel names, then the kernel.

use std::fmt::Write;

use super::fused::{TOTALS, UPDATE_LANES, UPDATE_VECTORS};
use super::kernels::Kernel;
use super::packing::{PACKED_VECTORS, first_vector};
use super::plan::RunSpec;
use crate::draw::{Stream, dropout_threshold};
use crate::net;
use crate::recipe::muon;
use crate::recipe::{Activation, Loss, Optimizer, Recipe};

/// Invocations of a workgroup.
pub const LANES: u32 = 64;
/// Invocations of `tally`'s single workgroup.
pub const TALLY_LANES: u32 = 256;
/// Invocations of `muon`'s workgroups, which sum four cells each of a square of [`muon::MOST_SIDE`].
pub const MUON_LANES: u32 = 256;
/// Examples that one workgroup of a gradient kernel sums over.
pub const EXAMPLES_PER_CHUNK: u32 = 512;
/// Quads that an H1 or H2 layer's maps fill.
pub const MAP_QUADS: usize = net::MAPS.div_ceil(4);
/// Quads that H3's units fill, the last with two to spare.
pub const H3_QUADS: usize = net::H3_UNITS.div_ceil(4);
/// Quads that the classes fill, the last with two to spare.
pub const CLASS_QUADS: usize = net::CLASSES.div_ceil(4);
/// Place of the step counter in `progress`.
pub const STEP: usize = 0;
/// Place of the position in `schedule` and `losses` in `progress`.
pub const SLOT: usize = 1;

const _: () = assert!(muon::MOST_SIDE * muon::MOST_SIDE <= 4 * MUON_LANES as usize);

const SHARED: [(&str, &str); 14] = [
    (
        "activation",
        include_str!("../../shaders/shared/activation.wgsl"),
    ),
    ("chunk", include_str!("../../shaders/shared/chunk.wgsl")),
    (
        "connectivity",
        include_str!("../../shaders/shared/connectivity.wgsl"),
    ),
    ("draw", include_str!("../../shaders/shared/draw.wgsl")),
    (
        "lane_sum",
        include_str!("../../shaders/shared/lane_sum.wgsl"),
    ),
    ("layout", include_str!("../../shaders/shared/layout.wgsl")),
    ("outer", include_str!("../../shaders/shared/outer.wgsl")),
    (
        "example_loss",
        include_str!("../../shaders/shared/example_loss.wgsl"),
    ),
    ("packed", include_str!("../../shaders/shared/packed.wgsl")),
    ("tile", include_str!("../../shaders/shared/tile.wgsl")),
    (
        "tile_backward",
        include_str!("../../shaders/shared/tile_backward.wgsl"),
    ),
    (
        "tile_forward",
        include_str!("../../shaders/shared/tile_forward.wgsl"),
    ),
    (
        "tile_gradient",
        include_str!("../../shaders/shared/tile_gradient.wgsl"),
    ),
    (
        "tile_input",
        include_str!("../../shaders/shared/tile_input.wgsl"),
    ),
];

/// H1's quad behind each half of an H2 quad's sources.
///
/// # Panics
/// If the net's connectivity does not come in whole quads.
fn source_quads() -> [[usize; 2]; MAP_QUADS] {
    let mut quads = [[0; 2]; MAP_QUADS];
    for (map, sources) in net::H2_SOURCES.iter().enumerate() {
        for (channel, &source) in sources.iter().enumerate() {
            let quad = source / 4;
            assert_eq!(source, 4 * quad + channel % 4, "sources in whole quads");
            let first = net::H2_SOURCES[map / 4 * 4][channel];
            assert_eq!(source, first, "a quad's maps see the same maps");
            quads[map / 4][channel / 4] = quad;
        }
    }
    quads
}

/// `(H2_SOURCE_QUADS, H1_SEEN_BY)` as `shaders/shared/connectivity.wgsl` reads them, four bits an entry.
fn packed_connectivity() -> (u32, u32) {
    let (mut sources, mut seen_by) = (0, 0);
    let mut seers = [0; MAP_QUADS];
    for (h2_quad, halves) in source_quads().iter().enumerate() {
        for (half, &h1_quad) in halves.iter().enumerate() {
            let entry = 2 * h2_quad + half;
            sources |= (h1_quad as u32) << (4 * entry);
            seen_by |= (entry as u32) << (4 * (2 * h1_quad + seers[h1_quad]));
            seers[h1_quad] += 1;
        }
    }
    assert_eq!(seers, [2; MAP_QUADS], "two H2 quads see each H1 quad");
    (sources, seen_by)
}

/// The constants all kernels share, by their names in WGSL.
pub fn constants() -> Vec<(&'static str, u32)> {
    let (sources, seen_by) = packed_connectivity();
    let mut constants = vec![
        ("LANES", LANES),
        ("TALLY_LANES", TALLY_LANES),
        ("MUON_LANES", MUON_LANES),
        ("MUON_SIDE", muon::MOST_SIDE as u32),
        ("MUON_ITERATIONS", muon::ITERATIONS as u32),
        ("EXAMPLES_PER_CHUNK", EXAMPLES_PER_CHUNK),
        ("H2_SOURCE_QUADS", sources),
        ("H1_SEEN_BY", seen_by),
        ("UPDATE_LANES", UPDATE_LANES),
        ("UPDATE_VECTORS", UPDATE_VECTORS),
        ("TOTAL_LOSS", TOTALS[0]),
        ("TOTAL_MISSED", TOTALS[1]),
        ("LOSSES", TOTALS[2]),
        ("STREAM_SHIFT", Stream::Shift as u32),
        ("STREAM_DROPOUT", Stream::Dropout as u32),
    ];
    let sizes = [
        ("STEP", STEP),
        ("SLOT", SLOT),
        ("SIDE", net::SIDE),
        ("CLASSES", net::CLASSES),
        ("KERNEL", net::KERNEL),
        ("TAPS", net::TAPS),
        ("STRIDE", net::STRIDE),
        ("PADDING", net::PADDING),
        ("PADDED_SIDE", net::PADDED_SIDE),
        ("H1_SIDE", net::H1_SIDE),
        ("H1_AREA", net::H1_AREA),
        ("H2_SIDE", net::H2_SIDE),
        ("H2_AREA", net::H2_AREA),
        ("H2_FAN_MAPS", net::H2_FAN_MAPS),
        ("H3_UNITS", net::H3_UNITS),
        ("MAP_QUADS", MAP_QUADS),
        ("H3_QUADS", H3_QUADS),
        ("CLASS_QUADS", CLASS_QUADS),
        ("H1W", net::H1W.offset),
        ("H1B", net::H1B.offset),
        ("H2W", net::H2W.offset),
        ("H2B", net::H2B.offset),
        ("H3W", net::H3W.offset),
        ("H3B", net::H3B.offset),
        ("OUTW", net::OUTW.offset),
        ("OUTB", net::OUTB.offset),
        ("PARAMETER_COUNT", net::PARAMETER_COUNT),
        ("PACKED_H1W", first_vector(0)),
        ("PACKED_H1B", first_vector(1)),
        ("PACKED_H2W", first_vector(2)),
        ("PACKED_H2B", first_vector(3)),
        ("PACKED_H3W", first_vector(4)),
        ("PACKED_H3B", first_vector(5)),
        ("PACKED_OUTW", first_vector(6)),
        ("PACKED_OUTB", first_vector(7)),
        ("PACKED_VECTORS", PACKED_VECTORS),
    ];
    constants.extend(sizes.map(|(name, value)| (name, value as u32)));
    constants
}

/// A value of the uniform `run`.
#[derive(Debug, Clone, Copy)]
enum Word {
    U32(u32),
    F32(f32),
}

/// What the uniform `run` holds for one dispatch.
#[derive(Debug, Clone)]
pub struct Run {
    spec: RunSpec,
    /// Denominator of the set's pixel codes.
    denominator: u16,
}

impl Run {
    /// What a uniform says for a set whose pixel codes have this denominator.
    pub fn of(spec: &RunSpec, denominator: u16) -> Self {
        Self {
            spec: spec.clone(),
            denominator,
        }
    }

    /// What the uniform of this name, one of [`super::plan::RUNS`], stands for on a set of so many examples.
    pub fn named(name: &str, examples: usize, denominator: u16) -> Self {
        Self::of(&RunSpec::named(name, examples, examples), denominator)
    }

    /// Fields in their order; the WGSL struct and the uniform's bytes both come from here.
    fn fields(&self, recipe: &Recipe) -> [(&'static str, Word); 23] {
        use Word::{F32, U32};
        let spec = &self.spec;
        let dropout = if spec.random { recipe.dropout } else { 0.0 };
        let shift = if spec.random { recipe.shift } else { 0 };
        let f32_of = |value: f64| F32(value as f32);
        [
            ("examples", U32(spec.examples)),
            ("chunks", U32(spec.examples.div_ceil(EXAMPLES_PER_CHUNK))),
            ("first", U32(spec.first)),
            ("batch", U32(spec.batch)),
            ("first_row", U32(spec.first_row)),
            ("rows", U32(spec.rows)),
            ("learn", U32(u32::from(spec.learn))),
            ("advance", U32(u32::from(spec.advance))),
            ("shift", U32(shift)),
            (
                "matrices_apart",
                U32(u32::from(recipe.optimizer == Optimizer::Muon)),
            ),
            ("seed_low", U32(recipe.seed as u32)),
            ("seed_high", U32((recipe.seed >> 32) as u32)),
            ("dropout_threshold", U32(dropout_threshold(dropout))),
            ("kept_factor", f32_of(1.0 / (1.0 - dropout))),
            (
                "inverse_denominator",
                f32_of(1.0 / f64::from(self.denominator)),
            ),
            ("gradient_scale", f32_of(1.0 / f64::from(spec.batch))),
            ("momentum", f32_of(recipe.momentum)),
            ("weight_decay", f32_of(recipe.weight_decay)),
            ("beta1", f32_of(recipe.beta1)),
            ("beta2", f32_of(recipe.beta2)),
            ("one_minus_beta1", f32_of(1.0 - recipe.beta1)),
            ("one_minus_beta2", f32_of(1.0 - recipe.beta2)),
            ("epsilon", f32_of(recipe.epsilon)),
        ]
    }

    /// The uniform's contents.
    pub fn words(&self, recipe: &Recipe) -> Vec<u32> {
        let fields = self.fields(recipe);
        let words = fields.iter().map(|(_, word)| match *word {
            Word::U32(value) => value,
            Word::F32(value) => value.to_bits(),
        });
        let mut words: Vec<u32> = words.collect();
        // Some devices want uniforms in multiples of 16 bytes.
        words.resize(words.len().next_multiple_of(4), 0);
        words
    }
}

/// What stands in front of every kernel of this recipe.
pub fn prelude(recipe: &Recipe) -> String {
    let mut text = String::from("// Generated from src/net.rs and the recipe.\n");
    let mut line = |line: String| writeln!(text, "{line}").expect("writing to a String");
    for (name, value) in constants() {
        line(format!("const {name}: u32 = {value}u;"));
    }
    let [a, b, c] = muon::COEFFICIENTS;
    let (amplitude, gain) = recipe.activation.tanh_scale();
    let floats = [
        ("TANH_AMPLITUDE", amplitude),
        ("TANH_GAIN", gain),
        ("PADDING_VALUE", f64::from(net::PADDING_VALUE)),
        ("MUON_A", a),
        ("MUON_B", b),
        ("MUON_C", c),
        ("MUON_NORM_EPSILON", muon::NORM_EPSILON),
    ];
    for (name, value) in floats {
        line(format!("const {name}: f32 = {:?}f;", value as f32));
    }
    let flags = [
        ("ACTIVATION_IS_TANH", recipe.activation != Activation::Relu),
        ("LOSS_IS_MSE", recipe.loss == Loss::Mse),
    ];
    for (name, value) in flags {
        line(format!("const {name}: bool = {value};"));
    }
    line("struct Run {".into());
    let any = Run::named("run_train", 1, 1);
    for (name, word) in any.fields(recipe) {
        let kind = match word {
            Word::U32(_) => "u32",
            Word::F32(_) => "f32",
        };
        line(format!("    {name}: {kind},"));
    }
    line("}\n@group(0) @binding(0) var<uniform> run: Run;".into());
    text
}

/// Prelude, shared files of these stems, and a kernel's source, in this order.
///
/// # Panics
/// If there is no shared file of a stem.
pub fn compose(recipe: &Recipe, shared: &[&str], source: &str) -> String {
    assemble(prelude(recipe), shared, source)
}

fn assemble(mut text: String, shared: &[&str], source: &str) -> String {
    for stem in shared {
        let found = SHARED.iter().find(|(name, _)| name == stem);
        let (_, file) = found.unwrap_or_else(|| panic!("no shared file is named {stem}"));
        text.push('\n');
        text.push_str(file);
    }
    text.push('\n');
    text.push_str(source);
    text
}

/// A kernel's whole WGSL.
pub fn wgsl(kernel: &Kernel, recipe: &Recipe) -> String {
    compose(recipe, kernel.shared, kernel.source)
}

/// A kernel's whole WGSL, with declarations of its own behind the prelude.
pub(super) fn compose_with(recipe: &Recipe, own: &str, kernel: &Kernel) -> String {
    let mut text = prelude(recipe);
    text.push_str(own);
    assemble(text, kernel.shared, kernel.source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::kernels::KERNELS;
    use crate::recipe::Name;
    use naga::valid::{Capabilities, ValidationFlags, Validator};
    use naga::{AddressSpace, Expression, Literal, StorageAccess};

    fn recipes() -> Vec<Recipe> {
        let mut recipes = Vec::new();
        for activation in [Activation::Tanh, Activation::Relu] {
            for loss in [Loss::Mse, Loss::CrossEntropy] {
                recipes.push(Recipe {
                    activation,
                    loss,
                    ..Recipe::named(Name::FullBatch)
                });
            }
        }
        recipes
    }

    fn parsed(kernel: &Kernel, recipe: &Recipe) -> naga::Module {
        let text = wgsl(kernel, recipe);
        naga::front::wgsl::parse_str(&text)
            .unwrap_or_else(|error| panic!("{}: {}", kernel.name, error.emit_to_string(&text)))
    }

    #[test]
    fn every_kernel_is_valid_without_optional_features() {
        for recipe in recipes() {
            for kernel in &KERNELS {
                let module = parsed(kernel, &recipe);
                Validator::new(ValidationFlags::all(), Capabilities::empty())
                    .validate(&module)
                    .unwrap_or_else(|error| panic!("{}: {error:?}", kernel.name));
            }
        }
    }

    #[test]
    fn constants_are_the_nets() {
        for kernel in &KERNELS {
            let module = parsed(kernel, &recipes()[0]);
            for (name, value) in constants() {
                let mut found = module
                    .constants
                    .iter()
                    .filter(|(_, c)| c.name.as_deref() == Some(name));
                // naga drops what a kernel does not use.
                if let Some((_, constant)) = found.next() {
                    let literal = &module.global_expressions[constant.init];
                    let expected = Expression::Literal(Literal::U32(value));
                    assert_eq!(format!("{literal:?}"), format!("{expected:?}"), "{name}");
                }
                assert!(found.next().is_none(), "{name} twice in {}", kernel.name);
            }
        }
        let of = |name: &str| constants().iter().find(|(n, _)| *n == name).unwrap().1 as usize;
        for tensor in &net::PARAMETERS {
            assert_eq!(of(&tensor.name.to_uppercase()), tensor.offset);
        }
    }

    #[test]
    fn the_table_binds_what_the_shaders_declare() {
        for kernel in &KERNELS {
            let module = parsed(kernel, &recipes()[0]);
            let mut declared = Vec::new();
            for (_, global) in module.global_variables.iter() {
                if let AddressSpace::Storage { access } = global.space {
                    let place = global.binding.unwrap();
                    assert_eq!(place.group, 0);
                    let name = global.name.clone().unwrap();
                    declared.push((place.binding, name, access.contains(StorageAccess::STORE)));
                }
            }
            declared.sort();
            let table = kernel.storage().zip(1..);
            let table: Vec<_> = table
                .map(|((name, writes), at)| (at, name.to_owned(), writes))
                .collect();
            assert_eq!(declared, table, "{}", kernel.name);
            assert!(
                table.len() <= 8,
                "{}: WebGPU promises 8 storage buffers",
                kernel.name
            );
        }
    }

    /// WebGPU promises 16 KiB of workgroup memory and 256 invocations.
    #[test]
    fn workgroups_fit_every_device() {
        for kernel in &KERNELS {
            let module = parsed(kernel, &recipes()[0]);
            let mut layouter = naga::proc::Layouter::default();
            layouter.update(module.to_ctx()).unwrap();
            let workgroup = module
                .global_variables
                .iter()
                .filter(|(_, global)| global.space == AddressSpace::WorkGroup)
                .map(|(_, global)| layouter[global.ty].size)
                .sum::<u32>();
            assert!(workgroup <= 16_384, "{}: {workgroup} bytes", kernel.name);
            let lanes: u32 = module.entry_points[0].workgroup_size.iter().product();
            assert!(lanes == LANES || lanes == TALLY_LANES, "{}", kernel.name);
        }
    }

    #[test]
    fn the_uniform_is_laid_out_as_the_struct() {
        let recipe = &recipes()[0];
        let module = parsed(&KERNELS[0], recipe);
        let (_, run) = module
            .global_variables
            .iter()
            .find(|(_, global)| global.space == AddressSpace::Uniform)
            .unwrap();
        let naga::TypeInner::Struct { members, .. } = &module.types[run.ty].inner else {
            panic!("run is a struct");
        };
        let run = Run::named("run_training", 65, 64);
        assert_eq!(members.len(), run.fields(recipe).len());
        for (index, (member, (name, _))) in members.iter().zip(run.fields(recipe)).enumerate() {
            assert_eq!(member.name.as_deref(), Some(name));
            assert_eq!(member.offset as usize, 4 * index);
        }
    }
}
