//! Sizes of the GPU engine; `wgsl::constants` lists those that the shaders see.

use crate::net;
use crate::recipe::muon;

/// Invocations of a workgroup of the layered kernels.
pub const LANES: u32 = 64;
/// Invocations of `tally`'s single workgroup.
pub const TALLY_LANES: u32 = 256;
/// Quads of the squares of `muon` and `orthogonal`: of the longest shorter side, the last with two to spare.
pub const MUON_QUADS: usize = muon::MOST_SIDE.div_ceil(4);
/// Invocations of the workgroups of `muon` and `orthogonal`, one per vector of a square.
pub const MUON_LANES: u32 = (4 * MUON_QUADS * MUON_QUADS) as u32;
/// Invocations of the workgroups of `whiten` and `unwhiten`, one per input of a row at least.
pub const ROW_LANES: u32 = 256;
/// Invocations of a workgroup of `update`.
pub const UPDATE_LANES: u32 = 256;
/// Vectors of parameters that a workgroup of `update` handles.
pub const UPDATE_VECTORS: u32 = 16;
/// Examples that one workgroup of a layered gradient kernel sums over.
pub const EXAMPLES_PER_CHUNK: u32 = 512;
/// Quads of an H1 or H2 layer's maps.
pub const MAP_QUADS: usize = net::MAPS.div_ceil(4);
/// Quads of H3's units, the last with two to spare.
pub const H3_QUADS: usize = net::H3_UNITS.div_ceil(4);
/// Quads of the classes, the last with two to spare.
pub const CLASS_QUADS: usize = net::CLASSES.div_ceil(4);
/// Index of the step counter in `progress`.
pub const STEP: usize = 0;
/// Index in `progress` of the position in `schedule` and `losses`.
pub const SLOT: usize = 1;
/// Index of the sum of the losses in the fused kernels' `progress`.
pub const TOTAL_LOSS: usize = 2;
/// Index of the misses there.
pub const TOTAL_MISSED: usize = 3;
/// Index of the first step's loss there.
pub const LOSSES: usize = 4;
/// Steps between two read-backs: entries of `schedule` and `losses`.
pub const SLOTS: u32 = 4096;
/// Bytes of one image's pixel codes.
pub const CODE_BYTES: u64 = 2 * net::PIXELS as u64;
/// Workgroups that WebGPU promises in each dimension of a dispatch.
pub const MOST_WORKGROUPS: u32 = 65_535;

// WebGPU promises workgroups of 256.
const _: () = assert!(MUON_LANES <= 256);
// A lane per input of H2, the layer of the most.
const _: () = assert!(net::H2W.fan_in <= ROW_LANES as usize);
// The kernels are written for whole quads of maps and for 10 classes in three quads.
const _: () = assert!(net::MAPS.is_multiple_of(4) && net::CLASSES == 10);
