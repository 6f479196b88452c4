// The map quads of H1 that each map quad of H2 sees, from tables that the host packs, four bits per entry.

// The H1 quad that holds the first (half 0) or last (half 1) four source maps of an H2 quad.
fn source_quad(h2_quad: u32, half: u32) -> u32 {
    return (H2_SOURCE_QUADS >> (4u * (2u * h2_quad + half))) & 15u;
}

// The two (H2 quad, half) that see an H1 quad, as 2·quad + half; `which` is 0 or 1.
fn seen_by(h1_quad: u32, which: u32) -> u32 {
    return (H1_SEEN_BY >> (4u * (2u * h1_quad + which))) & 15u;
}

// Index of the weight of (H2 map, half, source map in its quad, tap).
fn h2_weight(h2_map: u32, half: u32, source: u32, tap: u32) -> u32 {
    return H2W + (h2_map * H2_FAN_MAPS + 4u * half + source) * TAPS + tap;
}
