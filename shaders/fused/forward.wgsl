// The forward pass of a tile, layer by layer, as the layered kernels of the same layers document it.

// One kernel row over four neighbouring positions (columns) of four maps; a, b, c are twelve columns of x.
fn h1_row(first: u32, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>) -> mat4x4<f32> {
    let w0 = weights[first];
    let w1 = weights[first + 1u];
    let w2 = weights[first + 2u];
    let w3 = weights[first + 3u];
    let w4 = weights[first + 4u];
    return mat4x4<f32>(
        w0 * a.x + w1 * a.y + w2 * a.z + w3 * a.w + w4 * b.x,
        w0 * a.z + w1 * a.w + w2 * b.x + w3 * b.y + w4 * b.z,
        w0 * b.x + w1 * b.y + w2 * b.z + w3 * b.w + w4 * c.x,
        w0 * b.z + w1 * b.w + w2 * c.x + w3 * c.y + w4 * c.z,
    );
}

fn h1_store(sum: mat4x4<f32>, quad: u32, row: u32, column: u32, e: u32) {
    let b = PACKED_H1B + quad * H1_AREA + row * H1_SIDE + column;
    tile[h1_at(quad, row, column, e)] = activate(sum[0] + weights[b]);
    tile[h1_at(quad, row, column + 1u, e)] = activate(sum[1] + weights[b + 1u]);
    tile[h1_at(quad, row, column + 2u, e)] = activate(sum[2] + weights[b + 2u]);
    tile[h1_at(quad, row, column + 3u, e)] = activate(sum[3] + weights[b + 3u]);
}

// One invocation: half a row of all twelve maps of one example.
fn tile_h1(lane: u32) {
    for (var task = lane; task < 2u * H1_SIDE * TILE; task += TILE_LANES) {
        let e = task % TILE;
        let row = (task / TILE) % H1_SIDE;
        let half = task / (TILE * H1_SIDE);
        var s0 = mat4x4<f32>();
        var s1 = mat4x4<f32>();
        var s2 = mat4x4<f32>();
        for (var kr = 0u; kr < KERNEL; kr++) {
            let p = x_at(STRIDE * row + kr, 2u * half, e);
            let a = tile[p];
            let b = tile[p + TILE];
            let c = tile[p + 2u * TILE];
            let w = PACKED_H1W + kr * KERNEL;
            s0 += h1_row(w, a, b, c);
            s1 += h1_row(w + TAPS, a, b, c);
            s2 += h1_row(w + 2u * TAPS, a, b, c);
        }
        h1_store(s0, 0u, row, 4u * half, e);
        h1_store(s1, 1u, row, 4u * half, e);
        h1_store(s2, 2u, row, 4u * half, e);
    }
}

// One row of H1's padded map: columns 2 to 9, the rest of its eleven are padding.
struct PaddedRow {
    v2: vec4<f32>,
    v3: vec4<f32>,
    v4: vec4<f32>,
    v5: vec4<f32>,
    v6: vec4<f32>,
    v7: vec4<f32>,
    v8: vec4<f32>,
    v9: vec4<f32>,
}

fn padded_h1_row(quad: u32, padded_row: u32, e: u32) -> PaddedRow {
    let edge = vec4<f32>(PADDING_VALUE);
    var row = PaddedRow(edge, edge, edge, edge, edge, edge, edge, edge);
    if (padded_row >= PADDING && padded_row < PADDING + H1_SIDE) {
        let p = h1_at(quad, padded_row - PADDING, 0u, e);
        row.v2 = tile[p];
        row.v3 = tile[p + TILE];
        row.v4 = tile[p + 2u * TILE];
        row.v5 = tile[p + 3u * TILE];
        row.v6 = tile[p + 4u * TILE];
        row.v7 = tile[p + 5u * TILE];
        row.v8 = tile[p + 6u * TILE];
        row.v9 = tile[p + 7u * TILE];
    }
    return row;
}

// Four bits of a row's kept units.
fn kept_factor(bits: u32, column: u32) -> vec4<f32> {
    let mine = vec4<u32>(bits >> (4u * column)) & vec4<u32>(1u, 2u, 4u, 8u);
    return select(vec4<f32>(0.0), vec4<f32>(params.kept_factor), mine != vec4<u32>(0u));
}

fn kept_bits(step: u32, example: u32, quad: u32, position: u32) -> u32 {
    let bits = select(vec4<u32>(0u), vec4<u32>(1u, 2u, 4u, 8u), draw_kept(step, example, quad, position));
    return bits.x | bits.y | bits.z | bits.w;
}

fn h2_store(sum: vec4<f32>, bits: u32, quad: u32, row: u32, column: u32, e: u32) {
    let position = row * H2_SIDE + column;
    let bias = weights[PACKED_H2B + quad * H2_AREA + position];
    var value = activate(sum + bias);
    if (params.dropout_threshold > 0u) {
        value *= kept_factor(bits, column);
    }
    tile[h2_at(quad * H2_AREA + position, e)] = value;
}

// One kernel row over a row of four units, one column each; w0 to w4 are the blocks of its taps.
fn h2_row(v: PaddedRow, w0: mat4x4<f32>, w1: mat4x4<f32>, w2: mat4x4<f32>, w3: mat4x4<f32>, w4: mat4x4<f32>) -> mat4x4<f32> {
    let edge = vec4<f32>(PADDING_VALUE);
    return mat4x4<f32>(
        w0 * edge + w1 * edge + w2 * v.v2 + w3 * v.v3 + w4 * v.v4,
        w0 * v.v2 + w1 * v.v3 + w2 * v.v4 + w3 * v.v5 + w4 * v.v6,
        w0 * v.v4 + w1 * v.v5 + w2 * v.v6 + w3 * v.v7 + w4 * v.v8,
        w0 * v.v6 + w1 * v.v7 + w2 * v.v8 + w3 * v.v9 + w4 * edge,
    );
}

