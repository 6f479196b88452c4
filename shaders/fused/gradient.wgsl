// A tile's contribution to each parameter's gradient, as the layered kernels of the same layers document it.
//
// The sums for the weights of H1, H2 and H3 stay in a lane's registers from tile to tile: a lane owns a block of weights
// and one split of the terms. Everything else is added to the workgroup's row of `partial` at once.

const H2_BLOCKS: u32 = MAP_QUADS * 2u * KERNEL * 2u;
const H2_GRADIENT_SPLITS: u32 = TILE_LANES / H2_BLOCKS;
const H1_BLOCKS: u32 = MAP_QUADS * KERNEL;
const H1_GRADIENT_SPLITS: u32 = TILE_LANES / H1_BLOCKS;
const H3_BLOCKS: u32 = H3_INPUT_QUADS * H3_QUADS;
const H3_BLOCKS_PER_LANE: u32 = (H3_BLOCKS + TILE_LANES - 1u) / TILE_LANES;
const H3_LANES: u32 = H3_BLOCKS / H3_BLOCKS_PER_LANE;

// H2: [tap of a kernel row], columns are two maps, rows are sources. Blocks of two maps instead of four leave registers.
var<private> d_h2w: array<mat2x4<f32>, KERNEL>;
// H1: [tap of a kernel row].
var<private> d_h1w: array<vec4<f32>, KERNEL>;
// H3: H3_BLOCKS_PER_LANE blocks, whose input quads are equally far from each other; columns are inputs.
var<private> d_h3w: array<mat4x4<f32>, 4>;

fn row_of_partial(group: u32) -> u32 {
    return (params.first_row + group) * (PACKED_VECTORS + 1u);
}

fn add_partial(row: u32, first_tile: bool, parameter: u32, value: vec4<f32>) {
    let p = row + parameter;
    if (first_tile) {
        partial[p] = value;
    } else {
        partial[p] += value;
    }
}

fn gradient_of_h3(lane: u32) {
    if (lane >= H3_LANES) {
        return;
    }
    let unit_quad = lane % H3_QUADS;
    let input_quad = lane / H3_QUADS;
    const FAR: u32 = (H3_INPUT_QUADS / H3_BLOCKS_PER_LANE) * UNIT_STRIDE;
    for (var e = 0u; e < TILE; e++) {
        let above = tile[d_h3_at(unit_quad, e)];
        let p = h2_at(input_quad, e);
        d_h3w[0] = add_outer(d_h3w[0], above, tile[p]);
        if (H3_BLOCKS_PER_LANE > 1u) {
            d_h3w[1] = add_outer(d_h3w[1], above, tile[p + FAR]);
        }
        if (H3_BLOCKS_PER_LANE > 2u) {
            d_h3w[2] = add_outer(d_h3w[2], above, tile[p + 2u * FAR]);
        }
        if (H3_BLOCKS_PER_LANE > 3u) {
            d_h3w[3] = add_outer(d_h3w[3], above, tile[p + 3u * FAR]);
        }
    }
}

// The output layer and H3's biases.
fn gradient_of_out(lane: u32, row: u32, first_tile: bool) {
    const BLOCKS: u32 = H3_QUADS * CLASS_QUADS;
    for (var task = lane; task < BLOCKS; task += TILE_LANES) {
        let unit_quad = task / CLASS_QUADS;
        let class_quad = task % CLASS_QUADS;
        var sum = mat4x4<f32>();
        for (var e = 0u; e < TILE; e++) {
            sum = add_outer(sum, tile[d_out_at(class_quad, e)], tile[h3_at(unit_quad, e)]);
        }
        let w = out_block(unit_quad, class_quad);
        add_partial(row, first_tile, w, sum[0]);
        add_partial(row, first_tile, w + 1u, sum[1]);
        add_partial(row, first_tile, w + 2u, sum[2]);
        add_partial(row, first_tile, w + 3u, sum[3]);
    }
    for (var task = lane; task < CLASS_QUADS + H3_QUADS; task += TILE_LANES) {
        let of_out = task < CLASS_QUADS;
        let quad = task - select(CLASS_QUADS, 0u, of_out);
        let p = select(d_h3_at(quad, 0u), d_out_at(quad, 0u), of_out);
        var sum = vec4<f32>(0.0);
        for (var e = 0u; e < TILE; e++) {
            sum += tile[p + e];
        }
        add_partial(row, first_tile, select(PACKED_H3B, PACKED_OUTB, of_out) + quad, sum);
    }
}

