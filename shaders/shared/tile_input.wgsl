// Pixel codes to a tile's padded, shifted values: code / denominator − 1; −1 in what is uncovered and in the padding.

fn draw_shifts(first: u32, lane: u32) {
    for (var e = lane; e < TILE; e += PASS_LANES) {
        shifts[e] = draw_shift(progress[STEP], run.first + first + e);
    }
}

// Two neighbouring 16-bit codes, of an even column and the one after it.
fn code_pair(row: i32, pair: i32, example: u32) -> vec2<u32> {
    let in_row = u32(clamp(pair, 0, i32(SIDE) / 2 - 1));
    let word = codes[(u32(row) * (SIDE / 2u) + in_row) * run.examples + example];
    return vec2<u32>(word & 0xffffu, word >> 16u);
}

fn inside(column: vec4<i32>) -> vec4<bool> {
    return (column >= vec4<i32>(0)) & (column < vec4<i32>(i32(SIDE)));
}

// x[row, column] of the tile's examples, one invocation four columns at a time.
fn stage_input(first: u32, lane: u32) {
    for (var task = lane; task < PADDED_SIDE * X_QUADS * TILE; task += PASS_LANES) {
        let e = task % TILE;
        let column_quad = (task / TILE) % X_QUADS;
        let padded_row = task / (TILE * X_QUADS);
        let example = min(first + e, run.examples - 1u);
        let row = i32(padded_row) - i32(PADDING);
        let column = vec4<i32>(4 * i32(column_quad) - i32(PADDING)) + vec4<i32>(0, 1, 2, 3);
        let from_row = row - shifts[e].x;
        let from_column = column - vec4<i32>(shifts[e].y);
        // Four codes that start at an odd column lie in three words.
        let pair = from_column.x >> 1u;
        let near = clamp(from_row, 0, i32(SIDE) - 1);
        let a = code_pair(near, pair, example);
        let b = code_pair(near, pair + 1, example);
        let c = code_pair(near, pair + 2, example);
        let odd = (from_column.x & 1) == 1;
        let found = select(vec4<u32>(a, b), vec4<u32>(a.y, b, c.x), odd);
        let values = vec4<f32>(found) * run.inverse_denominator - vec4<f32>(1.0);
        // A shifted image does not reach into the padding.
        let row_inside = row >= 0 && row < i32(SIDE) && from_row == near;
        let shown = inside(column) & inside(from_column) & vec4<bool>(row_inside);
        tile[x_at(padded_row, column_quad, e)] = select(vec4<f32>(PADDING_VALUE), values, shown);
    }
}
