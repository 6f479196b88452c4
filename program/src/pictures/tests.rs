//! Every picture and the page, on the records in `results/`, and on odd ones.

use std::path::Path;

use gpu_train::data::{Digits, embedded};
use gpu_train::experiment::record::{
    ContestantKind, RaceRecord, RunRecord, SCHEMA, Statistics, Table, TableRow,
};
use gpu_train::net;
use serde_json::{Value, json};

use super::*;

fn record<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../results")
        .join(name);
    serde_json::from_slice(&std::fs::read(path).expect("a record")).expect("a record")
}

fn table() -> Table {
    record("reproduce/table.json")
}

fn race() -> RaceRecord {
    record("race.json")
}

/// Runs of two seeds of each row, whose misses fall like powers of the step to those that the table has, those of the
/// training set to none.
fn runs(table: &Table, missed: u32) -> Vec<RunRecord> {
    let split = |misses: f64| json!({"loss": 0.1, "error": misses / 2007.0, "misses": misses as u32, "examples": 2007});
    let run = |row: &TableRow, index: usize| -> RunRecord {
        let point = |step: u32| {
            let share = f64::from(step).ln() / f64::from(row.steps).ln();
            let end = f64::from(row.test_misses[index]);
            json!({
                "step": step, "passes": row.passes * f64::from(step) / f64::from(row.steps), "seconds": 0.1,
                "train": split(900.0 * (1.0 - share).max(0.0)), "test": split(900.0 * (end / 900.0).powf(share)),
            })
        };
        let example = |index: u32| json!({"index": index, "label": index % 10, "guess": 0});
        let curve = [2, row.steps / 3, row.steps].map(point);
        let record = json!({
            "schema": SCHEMA, "version": table.stamp.version, "date": table.stamp.date,
            "identity": {
                "row": row.row, "digits": table.digits, "recipe": row.recipe, "seed": row.seeds[index], "engine": row.engine,
            },
            "device": "AMD EPYC, 1 thread, AVX-512", "concurrent_runs": 1,
            "seconds": {"setup": 0.1, "tuning": 0.0, "train": 1.0}, "steps": row.steps, "presentations": 1,
            "curve": curve,
            "missed": (index == 0).then(|| (0..missed).map(example).collect::<Vec<Value>>()),
        });
        serde_json::from_value(record).expect("a record")
    };
    let rows = table.rows.iter().flat_map(|row| [run(row, 0), run(row, 1)]);
    rows.collect()
}

/// All pictures of these records, each in its file and in the page.
fn draw(table: &Table, runs: &[RunRecord], race: &RaceRecord) -> (Vec<Drawing>, String) {
    let digits: Digits = embedded::digits();
    let parameters = net::initial_parameters(3, 0.0, net::Initialization::Sqrt);
    let sources = Sources {
        table: Some(table),
        runs,
        weights: None,
        digits: Some(&digits),
        race: Some(race),
        adapters: &[],
    };
    let (drawings, missing) = sources.draw(Some(&parameters));
    assert_eq!((drawings.len(), missing.len()), (6, 0), "{missing:?}");
    let html = page::html(&sources, &drawings);
    (drawings, html)
}

fn all() -> (Vec<Drawing>, String) {
    let table = table();
    draw(&table, &runs(&table, 30), &race())
}

/// A text's box by the widths it was laid out with, upright texts alone; [left, top, right, bottom].
fn boxes(svg: &str) -> Vec<(String, [f64; 4])> {
    let document = roxmltree::Document::parse(svg).expect("well-formed SVG");
    let texts = document
        .descendants()
        .filter(|node| node.tag_name().name() == "text");
    let upright = texts.filter(|node| !node.has_attribute("transform"));
    let boxed = upright.map(|node| {
        let number = |name| node.attribute(name).and_then(|value| value.parse().ok());
        let [x, y, size]: [f64; 3] =
            ["x", "y", "font-size"].map(|name| number(name).expect("a number"));
        let text = node.text().expect("words");
        let width = font::width(text, size, node.has_attribute("font-weight"));
        let left = match node.attribute("text-anchor") {
            None => x,
            Some("middle") => x - width / 2.0,
            Some(_) => x - width,
        };
        (
            text.to_owned(),
            [left, y - 0.75 * size, left + width, y + 0.2 * size],
        )
    });
    boxed.collect()
}

