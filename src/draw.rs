//! Counter-based random numbers: the same draw for (seed, step, example, unit) in Rust and in WGSL, in any order.
//!
//! Threefry-4x32-20 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): adds,
//! rotations and exclusive-ors of 32-bit words only, so WGSL computes it exactly.
//! `shaders/shared/draw.wgsl` is its twin.

/// What a draw is for: two purposes never share a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Stream {
    /// Initial weights; the counter is the parameter's flat index.
    InitialWeights = 0,
    /// The shift of an image; words 0 and 1 give rows and columns.
    Shift = 1,
    /// Dropout in front of H3; the counter holds the H2 map quad and position.
    Dropout = 2,
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
    threefry4x32_lanes(key, counter.map(|word| [word])).map(|[word]| word)
}

/// [`threefry4x32`] for `N` counters at once, `[word][lane]`, so that a processor can draw for several examples with
/// one instruction.
#[inline(always)]
pub fn threefry4x32_lanes<const N: usize>(key: [u32; 4], counter: [[u32; N]; 4]) -> [[u32; N]; 4] {
    let parity = KEY_PARITY ^ key[0] ^ key[1] ^ key[2] ^ key[3];
    let schedule = [key[0], key[1], key[2], key[3], parity];
    let mut x = counter;
    inject(&mut x, schedule, 0);
    for injection in 1..=5 {
        let half = (injection - 1) % 2 * 4;
        // Even rounds mix word 0 with 1 and 2 with 3; odd ones 0 with 3 and 2 with 1.
        for pair in 0..2 {
            let [a, b] = ROTATIONS[half + 2 * pair];
            mix(&mut x, 0, 1, a);
            mix(&mut x, 2, 3, b);
            let [a, b] = ROTATIONS[half + 2 * pair + 1];
            mix(&mut x, 0, 3, a);
            mix(&mut x, 2, 1, b);
        }
        inject(&mut x, schedule, injection);
    }
    x
}

/// Adds the key, turned by the injection's number, and that number.
#[inline(always)]
fn inject<const N: usize>(x: &mut [[u32; N]; 4], schedule: [u32; 5], injection: usize) {
    for word in 0..4 {
        let mut k = schedule[(injection + word) % 5];
        if word == 3 {
            k = k.wrapping_add(injection as u32);
        }
        for lane in &mut x[word] {
            *lane = lane.wrapping_add(k);
        }
    }
}

/// Half a round: words `a` and `b`.
#[inline(always)]
fn mix<const N: usize>(x: &mut [[u32; N]; 4], a: usize, b: usize, rotation: u32) {
    #[allow(clippy::needless_range_loop)] // two words of x at once
    for lane in 0..N {
        x[a][lane] = x[a][lane].wrapping_add(x[b][lane]);
        x[b][lane] = x[b][lane].rotate_left(rotation) ^ x[a][lane];
    }
}

/// Four words for one (seed, stream, step, example, block).
///
/// `step` counts updates; a run of more than 2³² updates would repeat its draws, and is refused by the recipe.
#[inline]
pub fn block(seed: u64, stream: Stream, step: u32, example: u32, block: u32) -> [u32; 4] {
    threefry4x32(
        [seed as u32, (seed >> 32) as u32, stream as u32, step],
        [example, block, 0, 0],
    )
}

/// [`block`] for `N` examples from `first`, `[word][example]`.
#[inline(always)]
pub fn block_lanes<const N: usize>(
    seed: u64,
    stream: Stream,
    step: u32,
    first: u32,
    block: u32,
) -> [[u32; N]; 4] {
    let examples = std::array::from_fn(|lane| first.wrapping_add(lane as u32));
    threefry4x32_lanes(
        [seed as u32, (seed >> 32) as u32, stream as u32, step],
        [examples, [block; N], [0; N], [0; N]],
    )
}

/// The word behind the initial value of the parameter with this flat index.
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

/// Which of four H2 units, maps `4·quad .. 4·quad + 4` at one position (0..16), dropout keeps in this step.
#[inline]
pub fn dropout_keeps(
    seed: u64,
    step: u32,
    example: u32,
    quad: u32,
    position: u32,
    threshold: u32,
) -> [bool; 4] {
    block(seed, Stream::Dropout, step, example, quad * 16 + position).map(|word| word >= threshold)
}

/// The words [`dropout_keeps`] compares with its threshold, `[map of the quad][example]`, for `N` examples from `first`.
#[inline(always)]
pub fn dropout_words<const N: usize>(
    seed: u64,
    step: u32,
    first: u32,
    quad: u32,
    position: u32,
) -> [[u32; N]; 4] {
    block_lanes(seed, Stream::Dropout, step, first, quad * 16 + position)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of the Random123 distribution (`kat_vectors`, threefry4x32, 20 rounds).
    #[test]
    fn threefry_gives_the_published_answers() {
        assert_eq!(
            threefry4x32([0; 4], [0; 4]),
            [0x9c6c_a96a, 0xe17e_ae66, 0xfc10_ecd4, 0x5256_a7d8]
        );
        assert_eq!(
            threefry4x32([u32::MAX; 4], [u32::MAX; 4]),
            [0x2a88_1696, 0x5701_2287, 0xf6c7_446e, 0xa16a_6732]
        );
        assert_eq!(
            threefry4x32(
                [0xa409_3822, 0x299f_31d0, 0x082e_fa98, 0xec4e_6c89],
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]
            ),
            [0x59cd_1dbb, 0xb887_9579, 0x86b5_d00c, 0xac8b_6d84]
        );
    }

    #[test]
    fn drawing_for_several_examples_gives_what_each_draws() {
        let words = dropout_words::<5>(9, 4, 77, 2, 15);
        for lane in 0..5 {
            let alone = block(9, Stream::Dropout, 4, 77 + lane as u32, 47);
            assert_eq!(words.map(|word| word[lane]), alone);
        }
    }

    #[test]
    fn shifts_are_uniform_over_their_square() {
        let mut counts = [[0u32; 3]; 3];
        for example in 0..90_000 {
            let (down, right) = shift(1, 5, example, 1);
            counts[(down + 1) as usize][(right + 1) as usize] += 1;
        }
        for count in counts.iter().flatten() {
            // Mean 10,000, sd 94: within five.
            assert!(count.abs_diff(10_000) < 471, "{counts:?}");
        }
        assert_eq!(shift(1, 5, 3, 0), (0, 0));
    }

    #[test]
    fn dropout_keeps_three_in_four() {
        let threshold = dropout_threshold(0.25);
        let kept: usize = (0..25_000)
            .map(|e| {
                let keeps = dropout_keeps(3, 9, e, 2, 15, threshold);
                keeps.iter().filter(|&&kept| kept).count()
            })
            .sum();
        // Mean 75,000, sd 137: within five.
        assert!(kept.abs_diff(75_000) < 685, "{kept}");
    }
}
