//! Every picture, on ordinary data and on what could break it.

use resvg::tiny_skia::Pixmap;
use resvg::usvg::{Options, Tree};

use super::curves::CurveRow;
use super::intervals::IntervalRow;
use super::misses::MissedDigit;
use super::race::Bar;
use super::*;
use gpu_train::data::embedded;
use gpu_train::net;

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
    let parameters = net::initial_parameters(3, 0.0, net::Initialization::Sqrt);
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

/// Both forms of every picture, as browsers and this program's own renderer read them.
#[test]
fn every_picture_is_well_formed_in_both_themes_and_inline() {
    for drawing in all() {
        for svg in [
            drawing.svg(Theme::Light),
            drawing.svg(Theme::Dark),
            drawing.inline(),
        ] {
            let size = parse(&svg).size();
            assert_eq!(f64::from(size.width()), WIDTH, "{}", drawing.name);
            assert_eq!(f64::from(size.height()), drawing.height, "{}", drawing.name);
        }
        assert!(!drawing.title.is_empty() && drawing.description.len() > 40);
    }
}

#[test]
fn themes_differ_in_colours_alone_and_an_inline_picture_has_none() {
    for drawing in all() {
        let [light, dark] = [Theme::Light, Theme::Dark].map(|theme| {
            let svg = drawing.svg(theme);
            svg.replace(&theme::css(theme, ""), "")
        });
        assert_eq!(light, dark);
        assert!(!drawing.inline().contains("=\"#"), "{}", drawing.name);
    }
}

#[test]
fn the_same_data_give_the_same_bytes_and_the_png_has_the_pictures_size() {
    for (one, other) in all().into_iter().zip(all()) {
        assert_eq!(one.svg(Theme::Dark), other.svg(Theme::Dark));
        let [png, again] =
            [one, other.clone()].map(|drawing| drawing.png(Theme::Dark).expect("a png"));
        assert_eq!(png, again);
        let pixels = Pixmap::decode_png(&png).expect("a png");
        assert_eq!(
            (pixels.width(), pixels.height()),
            (1600, 2 * other.height as u32)
        );
    }
}

/// Left to right and top to bottom: nothing is cut off at an edge.
#[test]
fn all_text_lies_inside_its_picture() {
    for drawing in all() {
        let mut texts = 0;
        inside(
            &drawing,
            parse(&drawing.svg(Theme::Light)).root(),
            &mut texts,
        );
        assert!(texts > 5, "{}: {texts}", drawing.name);
    }
}

fn inside(drawing: &Drawing, group: &resvg::usvg::Group, texts: &mut u32) {
    for node in group.children() {
        match node {
            resvg::usvg::Node::Group(group) => inside(drawing, group, texts),
            resvg::usvg::Node::Text(_) => {
                let found = node.abs_bounding_box();
                let (right, bottom) = (f64::from(found.right()), f64::from(found.bottom()));
                assert!(
                    found.left() >= 0.0 && found.top() >= 0.0,
                    "{} {found:?}",
                    drawing.name
                );
                assert!(
                    right <= WIDTH && bottom <= drawing.height,
                    "{} {found:?}",
                    drawing.name
                );
                *texts += 1;
            }
            _ => {}
        }
    }
}

#[test]
fn the_words_that_matter_are_there() {
    let expected: [(Drawing, &[&str]); 6] = [
        (
            curves().draw(),
            &[
                "Stage 0: reproduction",
                "passes over the training set (log)",
                CAPTION,
            ],
        ),
        (
            error_by_step().draw(),
            &[
                "test 3.30%",
                "training 0.00%",
                "published 4.09%",
                ">0<",
                "0 at the foot",
            ],
        ),
        (
            misses(30).draw(),
            &["The 30 test digits missed of 2,007", "2 → 5", "seed 1337"],
        ),
        (kernels().draw(), &["map 12", "−0.48", "+0.48"]),
        (
            intervals().draw(),
            &["82.1 ± 3.5", ">82<", "mean and its 95% interval"],
        ),
        (
            race().draw(),
            &[
                "3 days",
                "2,880× slower",
                "134× faster",
                "12.3 ms",
                "cold 1.4 s",
                "1×",
                "dashed outline",
            ],
        ),
    ];
    for (drawing, words) in expected {
        let svg = drawing.svg(Theme::Light);
        for word in words {
            assert!(svg.contains(word), "{}: {word}", drawing.name);
        }
    }
}

