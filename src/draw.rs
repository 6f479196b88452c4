//! Counter-based random numbers: the same draw for (seed, step, example, unit) in Rust and in WGSL, in any order.
//!
//! Threefry-4x32-20 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): adds,
//! rotations and exclusive-ors of 32-bit words only, so WGSL computes it exactly.
//! `shaders/shared/draw.wgsl` is its twin.
//!
//! ```
//! use gpu_train::draw;
//!
//! // Example 12's shift in step 3 of seed 1337, by up to a pixel: asked in any order, it stays the same.
//! let shift = draw::shift(1337, 3, 12, 1);
//! let elsewhere = draw::shift(1337, 4, 12, 1);
//! assert_eq!(shift, draw::shift(1337, 3, 12, 1));
//! # assert!((-1..=1).contains(&elsewhere.0));
//! ```

/// Purpose of a draw: two purposes never share a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Stream {
    /// Initial weights; the counter is the parameter's flat index.
    InitialWeights = 0,
    /// The shift of an image; words 0 and 1 give rows and columns.
    Shift = 1,
    /// Dropout in front of H3; the counter holds the H2 map quad and position.
    Dropout = 2,
    /// The closed-form start: signs of rows, codes of classes.
    Start = 3,
}

const ROTATIONS: [[u32; 2]; 8] = [
    [10, 26],
    [11, 21],
    [13, 27],
    [23, 5],
    [6, 20],
    [17, 11],
    [25, 10],
    [18, 20],
];
const KEY_PARITY: u32 = 0x1BD1_1BDA;

/// Threefry-4x32 with 20 rounds: four words from a four-word key and a four-word counter.
pub fn threefry4x32(key: [u32; 4], counter: [u32; 4]) -> [u32; 4] {
    threefry_lanes(key, counter.map(|word| [word])).map(|[word]| word)
}

/// The same for N counters, word by word. No closures and always inlined, so that a caller compiled for wide vectors
/// draws with them.
#[inline(always)]
fn threefry_lanes<const N: usize>(key: [u32; 4], counters: [[u32; N]; 4]) -> [[u32; N]; 4] {
    let parity = KEY_PARITY ^ key[0] ^ key[1] ^ key[2] ^ key[3];
    let schedule = [key[0], key[1], key[2], key[3], parity];
    let mut x = counters;
    inject(&mut x, schedule, 0);
    for injection in 1..=5 {
        // Four rounds between injections: words 0 and 1, 2 and 3 mix, then 0 and 3, 2 and 1.
        let half = if injection % 2 == 1 { 0 } else { 4 };
        for round in [half, half + 2] {
            mix(&mut x, 0, 1, ROTATIONS[round][0]);
            mix(&mut x, 2, 3, ROTATIONS[round][1]);
            mix(&mut x, 0, 3, ROTATIONS[round + 1][0]);
            mix(&mut x, 2, 1, ROTATIONS[round + 1][1]);
        }
        inject(&mut x, schedule, injection);
    }
    x
}

/// Adds the key, rotated by the number of the injection, and that number.
#[inline(always)]
fn inject<const N: usize>(x: &mut [[u32; N]; 4], schedule: [u32; 5], injection: u32) {
    for (word, lanes) in x.iter_mut().enumerate() {
        let counted = if word == 3 { injection } else { 0 };
        let key = schedule[(injection as usize + word) % 5].wrapping_add(counted);
        for lane in lanes {
            *lane = lane.wrapping_add(key);
        }
    }
}

/// Adds one word to another, and mixes the sum back into it.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // two words at once
fn mix<const N: usize>(x: &mut [[u32; N]; 4], sum: usize, with: usize, rotation: u32) {
    for lane in 0..N {
        x[sum][lane] = x[sum][lane].wrapping_add(x[with][lane]);
        x[with][lane] = x[with][lane].rotate_left(rotation) ^ x[sum][lane];
    }
}

/// Four words for one (seed, stream, step, example, block).
///
/// `step` counts updates; a run of more than 2³² updates would repeat its draws, and is refused by the recipe.
#[inline]
pub fn block(seed: u64, stream: Stream, step: u32, example: u32, block: u32) -> [u32; 4] {
    threefry4x32(key(seed, stream, step), [example, block, 0, 0])
}

#[inline(always)]
fn key(seed: u64, stream: Stream, step: u32) -> [u32; 4] {
    [seed as u32, (seed >> 32) as u32, stream as u32, step]
}

/// The random word of the initial value of the parameter with this flat index.
pub fn initial_weight(seed: u64, index: u32) -> u32 {
    block(seed, Stream::InitialWeights, 0, 0, index)[0]
}

/// The shift of an example's image in one step: (rows down, columns right), each uniform in −k..=k.
///
/// The remainder's bias is below (2k+1)/2³².
pub fn shift(seed: u64, step: u32, example: u32, pixels: u32) -> (i32, i32) {
    if pixels == 0 {
        return (0, 0);
    }
    let words = block(seed, Stream::Shift, step, example, 0);
    let span = 2 * pixels + 1;
    let centred = |word: u32| (word % span) as i32 - pixels as i32;
    (centred(words[0]), centred(words[1]))
}

/// Below this word a unit is dropped: the probability in units of 2⁻³².
pub fn dropout_threshold(probability: f64) -> u32 {
    (probability * 2f64.powi(32)).min(f64::from(u32::MAX)) as u32
}

/// A word for each H2 unit of maps `4·quad .. 4·quad + 4` at one position (0..16): below [`dropout_threshold`], dropout
/// drops it in this step.
pub fn dropout_words(seed: u64, step: u32, example: u32, quad: u32, position: u32) -> [u32; 4] {
    block(seed, Stream::Dropout, step, example, quad * 16 + position)
}

/// [`dropout_words`] at all sixteen positions of a quad at once: `[map of the quad][position]`.
#[inline(always)]
pub fn dropout_words_by_position(seed: u64, step: u32, example: u32, quad: u32) -> [[u32; 16]; 4] {
    let mut blocks = [quad * 16; 16];
    for (position, block) in blocks.iter_mut().enumerate() {
        *block += position as u32;
    }
    let key = key(seed, Stream::Dropout, step);
    threefry_lanes(key, [[example; 16], blocks, [0; 16], [0; 16]])
}

/// [`dropout_words`] for `N` examples from `first` at once: `[map of the quad][example]`.
#[inline(always)]
pub fn dropout_words_by_example<const N: usize>(
    seed: u64,
    step: u32,
    first: u32,
    quad: u32,
    position: u32,
) -> [[u32; N]; 4] {
    let mut examples = [first; N];
    for (lane, example) in examples.iter_mut().enumerate() {
        *example = first.wrapping_add(lane as u32);
    }
    let key = key(seed, Stream::Dropout, step);
    threefry_lanes(key, [examples, [quad * 16 + position; N], [0; N], [0; N]])
}