const H2_TASKS: u32 = MAP_QUADS * 2u * H2_SIDE * PAIRS;

// One invocation: a row, four units, of four maps of two examples, over half of the maps below. The two lanes of
// the two halves then exchange sums: each finishes one of the examples, dropout included.
fn tile_h2(first: u32, lane: u32) {
    let pair = lane % PAIRS;
    let row = (lane / PAIRS) % H2_SIDE;
    let half = (lane / (PAIRS * H2_SIDE)) % 2u;
    let quad = lane / (PAIRS * H2_SIDE * 2u);
    var s0 = mat4x4<f32>();
    var s1 = mat4x4<f32>();
    // At most one task per lane, as a loop: where no lane of a subgroup works, some devices skip a loop but not an `if`.
    for (var task = lane; task < H2_TASKS; task += TILE_LANES) {
        let below = source_quad(quad, half);
        for (var kr = 0u; kr < KERNEL; kr++) {
            let w = h2_block(quad, half, kr * KERNEL);
            let w0 = block(w);
            let w1 = block(w + 4u);
            let w2 = block(w + 8u);
            let w3 = block(w + 12u);
            let w4 = block(w + 16u);
            s0 += h2_row(padded_h1_row(below, STRIDE * row + kr, pair), w0, w1, w2, w3, w4);
            s1 += h2_row(padded_h1_row(below, STRIDE * row + kr, pair + PAIRS), w0, w1, w2, w3, w4);
        }
    }
    let e = pair + PAIRS * half;
    var mine = s0;
    var given = s1;
    if (half == 1u) {
        mine = s1;
        given = s0;
    }
    let position = row * H2_SIDE;
    for (var task = lane; task < H2_TASKS; task += TILE_LANES) {
        let p = h2_at(quad * H2_AREA + position, pair + PAIRS * (1u - half));
        tile[p] = given[0];
        tile[p + UNIT_STRIDE] = given[1];
        tile[p + 2u * UNIT_STRIDE] = given[2];
        tile[p + 3u * UNIT_STRIDE] = given[3];
    }
    workgroupBarrier();
    for (var task = lane; task < H2_TASKS; task += TILE_LANES) {
        var bits = 0u;
        let drawn = select(0u, H2_SIDE, params.dropout_threshold > 0u);
        for (var column = 0u; column < drawn; column++) {
            let example = params.first + first + e;
            bits |= kept_bits(progress[STEP], example, quad, position + column) << (4u * column);
        }
        kept[(quad * H2_SIDE + row) * TILE + e] = bits;
        let p = h2_at(quad * H2_AREA + position, e);
        h2_store(mine[0] + tile[p], bits, quad, row, 0u, e);
        h2_store(mine[1] + tile[p + UNIT_STRIDE], bits, quad, row, 1u, e);
        h2_store(mine[2] + tile[p + 2u * UNIT_STRIDE], bits, quad, row, 2u, e);
        h2_store(mine[3] + tile[p + 3u * UNIT_STRIDE], bits, quad, row, 3u, e);
    }
}

const PAIRS: u32 = TILE / 2u;
const H3_INPUT_QUADS: u32 = MAP_QUADS * H2_AREA;

// One invocation: four units of two examples, over one split of the inputs.
fn tile_h3_sums(lane: u32) {
    for (var task = lane; task < PAIRS * H3_QUADS * H3_SPLITS; task += TILE_LANES) {
        let e = task % PAIRS;
        let unit_quad = (task / PAIRS) % H3_QUADS;
        let split = task / (PAIRS * H3_QUADS);
        var a0 = vec4<f32>(0.0);
        var a1 = vec4<f32>(0.0);
        let first = split * (H3_INPUT_QUADS / H3_SPLITS);
        for (var i = 0u; i < H3_INPUT_QUADS / H3_SPLITS; i++) {
            let w = block(h3_block(first + i, unit_quad));
            let p = h2_at(first + i, e);
            a0 += w * tile[p];
            a1 += w * tile[p + PAIRS];
        }
        let p = h3_sum_at(split, unit_quad, e);
        tile[p] = a0;
        tile[p + PAIRS] = a1;
    }
}

// One invocation: four units of one example.
fn tile_h3(lane: u32) {
    for (var task = lane; task < TILE * H3_QUADS; task += TILE_LANES) {
        let e = task % TILE;
        let unit_quad = task / TILE;
        var sum = weights[PACKED_H3B + unit_quad];
        for (var split = 0u; split < H3_SPLITS; split++) {
            sum += tile[h3_sum_at(split, unit_quad, e)];
        }
        tile[h3_at(unit_quad, e)] = activate(sum);
    }
}

// One invocation: four classes of one example.
fn tile_out(lane: u32) {
    for (var task = lane; task < TILE * CLASS_QUADS; task += TILE_LANES) {
        let e = task % TILE;
        let class_quad = task / TILE;
        var sum = weights[PACKED_OUTB + class_quad];
        for (var unit_quad = 0u; unit_quad < H3_QUADS; unit_quad++) {
            sum += block(out_block(unit_quad, class_quad)) * tile[h3_at(unit_quad, e)];
        }
        if (LOSS_IS_MSE) {
            sum = bounded_tanh(sum);
        }
        tile[out_at(class_quad, e)] = sum;
    }
}
