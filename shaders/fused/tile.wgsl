// A tile of examples in workgroup memory: vectors of four maps (x: four columns), examples innermost.
//
// - H1, later its gradient: [3 quads][8 rows][8 columns][TILE]
// - x [20 rows][5 quads of columns][TILE] and everything from H2 to the output: side by side where KEEP_X, else one after
//   the other in the same place
// - a row of H1's padding: [8 columns][TILE]
//
// The sizes and offsets (`H1_ROW`, `UNIT_STRIDE`, `H2_START`, …) are computed in src/gpu/layout/tiling.rs, which also says
// why rows, quads and units are padded.

var<workgroup> tile: array<vec4<f32>, TILE_VECTORS>;
// The units of H2 that dropout keeps: a bit each, [quad][row][example], bits [column][map of four].
var<workgroup> kept: array<u32, MAP_QUADS * H2_SIDE * TILE>;
var<workgroup> shifts: array<vec2<i32>, TILE>;

fn h1_at(quad: u32, row: u32, column: u32, e: u32) -> u32 {
    return quad * H1_QUAD + row * H1_ROW + column * TILE + e;
}

fn x_at(row: u32, column_quad: u32, e: u32) -> u32 {
    return X_START + row * X_ROW + column_quad * TILE + e;
}

fn h2_at(input_quad: u32, e: u32) -> u32 {
    return H2_START + input_quad * UNIT_STRIDE + e;
}

fn h3_at(unit_quad: u32, e: u32) -> u32 {
    return H3_START + unit_quad * UNIT_STRIDE + e;
}

fn d_h3_at(unit_quad: u32, e: u32) -> u32 {
    return D_H3_START + unit_quad * UNIT_STRIDE + e;
}

fn out_at(class_quad: u32, e: u32) -> u32 {
    return OUT_START + class_quad * UNIT_STRIDE + e;
}

fn d_out_at(class_quad: u32, e: u32) -> u32 {
    return D_OUT_START + class_quad * UNIT_STRIDE + e;
}

// A partial sum of H3: its inputs are summed in H3_SPLITS parts.
fn h3_sum_at(split: u32, unit_quad: u32, e: u32) -> u32 {
    return H3_SUMS_START + (split * H3_QUADS + unit_quad) * UNIT_STRIDE + e;
}
