//! The table of kernels: one WGSL file each, of the same stem as its reference.

/// A kernel: its WGSL and what it binds.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// The stem of `shaders/<name>.wgsl` and `src/reference/<name>.rs`.
    pub name: &'static str,
    /// The file's text.
    pub source: &'static str,
    /// Files under `shaders/shared/` that it builds on, by stem, in the order they are put in front.
    pub shared: &'static [&'static str],
    /// Storage buffers it reads, at bindings 1 and following (0 is the uniform `run`).
    pub reads: &'static [&'static str],
    /// Storage buffers it writes (and may read), at the bindings after those.
    pub writes: &'static [&'static str],
}

impl Kernel {
    /// All storage buffers with whether they are written, in the order of their bindings from 1.
    pub fn storage(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let reads = self.reads.iter().map(|&name| (name, false));
        reads.chain(self.writes.iter().map(|&name| (name, true)))
    }
}

macro_rules! kernel {
    ($name:ident, shared: $shared:expr, reads: $reads:expr, writes: $writes:expr) => {
        Kernel {
            name: stringify!($name),
            source: include_str!(concat!("../../shaders/", stringify!($name), ".wgsl")),
            shared: &$shared,
            reads: &$reads,
            writes: &$writes,
        }
    };
}

/// What every kernel that sums a gradient over a chunk of examples builds on.
const SUMS: [&str; 4] = ["layout", "chunk", "outer", "lane_sum"];

/// Every kernel, in the order of a step.
pub const KERNELS: [Kernel; 19] = [
    kernel!(input, shared: ["draw"], reads: ["codes", "progress"], writes: ["x"]),
    kernel!(h1_forward, shared: ["layout", "activation"], reads: ["parameters", "x"], writes: ["h1"]),
    kernel!(h2_forward, shared: ["layout", "activation", "connectivity"],
        reads: ["parameters", "h1"], writes: ["h2"]),
    kernel!(dropout, shared: ["layout", "draw"], reads: ["h2", "progress"], writes: ["factors", "dropped"]),
    kernel!(h3_forward, shared: ["layout", "activation"], reads: ["parameters", "dropped"], writes: ["h3"]),
    kernel!(out_forward, shared: ["layout", "activation"], reads: ["parameters", "h3"], writes: ["out"]),
    kernel!(loss, shared: ["activation", "example_loss"], reads: ["labels", "out"], writes: ["d_out", "example_loss", "missed"]),
    kernel!(out_backward, shared: ["layout", "activation"],
        reads: ["parameters", "d_out", "h3"], writes: ["d_h3"]),
    kernel!(h3_backward, shared: ["layout", "activation"],
        reads: ["parameters", "d_h3", "h2", "factors"], writes: ["d_h2"]),
    kernel!(h2_backward, shared: ["layout", "activation", "connectivity"],
        reads: ["parameters", "d_h2", "h1"], writes: ["d_h1"]),
    kernel!(out_gradient, shared: SUMS, reads: ["h3", "d_out"], writes: ["partial"]),
    kernel!(h3_gradient, shared: SUMS, reads: ["dropped", "d_h3"], writes: ["partial"]),
    kernel!(h2_gradient, shared: ["layout", "chunk", "outer", "lane_sum", "connectivity"],
        reads: ["h1", "d_h2"], writes: ["partial"]),
    kernel!(h1_gradient, shared: SUMS, reads: ["x", "d_h1"], writes: ["partial"]),
    kernel!(reduce_gradient, shared: [], reads: ["partial"], writes: ["gradient"]),
    kernel!(sgd, shared: [], reads: ["gradient", "schedule", "progress"], writes: ["parameters", "first_moment"]),
    kernel!(adamw, shared: [], reads: ["gradient", "schedule", "progress"],
        writes: ["parameters", "first_moment", "second_moment"]),
    kernel!(muon, shared: [], reads: ["gradient", "schedule", "progress", "places"],
        writes: ["parameters", "first_moment"]),
    kernel!(tally, shared: [], reads: ["example_loss", "missed"], writes: ["totals", "losses", "progress"]),
];

/// The fused kernels: the first does what all of [`KERNELS`] up to the gradients do, the second the rest.
pub const FUSED: [Kernel; 2] = [
    kernel!(pass,
        shared: ["draw", "activation", "connectivity", "outer", "example_loss", "packed", "tile", "tile_input",
            "tile_forward", "tile_backward", "tile_gradient"],
        reads: ["weights", "codes", "labels", "progress"], writes: ["partial", "now"]),
    kernel!(update, shared: [], reads: ["partial", "now", "schedule"],
        writes: ["parameters", "moments", "gradient", "progress"]),
];

/// The kernel of this name.
///
/// # Panics
/// If there is none: names are written in the plans only.
pub fn kernel(name: &str) -> &'static Kernel {
    let mut all = KERNELS.iter().chain(&FUSED);
    let found = all.find(|kernel| kernel.name == name);
    found.unwrap_or_else(|| panic!("no kernel is named {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// Files of the reference that are no kernels.
    const NO_KERNELS: [&str; 4] = ["mod", "engine", "curvature", "scores"];

    fn stems(directory: &str, extension: &str) -> BTreeSet<String> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        let paths = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|found| found == extension))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn every_kernel_has_a_shader_a_reference_and_an_entry() {
        let all = KERNELS.iter().chain(&FUSED);
        let table: BTreeSet<String> = all.map(|k| k.name.to_owned()).collect();
        assert_eq!(table.len(), KERNELS.len() + FUSED.len(), "a name twice");
        let mut reference = stems("src/reference", "rs");
        reference.retain(|stem| !NO_KERNELS.contains(&stem.as_str()));
        assert_eq!(table, stems("shaders", "wgsl"));
        assert_eq!(table, reference);
    }
}
