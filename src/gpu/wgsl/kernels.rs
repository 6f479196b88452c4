//! The table of kernels: one WGSL file each, of the same stem as its reference.

/// A kernel: its WGSL and its bindings.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// The stem of its file under `shaders/` and of `src/reference/<name>.rs`.
    pub name: &'static str,
    /// The file's text.
    pub source: &'static str,
    /// Texts of the files it builds on ([`parts`]), in this order before its own.
    pub parts: &'static [&'static str],
    /// Storage buffers it reads, at bindings 1 and following (0 is the uniform `params`).
    pub reads: &'static [&'static str],
    /// Storage buffers it writes (and may read), at the bindings after those.
    pub writes: &'static [&'static str],
}

macro_rules! shader {
    ($path:expr) => {
        include_str!(concat!("../../../shaders/", $path, ".wgsl"))
    };
}

/// Files that several kernels, or the fused one, build on.
pub mod parts {
    macro_rules! parts {
        ($($name:ident = $path:literal;)*) => {
            $(#[doc = concat!("`shaders/", $path, ".wgsl`")] pub const $name: &str = shader!($path);)*
        };
    }
    parts! {
        ACTIVATION = "shared/activation";
        CONNECTIVITY = "shared/connectivity";
        DRAW = "shared/draw";
        EXAMPLE_LOSS = "shared/example_loss";
        NEWTON_SCHULZ = "shared/newton_schulz";
        ROWS = "shared/rows";
        CHUNK = "layered/parts/chunk";
        LANE_SUM = "layered/parts/lane_sum";
        LAYOUT = "layered/parts/layout";
        OUTER = "layered/parts/outer";
        PRODUCTS = "fused/products";
        WEIGHTS = "fused/weights";
        TILE = "fused/tile";
        INPUT = "fused/input";
        FORWARD = "fused/forward";
        BACKWARD = "fused/backward";
        GRADIENT = "fused/gradient";
    }
}

macro_rules! kernels {
    ($(#[$attribute:meta])* $list:ident:
        $($constant:ident = $folder:literal $name:literal:
            [$($part:ident),*], [$($read:ident),*] => [$($write:ident),*];)*) => {
        $(
            #[doc = concat!("`shaders/", $folder, $name, ".wgsl`")]
            pub static $constant: Kernel = Kernel {
                name: $name,
                source: shader!(concat!($folder, $name)),
                parts: &[$(parts::$part),*],
                reads: &[$(stringify!($read)),*],
                writes: &[$(stringify!($write)),*],
            };
        )*
        $(#[$attribute])*
        pub static $list: [&Kernel; [$(stringify!($constant)),*].len()] = [$(&$constant),*];
    };
}

// name: parts, buffers read => buffers written.
kernels! {
    /// The kernels of the layered step, in its order; [`MUON`] and whitened Muon's three are the fused step's too.
    LAYERED:
    INPUT = "layered/" "input": [DRAW], [codes, progress] => [x];
    H1_FORWARD = "layered/" "h1_forward": [LAYOUT, ACTIVATION], [parameters, x] => [h1];
    H2_FORWARD = "layered/" "h2_forward": [LAYOUT, ACTIVATION, CONNECTIVITY], [parameters, h1] => [h2];
    DROPOUT = "layered/" "dropout": [LAYOUT, DRAW], [h2, progress] => [factors, dropped];
    H3_FORWARD = "layered/" "h3_forward": [LAYOUT, ACTIVATION], [parameters, dropped] => [h3];
    OUT_FORWARD = "layered/" "out_forward": [LAYOUT, ACTIVATION], [parameters, h3] => [out];
    LOSS = "layered/" "loss": [ACTIVATION, EXAMPLE_LOSS], [labels, out] => [d_out, example_loss, missed];
    OUT_BACKWARD = "layered/" "out_backward": [LAYOUT, ACTIVATION], [parameters, d_out, h3] => [d_h3];
    H3_BACKWARD = "layered/" "h3_backward": [LAYOUT, ACTIVATION], [parameters, d_h3, h2, factors] => [d_h2];
    H2_BACKWARD = "layered/" "h2_backward": [LAYOUT, ACTIVATION, CONNECTIVITY], [parameters, d_h2, h1] => [d_h1];
    OUT_GRADIENT = "layered/" "out_gradient": [LAYOUT, CHUNK, OUTER, LANE_SUM], [h3, d_out] => [partial];
    H3_GRADIENT = "layered/" "h3_gradient": [LAYOUT, CHUNK, OUTER, LANE_SUM], [dropped, d_h3] => [partial];
    H2_GRADIENT = "layered/" "h2_gradient": [LAYOUT, CHUNK, OUTER, LANE_SUM, CONNECTIVITY], [h1, d_h2] => [partial];
    H1_GRADIENT = "layered/" "h1_gradient": [LAYOUT, CHUNK, OUTER, LANE_SUM], [x, d_h1] => [partial];
    REDUCE_GRADIENT = "layered/" "reduce_gradient": [], [partial] => [gradient];
    SGD = "layered/" "sgd": [], [gradient, schedule, progress] => [parameters, first_moment];
    ADAMW = "layered/" "adamw": [], [gradient, schedule, progress] => [parameters, first_moment, second_moment];
    MUON = "" "muon": [NEWTON_SCHULZ], [gradient, schedule, progress, packed_index] => [parameters, first_moment];
    WHITEN = "" "whiten": [ROWS], [gradient, whitening, means, packed_index] => [first_moment, whitened];
    ORTHOGONAL = "" "orthogonal": [NEWTON_SCHULZ], [] => [whitened];
    UNWHITEN = "" "unwhiten": [ROWS],
        [whitened, whitening, means, schedule, progress, packed_index] => [parameters];
    TALLY = "layered/" "tally": [], [example_loss, missed] => [totals, losses, progress];
}
kernels! {
    /// The fused kernels: the first does the work of all layered ones up to the gradients, the second the rest.
    FUSED:
    FORWARD_BACKWARD = "fused/" "forward_backward":
        [DRAW, ACTIVATION, CONNECTIVITY, PRODUCTS, EXAMPLE_LOSS, WEIGHTS, TILE, INPUT, FORWARD, BACKWARD, GRADIENT],
        [weights, codes, labels, progress] => [partial, step_state];
    UPDATE = "fused/" "update": [], [partial, step_state, schedule] => [parameters, moments, gradient, progress];
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    /// Files of the reference that are no kernels.
    const NO_KERNELS: [&str; 5] = ["mod", "engine", "curvature", "scores", "whitened_muon"];

    /// Every file of this extension below a folder.
    fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(files(&path, extension));
            } else if path.extension().is_some_and(|of| of == extension) {
                found.push(path);
            }
        }
        found
    }

    fn stem(path: &Path) -> String {
        path.file_stem().unwrap().to_str().unwrap().to_owned()
    }

    fn all() -> impl Iterator<Item = &'static Kernel> {
        LAYERED.into_iter().chain(FUSED)
    }

    #[test]
    fn every_kernel_has_a_shader_a_reference_and_an_entry() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let table: BTreeSet<String> = all().map(|kernel| kernel.name.to_owned()).collect();
        assert_eq!(table.len(), LAYERED.len() + FUSED.len(), "a name twice");
        let reference = files(&root.join("src/reference"), "rs");
        let mut reference: BTreeSet<String> = reference.iter().map(|path| stem(path)).collect();
        reference.retain(|stem| !NO_KERNELS.contains(&stem.as_str()));
        assert_eq!(table, reference);
        // Every other shader is a part of some kernel.
        let mut shaders = BTreeSet::new();
        for path in files(&root.join("shaders"), "wgsl") {
            let text = std::fs::read_to_string(&path).unwrap();
            if !all().any(|kernel| kernel.parts.contains(&text.as_str())) {
                shaders.insert(stem(&path));
            }
        }
        assert_eq!(table, shaders);
    }
}
