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
        var sum = vec4<f32>(0.0);
        sum = add_product(sum, transpose(block(out_block(unit_quad, 0u))), result.d_out0);
        sum = add_product(sum, transpose(block(out_block(unit_quad, 1u))), result.d_out1);
        sum = add_product(sum, transpose(block(out_block(unit_quad, 2u))), result.d_out2);
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
            let w = transpose(block(h3_block(input_quad, unit_quad)));
            let p = d_h3_at(unit_quad, e);
            a0 = add_product(a0, w, tile[p]);
            a1 = add_product(a1, w, tile[p + PAIRS]);
        }
        d_h2_store(a0, input_quad, e);
        d_h2_store(a1, input_quad, e + PAIRS);
    }
}

// A row of four units above, one column each.
fn d_h2_row(p: u32) -> mat4x4<f32> {
    return mat4x4<f32>(tile[p], tile[p + UNIT_STRIDE], tile[p + 2u * UNIT_STRIDE], tile[p + 3u * UNIT_STRIDE]);
}

// Every second of a row of eight units.
fn d_h1_store(sums: mat4x4<f32>, p: u32) {
    tile[p] = sums[0] * slope(tile[p]);
    tile[p + 2u * TILE] = sums[1] * slope(tile[p + 2u * TILE]);
    tile[p + 4u * TILE] = sums[2] * slope(tile[p + 4u * TILE]);
    tile[p + 6u * TILE] = sums[3] * slope(tile[p + 6u * TILE]);
}

// d_h1 in place of h1. One invocation: a row, eight units, of four maps of two examples.
fn tile_d_h1(lane: u32) {
    for (var task = lane; task < MAP_QUADS * H1_SIDE * PAIRS; task += TILE_LANES) {
        let e = task % PAIRS;
        // Even rows come before odd ones, so that neighbouring lanes mostly use the same kernel rows.
        let place = (task / PAIRS) % H1_SIDE;
        let row = (2u * place) % H1_SIDE + (2u * place) / H1_SIDE;
        let quad = task / (PAIRS * H1_SIDE);
        let padded_row = row + PADDING;
        // The even units of the row, then the odd ones: fewer registers.
        for (var odd = 0u; odd < 2u; odd++) {
            var s0 = mat4x4<f32>();
            var s1 = mat4x4<f32>();
            for (var which = 0u; which < 2u; which++) {
                let seer = seen_by(quad, which);
                let above = seer / 2u;
                // Only kernel rows of the same parity reach this row.
                for (var kr = padded_row % STRIDE; kr < KERNEL; kr += STRIDE) {
                    if (padded_row < kr || (padded_row - kr) / STRIDE >= H2_SIDE) {
                        continue;
                    }
                    let p = h2_at(above * H2_AREA + (padded_row - kr) / STRIDE * H2_SIDE, e);
                    let d0 = d_h2_row(p);
                    let d1 = d_h2_row(p + PAIRS);
                    let w = h2_block(above, seer % 2u, kr * KERNEL) + 4u * odd;
                    let first = transpose(block(w));
                    s0 = add_next(s0, first, d0);
                    s1 = add_next(s1, first, d1);
                    let second = transpose(block(w + 8u));
                    s0 = add_here(s0, second, d0);
                    s1 = add_here(s1, second, d1);
                    if (odd == 0u) {
                        let third = transpose(block(w + 16u));
                        s0 = add_before(s0, third, d0);
                        s1 = add_before(s1, third, d1);
                    }
                }
            }
            let p = h1_at(quad, row, odd, e);
            d_h1_store(s0, p);
            d_h1_store(s1, p + PAIRS);
        }
    }
}