#[test]
fn names_are_escaped() {
    let mut data = race();
    data.measured[0].name = "<b> & \"quotes\"\u{1}".into();
    let svg = data.draw().svg(Theme::Light);
    assert!(
        svg.contains("&lt;b&gt; &amp; &quot;quotes&quot;\u{fffd}"),
        "{svg}"
    );
    parse(&svg);
}

#[test]
fn a_contestant_with_too_many_misses_is_an_outline() {
    let dashes = |data: &Race| {
        data.draw()
            .inline()
            .matches("stroke-dasharray=\"3\"")
            .count()
    };
    let mut data = race();
    assert_eq!(dashes(&data), 1);
    for bar in &mut data.measured {
        bar.qualifies = true;
    }
    assert_eq!(dashes(&data), 0);
}

/// The bars' lengths follow the times: ten times the time is a gridline further.
#[test]
fn bars_are_as_long_as_their_logarithms() {
    let mut data = race();
    data.published.clear();
    data.claim = None;
    data.measured = [0.01, 0.1, 1.0]
        .map(|seconds| bar("one", "", seconds))
        .into();
    let svg = data.draw().inline();
    let widths: Vec<f64> = svg
        .lines()
        .filter(|line| line.contains("class=\"fill-measured\"") && line.starts_with("<rect"))
        .map(|line| {
            let width = line
                .split("width=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            width.expect("a width").parse().expect("a number")
        })
        .collect();
    let [one, two, three] = widths[..] else {
        panic!("{widths:?}");
    };
    assert!(
        one > 10.0 && (two - one - (three - two)).abs() < 0.02,
        "{widths:?}"
    );
}

/// Nothing, one of each, and values that no axis expects.
#[test]
fn odd_data_are_drawn_without_panic() {
    let mut odd = Vec::new();
    for values in [
        vec![],
        vec![0.0],
        vec![82.0],
        vec![0.0, f64::NAN, f64::INFINITY, 1e300, 1e-300, -5.0],
    ] {
        let points: Vec<BandPoint> = values
            .iter()
            .enumerate()
            .map(|(x, &mean)| BandPoint {
                x: x as f64,
                mean,
                low: mean,
                high: mean + 1.0,
            })
            .collect();
        let mut data = curves();
        data.rows.truncate(values.len());
        for row in &mut data.rows {
            row.points.clone_from(&points);
        }
        odd.push(data.draw());
        odd.push(
            ErrorByStep {
                train: points.clone(),
                test: points,
                ..error_by_step()
            }
            .draw(),
        );
        let mut data = intervals();
        data.rows.truncate(values.len());
        for (row, &value) in data.rows.iter_mut().zip(&values) {
            (row.mean, row.mean_interval, row.published) = (Some(value), None, Some(value));
        }
        odd.push(data.draw());
        let bars: Vec<Bar> = values
            .iter()
            .map(|&seconds| bar("one", "", seconds))
            .collect();
        odd.push(
            Race {
                published: bars.clone(),
                measured: bars,
                ..race()
            }
            .draw(),
        );
        let weights = values.first().map(|&value| [value as f32; net::TAPS]);
        odd.push(
            Kernels {
                kernels: weights.into_iter().collect(),
                ..kernels()
            }
            .draw(),
        );
    }
    odd.extend([0, 1, 2007].map(|count| misses(count).draw()));
    let short = MissedDigit {
        ink: vec![f32::NAN; 3],
        label: 255,
        guess: 0,
    };
    odd.push(
        Misses {
            digits: vec![short],
            ..misses(0)
        }
        .draw(),
    );
    for drawing in odd {
        let svg = drawing.svg(Theme::Light);
        assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{svg}");
        parse(&svg);
    }
}

#[test]
fn three_days_and_a_millisecond_fit_into_one_race() {
    let mut data = race();
    data.measured = vec![bar("quick", "", 0.001)];
    let drawing = data.draw();
    let svg = drawing.inline();
    assert!(
        svg.contains("90,000× faster") && svg.contains("2,880× slower"),
        "{svg}"
    );
    inside(&drawing, parse(&drawing.svg(Theme::Light)).root(), &mut 0);
}
