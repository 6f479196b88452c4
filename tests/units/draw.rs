//! Threefry's known answers, and statistics of what is drawn with it.

use gpu_train::draw::{
    dropout_threshold, dropout_words, dropout_words_by_example, dropout_words_by_position, shift,
    threefry4x32,
};

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
    let words = (0..25_000).flat_map(|example| dropout_words(3, 9, example, 2, 15));
    let kept = words.filter(|&word| word >= threshold).count();
    // Mean 75,000, sd 137: within five.
    assert!(kept.abs_diff(75_000) < 685, "{kept}");
}

#[test]
fn many_dropout_words_are_the_single_draws() {
    for quad in 0..3 {
        let by_position = dropout_words_by_position(5 << 33, 77, 1_234, quad);
        for position in 0..16 {
            let single = dropout_words(5 << 33, 77, 1_234, quad, position as u32);
            assert_eq!(by_position.map(|words| words[position]), single);
        }
    }
    let by_example = dropout_words_by_example::<16>(9, 4, 100, 1, 7);
    for (lane, example) in (100..116).enumerate() {
        let single = dropout_words(9, 4, example, 1, 7);
        assert_eq!(by_example.map(|words| words[lane]), single);
    }
}
