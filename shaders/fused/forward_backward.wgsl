// The whole net forward and backward, fused: from pixel codes to each workgroup's partial sum of the gradient.
//
// partial[workgroup, p] = Σ d loss / d p over the workgroup's examples, followed by (Σ loss, Σ missed)
//
// - weights: the parameters, packed (shaders/fused/weights.wgsl)
// - codes: [128][examples], two 16-bit codes a word; labels: [examples]; progress: the step, for the draws
// - partial: [rows][PACKED_VECTORS + 1]; step_state: the step and the slot, copied from progress for `update`
//
// One workgroup: every num_workgroups-th tile of TILE examples. Everything between the codes and the gradient stays in
// workgroup memory and registers. Where params.compute_gradient is 0 only losses and misses are written.

@group(0) @binding(2) var<storage, read> codes: array<u32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read> progress: array<u32>;
@group(0) @binding(5) var<storage, read_write> partial: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> step_state: array<u32>;

@compute @workgroup_size(TILE_LANES)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
) {
    let row = row_of_partial(workgroup.x);
    if (params.first == 0u && workgroup.x == 0u && lane == 0u) {
        // `update` advances progress while its other workgroups still read the step.
        step_state[STEP] = progress[STEP];
        step_state[SLOT] = progress[SLOT];
    }
    store_edge_row(lane);
    sum_edges_of_rows(lane);
    workgroupBarrier();
    sum_edges(lane);
    workgroupBarrier();
    var first_tile = true;
    for (var first = workgroup.x * TILE; first < params.examples; first += workgroups.x * TILE) {
        draw_shifts(first, lane);
        workgroupBarrier();
        stage_input(first, lane);
        workgroupBarrier();
        tile_h1(lane);
        workgroupBarrier();
        tile_h2(first, lane);
        workgroupBarrier();
        tile_h3_sums(lane);
        workgroupBarrier();
        tile_h3(lane);
        workgroupBarrier();
        tile_out(lane);
        workgroupBarrier();
        tile_loss(first, lane);
        workgroupBarrier();
        if (params.compute_gradient == 1u) {
            gradient_of_h3(lane);
            gradient_of_out(lane, row, first_tile);
            workgroupBarrier();
            tile_d_h2(lane);
            workgroupBarrier();
            gradient_of_h2(lane, row, first_tile);
            workgroupBarrier();
            tile_d_h1(lane);
            workgroupBarrier();
            if (!KEEP_X) {
                stage_input(first, lane);
                workgroupBarrier();
            }
            gradient_of_h1(lane, row, first_tile);
            workgroupBarrier();
        }
        first_tile = false;
    }
    if (params.compute_gradient == 1u) {
        store_sums(lane, row);
    }
    workgroupBarrier();
    tile[lane] = vec4<f32>(loss_sum, missed_sum, 0.0, 0.0);
    workgroupBarrier();
    if (lane == 0u) {
        var sum = vec4<f32>(0.0);
        for (var other = 0u; other < TILE; other++) {
            sum += tile[other];
        }
        partial[row + PACKED_VECTORS] = sum;
    }
}