// Two maps of a vector of four.
fn two_of(v: vec4<f32>, second: bool) -> vec2<f32> {
    return select(v.xy, v.zw, second);
}

fn add_pair(sum: mat2x4<f32>, above: vec2<f32>, below: vec4<f32>) -> mat2x4<f32> {
    return mat2x4<f32>(fma(vec4<f32>(above.x), below, sum[0]), fma(vec4<f32>(above.y), below, sum[1]));
}

fn add_edge(sum: mat2x4<f32>, above: vec2<f32>) -> mat2x4<f32> {
    return add_pair(sum, above, vec4<f32>(PADDING_VALUE));
}

fn gradient_of_h2(lane: u32, row_of_sums: u32, first_tile: bool) {
    if (lane < H2_BLOCKS * H2_GRADIENT_SPLITS) {
        let second = lane % 2u == 1u;
        let kr = (lane / 2u) % KERNEL;
        let below_half = (lane / (2u * KERNEL)) % 2u;
        let quad = (lane % H2_BLOCKS) / (4u * KERNEL);
        let below = source_quad(quad, below_half);
        // Above the padding left and right.
        var left = vec2<f32>(0.0);
        var right = vec2<f32>(0.0);
        for (var i = lane / H2_BLOCKS; i < H2_SIDE * TILE; i += H2_GRADIENT_SPLITS) {
            let row = i % H2_SIDE;
            let e = i / H2_SIDE;
            let p = h2_at(quad * H2_AREA + row * H2_SIDE, e);
            let d0 = two_of(tile[p], second);
            let d1 = two_of(tile[p + UNIT_STRIDE], second);
            let d2 = two_of(tile[p + 2u * UNIT_STRIDE], second);
            let d3 = two_of(tile[p + 3u * UNIT_STRIDE], second);
            left += d0;
            right += d3;
            let first = padded_h1_at(below, STRIDE * row + kr, e);
            let even = half_row(first);
            d_h2w[0] = add_pair(add_pair(add_pair(d_h2w[0], d1, even[0]), d2, even[1]), d3, even[2]);
            d_h2w[2] = add_pair(add_pair(d_h2w[2], d0, even[0]), d1, even[1]);
            d_h2w[2] = add_pair(add_pair(d_h2w[2], d2, even[2]), d3, even[3]);
            d_h2w[4] = add_pair(add_pair(add_pair(d_h2w[4], d0, even[1]), d1, even[2]), d2, even[3]);
            let odd = half_row(first + TILE);
            d_h2w[1] = add_pair(add_pair(add_pair(d_h2w[1], d1, odd[0]), d2, odd[1]), d3, odd[2]);
            d_h2w[3] = add_pair(add_pair(d_h2w[3], d0, odd[0]), d1, odd[1]);
            d_h2w[3] = add_pair(add_pair(d_h2w[3], d2, odd[2]), d3, odd[3]);
        }
        d_h2w[0] = add_edge(d_h2w[0], left);
        d_h2w[1] = add_edge(d_h2w[1], left);
        d_h2w[4] = add_edge(d_h2w[4], right);
    }
    for (var input_quad = lane; input_quad < H3_INPUT_QUADS; input_quad += TILE_LANES) {
        var sum = vec4<f32>(0.0);
        for (var e = 0u; e < TILE; e++) {
            sum += tile[h2_at(input_quad, e)];
        }
        add_partial(row_of_sums, first_tile, PACKED_H2B + input_quad, sum);
    }
}

