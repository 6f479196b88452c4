// The forward pass of a tile, layer by layer, as the layered kernels of the same layers document it.

// Five taps of four maps at five neighbouring pixels.
fn add_taps(sum: vec4<f32>, taps: mat4x4<f32>, fifth: vec4<f32>, pixels: vec4<f32>, last: f32) -> vec4<f32> {
    return fma(fifth, vec4<f32>(last), add_product(sum, taps, pixels));
}

// One kernel row over four neighbouring positions (columns) of four maps; a, b, c are twelve columns of x.
fn h1_row(sum: mat4x4<f32>, first: u32, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>) -> mat4x4<f32> {
    let taps = block(first);
    let fifth = weights[first + 4u];
    return mat4x4<f32>(
        add_taps(sum[0], taps, fifth, a, b.x),
        add_taps(sum[1], taps, fifth, vec4<f32>(a.zw, b.xy), b.z),
        add_taps(sum[2], taps, fifth, b, c.x),
        add_taps(sum[3], taps, fifth, vec4<f32>(b.zw, c.xy), c.z),
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
            s0 = h1_row(s0, w, a, b, c);
            s1 = h1_row(s1, w + TAPS, a, b, c);
            s2 = h1_row(s2, w + 2u * TAPS, a, b, c);
        }
        h1_store(s0, 0u, row, 4u * half, e);
        h1_store(s1, 1u, row, 4u * half, e);
        h1_store(s2, 2u, row, 4u * half, e);
    }
}

// Column 2 of a row of H1's padded map, the first that is no padding. Rows of padding are stored once for all.
fn padded_h1_at(quad: u32, padded_row: u32, e: u32) -> u32 {
    let inside = padded_row >= PADDING && padded_row < PADDING + H1_SIDE;
    return select(EDGE_START + e, h1_at(quad, padded_row - PADDING, 0u, e), inside);
}

fn store_edge_row(lane: u32) {
    for (var i = lane; i < H1_SIDE * TILE; i += TILE_LANES) {
        tile[EDGE_START + i] = vec4<f32>(PADDING_VALUE);
    }
}

// Every second column of a row, from its place on.
fn half_row(p: u32) -> mat4x4<f32> {
    return mat4x4<f32>(tile[p], tile[p + 2u * TILE], tile[p + 4u * TILE], tile[p + 6u * TILE]);
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

// The padding left and right of H1's maps adds the same to the first and the last column of every row of H2:
// [quad][half of the maps below][left, right].
var<workgroup> edges: array<vec4<f32>, 4u * MAP_QUADS>;

// The sums of one kernel row each, in the place of H1: [quad][half][left, right][kernel row].
fn sum_edges_of_rows(lane: u32) {
    for (var task = lane; task < 4u * MAP_QUADS * KERNEL; task += TILE_LANES) {
        let right = (task / KERNEL) % 2u;
        let w = PACKED_H2W + (task / (2u * KERNEL) * TAPS + task % KERNEL * KERNEL) * 4u;
        // Taps 0 and 1, or only tap 4.
        let a = block(w + 16u * right);
        let b = block(w + 4u + 12u * right);
        let first = a[0] + a[1] + a[2] + a[3];
        let second = b[0] + b[1] + b[2] + b[3];
        tile[task] = select(first + second, first, right == 1u);
    }
}

fn sum_edges(lane: u32) {
    for (var task = lane; task < 4u * MAP_QUADS; task += TILE_LANES) {
        var sum = vec4<f32>(0.0);
        for (var kr = 0u; kr < KERNEL; kr++) {
            sum += tile[task * KERNEL + kr];
        }
        edges[task] = PADDING_VALUE * sum;
    }
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
        s0[0] = edges[(2u * quad + half) * 2u];
        s0[3] = edges[(2u * quad + half) * 2u + 1u];
        s1 = s0;
        let below = source_quad(quad, half);
        for (var kr = 0u; kr < KERNEL; kr++) {
            let w = h2_block(quad, half, kr * KERNEL);
            // One tap after the other, those of even columns first: fewer registers.
            let p = padded_h1_at(below, STRIDE * row + kr, pair);
            let even0 = half_row(p);
            let even1 = half_row(p + PAIRS);
            let w0 = block(w);
            s0 = add_before(s0, w0, even0);
            s1 = add_before(s1, w0, even1);
            let w2 = block(w + 8u);
            s0 = add_here(s0, w2, even0);
            s1 = add_here(s1, w2, even1);
            let w4 = block(w + 16u);
            s0 = add_next(s0, w4, even0);
            s1 = add_next(s1, w4, even1);
            let odd0 = half_row(p + TILE);
            let odd1 = half_row(p + TILE + PAIRS);
            let w1 = block(w + 4u);
            s0 = add_before(s0, w1, odd0);
            s1 = add_before(s1, w1, odd1);
            let w3 = block(w + 12u);
            s0 = add_here(s0, w3, odd0);
            s1 = add_here(s1, w3, odd1);
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
            a0 = add_product(a0, w, tile[p]);
            a1 = add_product(a1, w, tile[p + PAIRS]);
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
            sum = add_product(sum, block(out_block(unit_quad, class_quad)), tile[h3_at(unit_quad, e)]);
        }
        if (LOSS_IS_MSE) {
            sum = bounded_tanh(sum);
        }
        tile[out_at(class_quad, e)] = sum;
    }
}