/// No text is cut off at an edge or runs into another one, in a font as wide as the widest.
fn check_texts(drawing: &Drawing) {
    let found = boxes(&drawing.svg());
    assert!(found.len() > 1, "{}", drawing.name);
    for (index, (text, [left, top, right, bottom])) in found.iter().enumerate() {
        let name = drawing.name;
        let inside = *left >= 0.0 && *top >= 0.0 && *right <= WIDTH && *bottom <= drawing.height;
        assert!(inside, "{name}: {text} {:?}", found[index].1);
        for (other, [left_2, top_2, right_2, bottom_2]) in &found[..index] {
            let beside = right <= left_2 || right_2 <= left;
            assert!(
                beside || bottom <= top_2 || bottom_2 <= top,
                "{name}: {text} over {other}"
            );
        }
    }
}

#[test]
fn six_pictures_are_well_formed_and_their_texts_have_room() {
    let (drawings, html) = all();
    for drawing in &drawings {
        check_texts(drawing);
        assert!(!drawing.title.is_empty() && drawing.description.len() > 40);
        assert!(drawing.svg().contains("prefers-color-scheme:dark"));
        assert!(html.contains(&drawing.inline()) && !drawing.inline().contains("=\"#"));
        assert!(!drawing.body.contains('…'), "{}", drawing.name);
    }
    assert_eq!((drawings, html), all());
}

#[test]
fn the_words_that_matter_are_there() {
    let (race, table) = (race(), table());
    let standing = |index: usize| race.contestants[index].standing.as_ref();
    let [baseline, full_batch] = [0, 4].map(|index| standing(index).expect("it has run"));
    let over_essay = baseline.over_essay.expect("an answer");
    let interval = |name: &str| {
        let row = table.rows.iter().find(|row| row.row == name);
        let found = row.and_then(|row| row.statistics.as_ref());
        let found = found.expect("a row with runs");
        let [low, high] = found.mean_interval.expect("several seeds");
        format!("{:.1} ± {:.1}", found.mean, (high - low) / 2.0)
    };
    let device = race.contestants[4].device.split(' ').next();
    let machine = &table.stamp.machine;
    let of_records = [
        format!(">{over_essay:.0}× faster"),
        format!("{:.1} ms", 1e3 * full_batch.train.median),
        interval("stage-0"),
        format!("{} after 4 epochs", interval("full-batch")),
        format!("{}, 2 cores · {}", machine.processor, table.stamp.date),
    ];
    let [faster, time, stage_0, full_batch, measured] = of_records.each_ref().map(String::as_str);
    let expected: [(&str, &[&str]); 6] = [
        (
            "race",
            &[
                "~3 days",
                "2,880× slower",
                faster,
                time,
                "cold 0.",
                "1×",
                device.expect("a name"),
            ],
        ),
        (
            "table",
            &[
                stage_0,
                ">82<",
                "mean and its 95% interval",
                "20 seeds per row",
            ],
        ),
        (
            "learning-curves",
            &["newton-1989-plain", full_batch, measured],
        ),
        (
            "error-by-step",
            &[
                "training: 0.00%",
                "published: 4.09%",
                ">0<",
                "0 at the foot",
            ],
        ),
        (
            "misses",
            &[
                "The 30 test digits missed of 2,007",
                "9 → 0",
                "full-batch-4, seed 1337",
            ],
        ),
        ("kernels", &["map 12", "−0.48", "+0.48"]),
    ];
    for (drawing, (name, words)) in all().0.iter().zip(expected) {
        assert_eq!(drawing.name, name);
        for word in words {
            assert!(drawing.svg().contains(word), "{name}: {word}");
        }
    }
}