fn gradient_of_h1(lane: u32, row_of_sums: u32, first_tile: bool) {
    if (lane < H1_BLOCKS * H1_GRADIENT_SPLITS) {
        let quad = (lane % H1_BLOCKS) / KERNEL;
        let kr = lane % KERNEL;
        for (var i = lane / H1_BLOCKS; i < H1_SIDE * TILE; i += H1_GRADIENT_SPLITS) {
            let row = i % H1_SIDE;
            let e = i / H1_SIDE;
            let p = x_at(STRIDE * row + kr, 0u, e);
            let d_h1 = h1_at(quad, row, 0u, e);
            // Four columns at a time; a window of five slides by the stride.
            var a = tile[p];
            var b = tile[p + TILE];
            for (var half = 0u; half < 2u; half++) {
                let q = d_h1 + 4u * half * TILE;
                let d = mat4x4<f32>(tile[q], tile[q + TILE], tile[q + 2u * TILE], tile[q + 3u * TILE]);
                let c = tile[p + (2u * half + 2u) * TILE];
                d_h1w[0] = add_product(d_h1w[0], d, vec4<f32>(a.x, a.z, b.x, b.z));
                d_h1w[1] = add_product(d_h1w[1], d, vec4<f32>(a.y, a.w, b.y, b.w));
                d_h1w[2] = add_product(d_h1w[2], d, vec4<f32>(a.z, b.x, b.z, c.x));
                d_h1w[3] = add_product(d_h1w[3], d, vec4<f32>(a.w, b.y, b.w, c.y));
                d_h1w[4] = add_product(d_h1w[4], d, vec4<f32>(b.x, b.z, c.x, c.z));
                a = c;
                b = tile[p + (2u * half + 3u) * TILE];
            }
        }
    }
    for (var position = lane; position < MAP_QUADS * H1_AREA; position += TILE_LANES) {
        let p = h1_at(position / H1_AREA, (position / H1_SIDE) % H1_SIDE, position % H1_SIDE, 0u);
        var sum = vec4<f32>(0.0);
        for (var e = 0u; e < TILE; e++) {
            sum += tile[p + e];
        }
        add_partial(row_of_sums, first_tile, PACKED_H1B + position, sum);
    }
}

// Adds a lane's vector to the sum of the splits before it.
fn add_split(p: u32, split: u32, value: vec4<f32>) {
    tile[p] = select(tile[p] + value, value, split == 0u);
}

fn add_pair_of_maps(p: u32, split: u32, sums: mat2x4<f32>) {
    add_split(p, split, sums[0]);
    add_split(p + 1u, split, sums[1]);
}

fn store_h3_block(p: u32, sums: mat4x4<f32>) {
    partial[p] = sums[0];
    partial[p + 1u] = sums[1];
    partial[p + 2u] = sums[2];
    partial[p + 3u] = sums[3];
}

// Stores what the registers hold after the last tile; splits are added one after the other in workgroup memory.
fn store_sums(lane: u32, row: u32) {
    const H2_VECTORS: u32 = H2_BLOCKS * KERNEL * 2u;
    const H1_VECTORS: u32 = H1_BLOCKS * KERNEL;
    for (var split = 0u; split < H2_GRADIENT_SPLITS; split++) {
        if (lane / H2_BLOCKS == split) {
            // [quad][half][kernel row][tap][map of four], vectors of four sources.
            let p = (lane % H2_BLOCKS) / 2u * KERNEL * 4u + 2u * (lane % 2u);
            add_pair_of_maps(p, split, d_h2w[0]);
            add_pair_of_maps(p + 4u, split, d_h2w[1]);
            add_pair_of_maps(p + 8u, split, d_h2w[2]);
            add_pair_of_maps(p + 12u, split, d_h2w[3]);
            add_pair_of_maps(p + 16u, split, d_h2w[4]);
        }
        workgroupBarrier();
    }
    for (var i = lane; i < H2_VECTORS; i += TILE_LANES) {
        let p = i & ~3u;
        let source = i & 3u;
        partial[row + PACKED_H2W + i] =
            vec4<f32>(tile[p][source], tile[p + 1u][source], tile[p + 2u][source], tile[p + 3u][source]);
    }
    workgroupBarrier();
    for (var split = 0u; split < H1_GRADIENT_SPLITS; split++) {
        if (lane / H1_BLOCKS == split) {
            let p = (lane % H1_BLOCKS) * KERNEL;
            add_split(p, split, d_h1w[0]);
            add_split(p + 1u, split, d_h1w[1]);
            add_split(p + 2u, split, d_h1w[2]);
            add_split(p + 3u, split, d_h1w[3]);
            add_split(p + 4u, split, d_h1w[4]);
        }
        workgroupBarrier();
    }
    for (var i = lane; i < H1_VECTORS; i += TILE_LANES) {
        partial[row + PACKED_H1W + i] = tile[i];
    }
    if (lane < H3_LANES) {
        let p = row + PACKED_H3W + lane * 4u;
        store_h3_block(p, d_h3w[0]);
        if (H3_BLOCKS_PER_LANE > 1u) {
            store_h3_block(p + H3_LANES * 4u, d_h3w[1]);
        }
        if (H3_BLOCKS_PER_LANE > 2u) {
            store_h3_block(p + 2u * H3_LANES * 4u, d_h3w[2]);
        }
        if (H3_BLOCKS_PER_LANE > 3u) {
            store_h3_block(p + 3u * H3_LANES * 4u, d_h3w[3]);
        }
    }
}
