// Pixel codes to padded, shifted values.
//
// x[row, column, example] = code / denominator − 1, shifted by the example's draw; −1 where the shift uncovers
// and in the padding
//
// - codes: [128][examples], two 16-bit codes a word (pixel 2i in the low half of word i)
// - x: [20][20][examples]
//
// One invocation: one padded row of one example (y: the row).

@group(0) @binding(1) var<storage, read> codes: array<u32>;
@group(0) @binding(2) var<storage, read> progress: array<u32>;
@group(0) @binding(3) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(global_invocation_id) invocation: vec3<u32>,
    @builtin(workgroup_id) workgroup: vec3<u32>,
) {
    let example = invocation.x;
    if (example >= params.examples) {
        return;
    }
    let shift = draw_shift(progress[STEP], example);
    let row = workgroup.y;
    let from_row = i32(row) - i32(PADDING) - shift.x;
    // A shifted image does not reach into the padding.
    let row_inside = row >= PADDING && row < PADDING + SIDE && from_row >= 0 && from_row < i32(SIDE);
    for (var column = 0u; column < PADDED_SIDE; column++) {
        let from_column = i32(column) - i32(PADDING) - shift.y;
        let column_inside = column >= PADDING && column < PADDING + SIDE
            && from_column >= 0 && from_column < i32(SIDE);
        var value = PADDING_VALUE;
        if (row_inside && column_inside) {
            let pixel = u32(from_row) * SIDE + u32(from_column);
            let word = codes[(pixel / 2u) * params.examples + example];
            let code = (word >> (16u * (pixel % 2u))) & 0xffffu;
            value = f32(code) * params.inverse_denominator - 1.0;
        }
        x[(row * PADDED_SIDE + column) * params.examples + example] = value;
    }
}
