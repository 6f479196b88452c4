// Pixel codes to a tile's padded, shifted values: code / denominator − 1; −1 where the shift uncovers and in the padding.

fn draw_shifts(first: u32, lane: u32) {
    for (var e = lane; e < TILE; e += TILE_LANES) {
        shifts[e] = draw_shift(progress[STEP], params.first + first + e);
    }
}

// Two neighbouring 16-bit codes of an image's row, of an even column and the one after it, as values.
fn two_pixels(first_word: u32, pair: i32, example: u32) -> vec2<f32> {
    let in_row = u32(clamp(pair, 0, i32(SIDE) / 2 - 1));
    let word = codes[(first_word + in_row) * params.examples + example];
    return vec2<f32>(vec2<u32>(word & 0xffffu, word >> 16u)) * params.inverse_denominator - vec2<f32>(1.0);
}

// Stores four columns; −1 where the source or the destination is outside the image.
fn store_pixels(p: u32, values: vec4<f32>, to_column: i32, from_column: i32, row_inside: bool) {
    let near = vec4<i32>(0, 1, 2, 3);
    let columns = vec4<i32>(to_column) + near;
    let sources = vec4<i32>(from_column) + near;
    let zero = vec4<i32>(0);
    let side = vec4<i32>(i32(SIDE));
    // A shifted image does not reach into the padding.
    let shown = (columns >= zero) & (columns < side) & (sources >= zero) & (sources < side) & vec4<bool>(row_inside);
    tile[p] = select(vec4<f32>(PADDING_VALUE), values, shown);
}

// x[row, column] of the tile's examples, one invocation a padded row.
fn stage_input(first: u32, lane: u32) {
    for (var task = lane; task < PADDED_SIDE * TILE; task += TILE_LANES) {
        let e = task % TILE;
        let padded_row = task / TILE;
        let example = min(first + e, params.examples - 1u);
        let row = i32(padded_row) - i32(PADDING);
        let from_row = row - shifts[e].x;
        let near = clamp(from_row, 0, i32(SIDE) - 1);
        let row_inside = row >= 0 && row < i32(SIDE) && from_row == near;
        let word = u32(near) * (SIDE / 2u);
        // Codes that start at an odd column are split across words: pixel i of five quads is half of word (i + odd) / 2.
        let start = -i32(PADDING) - shifts[e].y;
        let odd = (start & 1) == 1;
        let pair = start >> 1u;
        var before = two_pixels(word, pair, example);
        for (var quad = 0u; quad < X_QUADS; quad++) {
            let column = i32(4u * quad);
            let middle = two_pixels(word, pair + i32(2u * quad) + 1, example);
            let after = two_pixels(word, pair + i32(2u * quad) + 2, example);
            let values = select(vec4<f32>(before, middle), vec4<f32>(before.y, middle, after.x), odd);
            let p = x_at(padded_row, quad, e);
            store_pixels(p, values, column - i32(PADDING), start + column, row_inside);
            before = after;
        }
    }
}
