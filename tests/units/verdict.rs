//! The verdict on a run, and speed-ups in words.

use gpu_train::data::Source;
use gpu_train::experiment::verdict::{Verdict, factor, seconds, speed_than};

#[test]
fn a_run_is_an_answer_on_the_essays_digits_unrestricted_and_with_few_enough_misses() {
    let of = Verdict::of;
    let essay = Source::Mnist1989;
    assert_eq!(of(0.9, 82.0, essay, &[]), Verdict::Answer(100.0));
    assert_eq!(of(9.0, 82.0, essay, &[]), Verdict::Answer(10.0));
    assert_eq!(of(0.001, 82.5, essay, &[]), Verdict::NoAnswer(82.5));
    for source in [Source::Mnist(50_000), Source::ZipCode] {
        let found = of(0.001, 10.0, source, &[]);
        assert!(matches!(found, Verdict::Incomparable(_)), "{found:?}");
        assert!(!found.words().contains("reached"));
    }
    let words = of(0.9, 82.0, essay, &[]).words();
    assert!(words.ends_with("(~100X reached)"), "{words}");
    let restricted = of(0.001, 10.0, essay, &["1 epoch".into()]);
    assert_eq!(restricted, Verdict::Incomparable("1 epoch".into()));
    assert_eq!(restricted.over_essay(), None);
    assert_eq!(of(9.0, 1.0, essay, &[]).over_essay(), Some(10.0));
}

#[test]
fn factors_are_legible_on_both_sides_of_one() {
    let found = [1800.4, 99.94, 12.34, 1.0, 0.45, 0.0123, 0.000_45, 0.0].map(factor);
    assert_eq!(
        found,
        [
            "1800", "99.9", "12.3", "1.0", "0.45", "0.012", "0.00045", "0.0"
        ]
    );
    let times = [123.4, 12.34, 1.234, 0.1234, 0.012_34].map(seconds);
    assert_eq!(times, ["123 s", "12.3 s", "1.23 s", "0.123 s", "0.0123 s"]);
    assert_eq!(speed_than(12.34), "12.3 times as fast as");
    assert_eq!(speed_than(0.125), "8.0 times slower than");
    for nearly_one in [0.953, 1.0, 1.049] {
        assert_eq!(speed_than(nearly_one), "about as fast as");
    }
    assert_eq!(speed_than(1.05), "1.1 times as fast as");
    assert_eq!(speed_than(0.95), "1.1 times slower than");
    assert_eq!(
        Verdict::Answer(0.3).words(),
        "3.3 times slower than the essay's 90 s (~100X not reached)"
    );
}