#[test]
fn the_result_and_its_picture_come_before_the_table_and_the_rule() {
    let (_, html) = all();
    let places = [
        "class=\"result\"",
        "race-title",
        "Who raced",
        "<details>",
        "What was run",
    ];
    let places = places.map(|word| html.find(word).expect(word));
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn a_table_with_missing_runs_says_so() {
    let mut table = table();
    table.rows[0].seeds.truncate(18);
    let texts = boxes(&super::table::draw(&table).svg()).into_iter();
    let words: Vec<String> = texts.map(|(text, _)| text).collect();
    let words = words.join(" ");
    assert!(
        words.contains("20 seeds per row, 18 at least where runs are missing."),
        "{words}"
    );
}

#[test]
fn a_page_fetches_nothing_and_escapes_every_text() {
    let bad = "<script src=\"a\">alert(\"1\")</script>&'\u{1}";
    let (mut table, mut race) = (table(), race());
    let row = &mut table.rows[0];
    for text in [
        &mut row.row,
        &mut row.title,
        &mut table.notes[0],
        &mut table.stamp.command,
    ] {
        *text = bad.into();
    }
    let one = &mut race.contestants[0];
    for text in [
        &mut one.name,
        &mut one.device,
        &mut race.verdict[0],
        &mut race.rule.text[0],
    ] {
        *text = bad.into();
    }
    table.restrictions.push(bad.into());
    table.stamp.machine.processor = bad.into();
    let runs = runs(&table, 3);
    let (drawings, html) = draw(&table, &runs, &race);
    for outside in [
        "<script", "alert(\"", "url(", "@import", " src=\"", " href=",
    ] {
        assert!(!html.contains(outside), "{outside}");
    }
    drawings.iter().for_each(check_texts);
}

/// A folder of an adapter whose step takes this long, with a race in which it took part.
fn folder(name: &str, ms: f64) -> Folder {
    let race = race();
    let step = json!({
        "recipe": "full-batch-adamw-relu", "variant": "fused:tile=8,lanes=128,groups=264,weights=storage,input=reread",
        "examples": 7291, "step_ms": {"median": ms, "p10": ms, "p90": ms, "samples": 9}, "floor_ms": 0.05,
        "share_of_peak": 0.05 / ms,
        "kernels": [{"kernel": "forward_backward", "ms": ms, "share_of_peak": 0.05 / ms}, {"kernel": "update", "ms": 0.01}],
    });
    let mut index = serde_json::to_value(&race.stamp).expect("a head");
    index["short"] = false.into();
    index["adapter"] =
        json!({"name": name, "backend": "vulkan", "kind": "discrete", "driver": "1.0"});
    index["figures"] = json!({"recipes": [step], "race": {"file": "race.json"}});
    let mut one = race.contestants[0].clone();
    one.kind = ContestantKind::Gpu;
    (one.name, one.device) = (format!("{name}: full-batch"), name.into());
    Folder {
        evidence: serde_json::from_value(index).expect("an index"),
        race: Some(RaceRecord {
            contestants: vec![race.contestants[0].clone(), one],
            ..race
        }),
    }
}

#[test]
fn adapters_are_drawn_against_their_limits_and_race_with_the_others() {
    let long =
        "NVIDIA Corporation GeForce RTX 4090 Laptop GPU with Max-Q Design and a long name, 16 GB";
    let mut folders = [folder(long, 0.2), folder("llvmpipe", 150.0)];
    folders[1].evidence.short = true;
    let all = race_of_all(Some(&race()), &folders).expect("a race");
    assert_eq!(all.contestants.len(), race().contestants.len() + 2);
    // The same record again adds nothing.
    let again = race_of_all(folders[0].race.as_ref(), &folders[..1]).expect("a race");
    assert_eq!(Some(&again), folders[0].race.as_ref());
    let sources = Sources {
        race: Some(&all),
        adapters: &folders,
        ..Sources::default()
    };
    let (drawings, missing) = sources.draw(None);
    assert!(missing.is_empty(), "{missing:?}");
    let names: Vec<_> = drawings.iter().map(|drawing| drawing.name).collect();
    assert_eq!(names, ["race", "adapters", "adapter-kernels"]);
    drawings.iter().for_each(check_texts);
    let html = page::html(&sources, &drawings);
    for word in [
        "200 µs · 25.0%",
        "llvmpipe",
        "no layer",
        "shortened (--short)",
        "in another machine",
    ] {
        assert!(html.contains(word), "{word}");
    }
    // A folder without figures, and values that no axis expects.
    folders[0].evidence.figures = Default::default();
    for value in [0.0, f64::NAN, f64::INFINITY, 1e300, -5.0] {
        let step = &mut folders[1].evidence.figures.recipes[0];
        (step.step_ms.median, step.floor_ms) = (value, value);
        step.kernels[0].share_of_peak = Some(value);
        let sources = Sources {
            adapters: &folders,
            ..Sources::default()
        };
        let (drawings, missing) = sources.draw(None);
        assert_eq!((drawings.len(), missing.len()), (2, 2));
        for drawing in drawings {
            assert!(!drawing.svg().contains("NaN"), "{}", drawing.svg());
            check_texts(&drawing);
        }
    }
}

#[test]
fn a_contestant_with_too_many_misses_is_an_outline() {
    let dashes = |race: &RaceRecord| {
        race::draw(race)
            .body
            .matches("stroke-dasharray=\"3\"")
            .count()
    };
    let mut race = race();
    assert_eq!(dashes(&race), 0);
    race.contestants[1]
        .standing
        .as_mut()
        .expect("runs")
        .qualifies = false;
    // Its bar, and the legend's.
    assert_eq!(dashes(&race), 2);
}

/// The bars' lengths follow the times: ten times the time is a fixed length more.
#[test]
fn bars_are_as_long_as_their_logarithms() {
    let mut race = race();
    race.published.clear();
    race.contestants.truncate(3);
    for (one, seconds) in race.contestants.iter_mut().zip([0.01, 0.1, 1.0]) {
        let found = one.standing.as_mut().expect("runs");
        (found.train.median, found.cold_total) = (seconds, seconds);
    }
    let body = race::draw(&race).body;
    let bars = body
        .lines()
        .filter(|line| line.ends_with("height=\"14\" class=\"fill-measured\"/>"));
    let width = |line: &str| {
        line.split("width=\"")
            .nth(1)?
            .split('"')
            .next()?
            .parse()
            .ok()
    };
    let widths: Vec<f64> = bars.filter_map(width).collect();
    let [one, two, three] = widths[..] else {
        panic!("{widths:?}");
    };
    assert!(
        one > 10.0 && (two - one - (three - two)).abs() < 0.02,
        "{widths:?}"
    );
}

/// Long names wrap: nothing that distinguishes two contestants is cut.
#[test]
fn long_names_and_short_times_have_room() {
    let (mut table, mut race) = (table(), race());
    let long = "NVIDIA Corporation GeForce RTX 4090 Laptop GPU (Vulkan, discrete GPU): full-batch-augmentation, number ";
    for (index, one) in race.contestants.iter_mut().enumerate() {
        (one.name, one.device) = (format!("{long}{index}"), format!("{long}{index}"));
        let found = one.standing.as_mut().expect("runs");
        (found.train.median, found.cold_total) = (1e-4, 123_456.0);
    }
    for (index, row) in table.rows.iter_mut().enumerate() {
        (row.row, row.title) = (format!("{long}{index}"), long.repeat(2));
    }
    race.restrictions.push(long.repeat(3));
    let (drawings, _) = draw(&table, &runs(&table, 2007), &race);
    drawings.iter().for_each(check_texts);
}

/// Nothing, one of each, and values that no axis expects.
#[test]
fn odd_records_are_drawn_without_panic() {
    let odd = [0.0, 82.0, f64::NAN, f64::INFINITY, 1e300, 1e-300, -5.0];
    for value in odd {
        let (mut table, mut race) = (table(), race());
        table.rows.truncate(2);
        let mut runs = runs(&table, 1);
        table.rows[0].statistics = Some(Statistics {
            mean: value,
            mean_interval: Some([value, value + 1.0]),
            ..table.rows[0].statistics.clone().expect("runs")
        });
        for point in &mut runs[0].curve {
            (point.test.error, point.train.error, point.passes) = (value, value, value);
        }
        runs[1].curve.truncate(1);
        race.published[0].seconds = value;
        let found = race.contestants[0].standing.as_mut().expect("runs");
        (found.train.median, found.cold_total) = (value, value);
        for drawing in draw(&table, &runs, &race).0 {
            let svg = drawing.svg();
            assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{svg}");
            check_texts(&drawing);
        }
    }
    let (mut table, mut race) = (table(), race());
    table.rows.clear();
    (race.published, race.contestants, race.verdict) = Default::default();
    let sources = Sources {
        table: Some(&table),
        race: Some(&race),
        ..Sources::default()
    };
    let (drawings, missing) = sources.draw(None);
    assert_eq!((drawings.len(), missing.len()), (2, 2));
    assert!(page::html(&sources, &drawings).contains("Nobody has raced."));
}
