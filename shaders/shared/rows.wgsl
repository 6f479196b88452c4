// Rows of all layers' weights: a map's or a unit's, from H1 to the output. The rows of a group (H2 has three) see the same
// inputs.
//
// - means: the mean input, [layer][group][position][input]
// - whitening: [layer][group][input][input], L⁻¹ in the lower triangle, and its transpose in the upper one, so that the lanes
//   of both kernels read neighbours

// The inputs of a row, the positions it is applied at, its first weight, the stride to the next, its first bias, and where
// its group's mean and whitening start.
struct Row {
    inputs: u32,
    positions: u32,
    weights: u32,
    stride: u32,
    biases: u32,
    mean: u32,
    whitening: u32,
}

const ROWS_OF_H2: u32 = 4u * MAP_QUADS;
const ROWS_OF_H3: u32 = 2u * ROWS_OF_H2;
const ROWS_OF_OUT: u32 = ROWS_OF_H3 + H3_UNITS;

fn row_of(index: u32) -> Row {
    if (index < ROWS_OF_H2) {
        return Row(TAPS, H1_AREA, H1W + index * TAPS, 1u, H1B + index * H1_AREA, MEANS_H1, WHITENING_H1);
    }
    if (index < ROWS_OF_H3) {
        let row = index - ROWS_OF_H2;
        let inputs = H2_FAN_MAPS * TAPS;
        let group = row / H2_GROUP_ROWS;
        return Row(
            inputs,
            H2_AREA,
            H2W + row * inputs,
            1u,
            H2B + row * H2_AREA,
            MEANS_H2 + group * H2_AREA * inputs,
            WHITENING_H2 + group * inputs * inputs,
        );
    }
    if (index < ROWS_OF_OUT) {
        let row = index - ROWS_OF_H3;
        return Row(4u * MAP_QUADS * H2_AREA, 1u, H3W + row, H3_UNITS, H3B + row, MEANS_H3, WHITENING_H3);
    }
    let row = index - ROWS_OF_OUT;
    return Row(H3_UNITS, 1u, OUTW + row, CLASSES, OUTB + row, MEANS_OUT, WHITENING_OUT);
}

// Loops take four terms at a time, four times a round: a round waits for memory once. Terms are added in their order:
// with four sums of every fourth term, whitened Muon's fourth loss missed JAX's by twice the tolerance.
const QUAD: vec4<u32> = vec4<u32>(0u, 1u, 2u, 3u);

fn add_terms(sum: f32, a: vec4<f32>, b: vec4<f32>) -> f32 {
    return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

// Mean of an input at four positions.
fn means_of(row: Row, input: u32, positions: vec4<u32>) -> vec4<f32> {
    let at = row.mean + positions * row.inputs + input;
    return vec4<f32>(means[at.x], means[at.y], means[at.z], means[at.w]);
}

// Elements of a column of the whitening matrix in four rows.
fn whitening_of(row: Row, column: u32, rows: vec4<u32>) -> vec4<f32> {
    let at = row.whitening + rows * row.inputs + column;
    return vec4<f32>(whitening[at.x], whitening[at.y], whitening[at.z], whitening[at.w]);
}
