// The backward pass of a tile: gradients of each layer's sums, as the layered kernels of the same layers document them.

// Losses and misses of this lane's examples.
var<private> loss_sum: f32;
var<private> missed_sum: f32;

// One invocation: the loss gradient of one example, then four units of H3. The lanes of the first units add up
// the loss.
fn tile_loss(first: u32, lane: u32) {
    for (var task = lane; task < TILE * H3_QUADS; task += TILE_LANES) {
        let e = task % TILE;
        let unit_quad = task / TILE;
        let example = first + e;
        let here = example < params.examples;
        let label = select(0u, labels[min(example, params.examples - 1u)], here);
        var result = loss_of(tile[out_at(0u, e)], tile[out_at(1u, e)], tile[out_at(2u, e)], label);
        if (!here) {
            // After the last example: no loss and no gradient.
            result = ExampleLoss();
        }
        if (unit_quad == 0u) {
            loss_sum += result.loss;
            missed_sum += f32(result.missed);
            tile[d_out_at(0u, e)] = result.d_out0;
            tile[d_out_at(1u, e)] = result.d_out1;
            tile[d_out_at(2u, e)] = result.d_out2;
        }
        let sum = result.d_out0 * block(out_block(unit_quad, 0u))
            + result.d_out1 * block(out_block(unit_quad, 1u))
            + result.d_out2 * block(out_block(unit_quad, 2u));
        tile[d_h3_at(unit_quad, e)] = sum * slope(tile[h3_at(unit_quad, e)]);
    }
}

// d_h2 of one unit quad, in place of h2 after dropout.
fn d_h2_store(sum: vec4<f32>, input_quad: u32, e: u32) {
    let p = h2_at(input_quad, e);
    let value = tile[p];
    if (params.dropout_threshold > 0u) {
        let row = (input_quad % H2_AREA) / H2_SIDE;
        let bits = kept[((input_quad / H2_AREA) * H2_SIDE + row) * TILE + e];
        let factor = kept_factor(bits, input_quad % H2_SIDE);
        // h2 is stored scaled by dropout; a dropped unit has no gradient.
        tile[p] = sum * factor * slope(value / params.kept_factor);
    } else {
        tile[p] = sum * slope(value);
    }
}

// One invocation: four maps at one position, of two examples.
fn tile_d_h2(lane: u32) {
    for (var task = lane; task < PAIRS * H3_INPUT_QUADS; task += TILE_LANES) {
        let e = task % PAIRS;
        let input_quad = task / PAIRS;
        var a0 = vec4<f32>(0.0);
        var a1 = vec4<f32>(0.0);
        for (var unit_quad = 0u; unit_quad < H3_QUADS; unit_quad++) {
            let w = block(h3_block(input_quad, unit_quad));
            let p = d_h3_at(unit_quad, e);
            a0 += tile[p] * w;
            a1 += tile[p + PAIRS] * w;
        }
        d_h2_store(a0, input_quad, e);
        d_h2_store(a1, input_quad, e + PAIRS);
    }
}

// The terms that one kernel row adds to a row of eight units of H1: the even ones, the odd ones.
struct RowSums {
    even: mat4x4<f32>,
    odd: mat4x4<f32>,
}

fn d_h1_row(p: u32, w0: mat4x4<f32>, w1: mat4x4<f32>, w2: mat4x4<f32>, w3: mat4x4<f32>, w4: mat4x4<f32>) -> RowSums {
    let d0 = tile[p];
    let d1 = tile[p + UNIT_STRIDE];
    let d2 = tile[p + 2u * UNIT_STRIDE];
    let d3 = tile[p + 3u * UNIT_STRIDE];
    return RowSums(
        mat4x4<f32>(d1 * w0 + d0 * w2, d2 * w0 + d1 * w2 + d0 * w4, d3 * w0 + d2 * w2 + d1 * w4, d3 * w2 + d2 * w4),
        mat4x4<f32>(d1 * w1 + d0 * w3, d2 * w1 + d1 * w3, d3 * w1 + d2 * w3, d3 * w3),
    );
}

fn d_h1_store(sums: RowSums, p: u32) {
    tile[p] = sums.even[0] * slope(tile[p]);
    tile[p + TILE] = sums.odd[0] * slope(tile[p + TILE]);
    tile[p + 2u * TILE] = sums.even[1] * slope(tile[p + 2u * TILE]);
    tile[p + 3u * TILE] = sums.odd[1] * slope(tile[p + 3u * TILE]);
    tile[p + 4u * TILE] = sums.even[2] * slope(tile[p + 4u * TILE]);
    tile[p + 5u * TILE] = sums.odd[2] * slope(tile[p + 5u * TILE]);
    tile[p + 6u * TILE] = sums.even[3] * slope(tile[p + 6u * TILE]);
    tile[p + 7u * TILE] = sums.odd[3] * slope(tile[p + 7u * TILE]);
}

// d_h1 in place of h1. One invocation: a row, eight units, of four maps of two examples.
fn tile_d_h1(lane: u32) {
    for (var task = lane; task < MAP_QUADS * H1_SIDE * PAIRS; task += TILE_LANES) {
        let e = task % PAIRS;
        // Even rows come before odd ones, so that neighbouring lanes mostly use the same kernel rows.
        let place = (task / PAIRS) % H1_SIDE;
        let row = (2u * place) % H1_SIDE + (2u * place) / H1_SIDE;
        let quad = task / (PAIRS * H1_SIDE);
        var s0: RowSums;
        var s1: RowSums;
        let padded_row = row + PADDING;
        for (var which = 0u; which < 2u; which++) {
            let seer = seen_by(quad, which);
            let above = seer / 2u;
            // Only kernel rows of the same parity reach this row.
            for (var kr = padded_row % STRIDE; kr < KERNEL; kr += STRIDE) {
                if (padded_row < kr || (padded_row - kr) / STRIDE >= H2_SIDE) {
                    continue;
                }
                let p = h2_at(above * H2_AREA + (padded_row - kr) / STRIDE * H2_SIDE, e);
                let w = h2_block(above, seer % 2u, kr * KERNEL);
                let w0 = block(w);
                let w1 = block(w + 4u);
                let w2 = block(w + 8u);
                let w3 = block(w + 12u);
                let w4 = block(w + 16u);
                let r0 = d_h1_row(p, w0, w1, w2, w3, w4);
                s0.even += r0.even;
                s0.odd += r0.odd;
                let r1 = d_h1_row(p + PAIRS, w0, w1, w2, w3, w4);
                s1.even += r1.even;
                s1.odd += r1.odd;
            }
        }
        let p = h1_at(quad, row, 0u, e);
        d_h1_store(s0, p);
        d_h1_store(s1, p + PAIRS);
    }
}
