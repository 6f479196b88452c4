//! Every picture, on ordinary data and on what could break it.

use resvg::tiny_skia::Pixmap;
use resvg::usvg::{Options, Tree};

use super::curves::CurveRow;
use super::intervals::IntervalRow;
use super::misses::MissedDigit;
use super::race::Bar;
use super::*;
use crate::data::embedded;
use crate::net::{self, PIXELS};

const CAPTION: &str = "AMD EPYC, AVX-512 · 2026-11-23 · gpu-train 0.1.0";

/// A curve that falls from `from` to `to` like a power of x.
fn falling(from: f64, to: f64, last: u32, spread: f64) -> Vec<BandPoint> {
    let steps = (0..)
        .map(|power| 1.6f64.powi(power))
        .take_while(|x| *x < f64::from(last));
    steps
        .chain([f64::from(last)])
        .map(|x| {
            let mean = from * (to / from).powf(x.ln() / f64::from(last).ln().max(1e-9));
            BandPoint {
                x,
                mean,
                low: mean * (1.0 - spread),
                high: mean * (1.0 + spread),
            }
        })
        .collect()
}

fn curves() -> Curves {
    let row = |title: &str, to: f64, passes: u32, published: Option<f64>| CurveRow {
        title: title.into(),
        note: format!("{to} ± 3.5 misses, {passes} passes"),
        points: falling(900.0, to, passes, 0.15),
        published,
    };
    Curves {
        subtitle: "Test misses of 2,007; mean and range over 20 seeds".into(),
        x_label: "passes over the training set (log)".into(),
        y_label: "test misses (log)".into(),
        rows: vec![
            row("Stage 0: reproduction", 82.1, 23, Some(82.0)),
            row("Stage 1: softmax", 80.0, 23, Some(87.0)),
            row("Stage 2: AdamW", 72.0, 46, Some(72.0)),
            row("Stage 3: shifts", 45.0, 60, Some(43.0)),
            row("Stage 4: dropout, ReLU", 33.0, 80, Some(32.0)),
            row("Full batch", 65.0, 140, None),
            row(
                "Full batch, stage 4's accuracy with a very long name",
                32.7,
                1000,
                None,
            ),
        ],
        caption: CAPTION.into(),
    }
}

fn error_by_step() -> ErrorByStep {
    let mut train = falling(80.0, 0.05, 1000, 0.3);
    let last = train.len() - 1;
    (train[last].mean, train[last].low) = (0.0, 0.0);
    ErrorByStep {
        row: "Full batch".into(),
        subtitle: "Mean and range over 20 seeds".into(),
        train,
        test: falling(85.0, 3.3, 1000, 0.1),
        published: Some(4.09),
        caption: CAPTION.into(),
    }
}

fn misses(count: usize) -> Misses {
    let test = embedded::digits().test;
    let full = f32::from(2 * test.denominator());
    let digit = |index: usize| MissedDigit {
        ink: test
            .image_codes(index)
            .iter()
            .map(|&code| f32::from(code) / full)
            .collect(),
        label: test.labels()[index],
        guess: (test.labels()[index] + 3) % 10,
    };
    Misses {
        net: "Stage 4: dropout, ReLU, seed 1337".into(),
        examples: 2007,
        digits: (0..count).map(digit).collect(),
        caption: CAPTION.into(),
    }
}

fn kernels() -> Kernels {
    let parameters = net::initial_parameters(3, 0.0);
    let weights = parameters.tensor(&net::PARAMETERS[0]);
    Kernels {
        net: "Stage 0: reproduction, seed 1337".into(),
        kernels: weights.as_chunks().0.to_vec(),
        caption: CAPTION.into(),
    }
}

fn intervals() -> Intervals {
    let row = |name: &str, mean: f64, published: Option<f64>| IntervalRow {
        name: name.into(),
        note: "batch 1, 23 passes".into(),
        mean: Some(mean),
        mean_interval: Some([mean - 3.5, mean + 3.5]),
        prediction_interval: Some([mean - 16.0, mean + 16.0]),
        runs: (0..20).map(|run| mean - 10.0 + f64::from(run)).collect(),
        published,
    };
    Intervals {
        subtitle: "Of 2,007 test digits, 20 seeds a row".into(),
        rows: vec![
            row("Stage 0: reproduction", 82.1, Some(82.0)),
            row("Stage 2: AdamW", 70.0, Some(72.0)),
            row("Stage 4: dropout, ReLU", 33.0, Some(32.0)),
            row("Full batch", 64.9, None),
        ],
        caption: CAPTION.into(),
    }
}

fn bar(name: &str, note: &str, seconds: f64) -> Bar {
    Bar {
        name: name.into(),
        note: note.into(),
        seconds,
        spread: None,
        cold: None,
        qualifies: true,
    }
}

fn race() -> Race {
    let measured = |name: &str, note: &str, seconds: f64, cold: f64| Bar {
        spread: Some([seconds * 0.9, seconds * 1.2]),
        cold: Some(cold),
        ..bar(name, note, seconds)
    };
    Race {
        subtitle: "To at most 102 test misses on average".into(),
        reference: (90.0, "90 s".into()),
        claim: Some((0.9, "“another ~100X”".into())),
        published: vec![
            bar("SUN-4/260, SN (Lisp)", "1989", 259_200.0),
            bar("tinygrad, Metal", "2022", 190.0),
            bar("PyTorch, M1 CPU", "2022, the essay", 90.0),
            bar("JavaScript, Node", "2022", 27.0),
        ],
        measured: vec![
            measured("batch 1, one core", "AMD EPYC, AVX-512", 0.671, 0.69),
            measured("full batch, two cores", "AMD EPYC, AVX-512", 2.06, 2.1),
            measured("full batch, GPU", "NVIDIA H200, Vulkan", 0.0123, 1.4),
            Bar {
                qualifies: false,
                ..measured("full batch, software", "llvmpipe", 35.0, 75.0)
            },
        ],
        caption: CAPTION.into(),
    }
}

fn all() -> Vec<Drawing> {
    vec![
        curves().draw(),
        error_by_step().draw(),
        misses(30).draw(),
        kernels().draw(),
        intervals().draw(),
        race().draw(),
    ]
}

fn parse(svg: &str) -> Tree {
    let options = Options {
        fontdb: font::database(),
        ..Options::default()
    };
    Tree::from_str(svg, &options).expect("well-formed SVG")
}

#[test]
fn dump() {
    for drawing in all() {
        for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
            let path = format!("/tmp/pics/{}-{name}", drawing.name);
            std::fs::write(format!("{path}.png"), drawing.png(theme).unwrap()).unwrap();
            std::fs::write(format!("{path}.svg"), drawing.svg(theme)).unwrap();
        }
    }
}
