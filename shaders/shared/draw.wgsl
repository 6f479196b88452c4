// Counter-based random numbers, the twin of src/draw.rs: Threefry-4x32 with 20 rounds (Salmon et al., SC 2011).

const KEY_PARITY: u32 = 0x1BD11BDAu;

fn rotate_left(words: vec2<u32>, bits: vec2<u32>) -> vec2<u32> {
    return (words << bits) | (words >> (vec2<u32>(32u) - bits));
}

// Mixes word 0 with 1 and 2 with 3.
fn mix_even(x: vec4<u32>, rotation: vec2<u32>) -> vec4<u32> {
    let sum = x.xz + x.yw;
    let mixed = rotate_left(x.yw, rotation) ^ sum;
    return vec4<u32>(sum.x, mixed.x, sum.y, mixed.y);
}

// Mixes word 0 with 3 and 2 with 1.
fn mix_odd(x: vec4<u32>, rotation: vec2<u32>) -> vec4<u32> {
    let sum = x.xz + x.wy;
    let mixed = rotate_left(x.wy, rotation) ^ sum;
    return vec4<u32>(sum.x, mixed.y, sum.y, mixed.x);
}

fn four_rounds_a(x: vec4<u32>) -> vec4<u32> {
    let a = mix_odd(mix_even(x, vec2<u32>(10u, 26u)), vec2<u32>(11u, 21u));
    return mix_odd(mix_even(a, vec2<u32>(13u, 27u)), vec2<u32>(23u, 5u));
}

fn four_rounds_b(x: vec4<u32>) -> vec4<u32> {
    let a = mix_odd(mix_even(x, vec2<u32>(6u, 20u)), vec2<u32>(17u, 11u));
    return mix_odd(mix_even(a, vec2<u32>(25u, 10u)), vec2<u32>(18u, 20u));
}

// Four words from a four-word key and a four-word counter.
fn threefry4x32(k: vec4<u32>, counter: vec4<u32>) -> vec4<u32> {
    let parity = KEY_PARITY ^ k.x ^ k.y ^ k.z ^ k.w;
    var x = counter + k;
    x = four_rounds_a(x) + vec4<u32>(k.y, k.z, k.w, parity + 1u);
    x = four_rounds_b(x) + vec4<u32>(k.z, k.w, parity, k.x + 2u);
    x = four_rounds_a(x) + vec4<u32>(k.w, parity, k.x, k.y + 3u);
    x = four_rounds_b(x) + vec4<u32>(parity, k.x, k.y, k.z + 4u);
    return four_rounds_a(x) + vec4<u32>(k.x, k.y, k.z, k.w + 5u);
}

// Four words for one (stream, step, example, block) of this run.
fn draw_block(stream: u32, step: u32, example: u32, block: u32) -> vec4<u32> {
    let key = vec4<u32>(params.seed_low, params.seed_high, stream, step);
    return threefry4x32(key, vec4<u32>(example, block, 0u, 0u));
}

// Rows down and columns right, each uniform in −k..=k, k being the run's shift.
fn draw_shift(step: u32, example: u32) -> vec2<i32> {
    if (params.shift == 0u) {
        return vec2<i32>(0, 0);
    }
    let words = draw_block(STREAM_SHIFT, step, example, 0u).xy;
    let span = vec2<u32>(2u * params.shift + 1u);
    return vec2<i32>(words % span) - vec2<i32>(i32(params.shift));
}

// True for those of four H2 units, the maps of a quad at one position, that are kept in this step.
fn draw_kept(step: u32, example: u32, quad: u32, position: u32) -> vec4<bool> {
    let words = draw_block(STREAM_DROPOUT, step, example, quad * H2_AREA + position);
    return words >= vec4<u32>(params.dropout_threshold);
}
