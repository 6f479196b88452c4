// A tile of examples in workgroup memory: vectors of four maps (x: four columns), examples innermost.
//
// - H1, later its gradient: [3 quads][8 rows][8 columns][TILE]
// - x [20 rows][5 quads of columns][TILE] and all from H2 to the output: side by side where KEEP_X, else one after the
//   other in one place
//
// Neighbouring lanes handle neighbouring examples. Where they handle different rows, quads or units instead, the odd
// vector at the end of each keeps them off the same bank (eight vectors wide on common devices).

const H1_ROW: u32 = H1_SIDE * TILE + 1u;
const H1_QUAD: u32 = H1_SIDE * H1_ROW + 5u;
const BEHIND_H1: u32 = MAP_QUADS * H1_QUAD;

const X_QUADS: u32 = PADDED_SIDE / 4u;
const X_ROW: u32 = X_QUADS * TILE + 1u;

// What comes after H2 is small: each unit's examples are followed by one vector of nothing.
const APART: u32 = TILE + 1u;
const BEHIND_H2: u32 = BEHIND_H1 + MAP_QUADS * H2_AREA * APART;
const BEHIND_H3: u32 = BEHIND_H2 + H3_QUADS * APART;
const BEHIND_D_H3: u32 = BEHIND_H3 + H3_QUADS * APART;
const BEHIND_OUT: u32 = BEHIND_D_H3 + CLASS_QUADS * APART;
const BEHIND_D_OUT: u32 = BEHIND_OUT + CLASS_QUADS * APART;
const BEHIND_H3_SUMS: u32 = BEHIND_D_OUT + H3_SPLITS * H3_QUADS * APART;
const X: u32 = select(BEHIND_H1, BEHIND_H3_SUMS, KEEP_X);
const BEHIND_X: u32 = X + PADDED_SIDE * X_ROW;

var<workgroup> tile: array<vec4<f32>, max(BEHIND_X, BEHIND_H3_SUMS)>;
// Which units of H2 dropout keeps: a bit each, [quad][row][example], bits [column][map of four].
var<workgroup> kept: array<u32, MAP_QUADS * H2_SIDE * TILE>;
var<workgroup> shifts: array<vec2<i32>, TILE>;

fn h1_at(quad: u32, row: u32, column: u32, e: u32) -> u32 {
    return quad * H1_QUAD + row * H1_ROW + column * TILE + e;
}

fn x_at(row: u32, column_quad: u32, e: u32) -> u32 {
    return X + row * X_ROW + column_quad * TILE + e;
}

fn h2_at(input_quad: u32, e: u32) -> u32 {
    return BEHIND_H1 + input_quad * APART + e;
}

fn h3_at(unit_quad: u32, e: u32) -> u32 {
    return BEHIND_H2 + unit_quad * APART + e;
}

fn d_h3_at(unit_quad: u32, e: u32) -> u32 {
    return BEHIND_H3 + unit_quad * APART + e;
}

fn out_at(class_quad: u32, e: u32) -> u32 {
    return BEHIND_D_H3 + class_quad * APART + e;
}

fn d_out_at(class_quad: u32, e: u32) -> u32 {
    return BEHIND_OUT + class_quad * APART + e;
}

// A share of H3's sums: inputs are summed in H3_SPLITS parts.
fn h3_sum_at(split: u32, unit_quad: u32, e: u32) -> u32 {
    return BEHIND_D_OUT + (split * H3_QUADS + unit_quad) * APART + e;
}
