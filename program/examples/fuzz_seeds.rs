//! Writes the seeds of the fuzz targets, `fuzz/seeds/TARGET/`, with the program's encoders: digits of the embedded
//! sample, and files that are damaged in ways a fuzzer is slow to find.
//!
//!     cargo run --example fuzz_seeds

use std::io::{Cursor, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use gpu_train::checkpoint::{self, Origin};
use gpu_train::data::DigitsRecord;
use gpu_train::data::resize::CODES_PER_LEVEL;
use gpu_train::data::{embedded, idx, prepare};
use gpu_train::engine::{EngineKind, Evaluation, State};
use gpu_train::gpu::{Variant, with_choice};
use gpu_train::net::{Initialization, SIDE, initial_parameters};
use gpu_train::recipe::Functions;
use gpu_train::recipe::{Activation, Loss, Recipe, RecipeName};
use gpu_train::train::{History, Point};
use gpu_train::weights;
use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use serde_json::{Value, json};

/// A seed: its name and content.
type Seed = (&'static str, Vec<u8>);

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(9));
    gzip.write_all(bytes).expect("memory");
    gzip.finish().expect("memory")
}

/// Levels of one embedded test digit, 16×16.
fn digit(example: usize) -> Vec<u8> {
    let test = embedded::digits().test;
    let codes = test.image_codes(example).iter();
    codes.map(|&code| (code / CODES_PER_LEVEL) as u8).collect()
}

fn idx_seeds() -> Vec<Seed> {
    let shape = [2, SIDE, SIDE];
    let levels = [digit(0), digit(1)].concat();
    let codes: Vec<i16> = levels.iter().map(|&level| i16::from(level) * 64).collect();
    let plain = idx::encode(&shape, &levels);
    let bomb = [plain.clone(), vec![0; 1 << 20]].concat();
    let promise = [&[0, 0, 8, 3][..], &[0xff; 12]].concat();
    vec![
        ("levels", plain.clone()),
        ("levels.gz", gzip(&plain)),
        ("codes", idx::encode(&shape, &codes)),
        ("codes.gz", idx::encode_gzip(&shape, &codes)),
        ("labels", idx::encode(&[2], &[7u8, 1])),
        ("labels.gz", idx::encode_gzip(&[2], &[7u8, 1])),
        (
            "two-members.gz",
            [gzip(&plain[..9]), gzip(&plain[9..])].concat(),
        ),
        ("bomb.gz", gzip(&bomb)),
        ("promises-2-to-96", promise),
    ]
}

fn zip_code_seeds() -> Vec<Seed> {
    let line = |label: &str, example: usize| {
        let values = digit(example).into_iter().map(|level| {
            let value = f64::from(level) / 127.5 - 1.0;
            format!(" {value:.4}")
        });
        format!("{label}{} \n", values.collect::<String>())
    };
    let text = line("7.0000", 0) + &line("1", 1);
    let short = format!("3{}\n", " 0".repeat(256));
    let bomb = short.repeat(4_000);
    vec![
        ("two-lines", text.clone().into_bytes()),
        ("two-lines.gz", gzip(text.as_bytes())),
        ("short-line", short.clone().into_bytes()),
        ("too-few-values", b"3 0 0 0\n".to_vec()),
        ("not-a-number", short.replacen("0", "nan", 1).into_bytes()),
        ("endless-line.gz", gzip(&vec![b' '; 1 << 20])),
        ("bomb.gz", gzip(bomb.as_bytes())),
    ]
}

fn weights_seeds() -> Vec<Seed> {
    let functions = Functions {
        activation: Activation::Relu,
        loss: Loss::CrossEntropy,
    };
    let parameters = initial_parameters(3, -1.0, Initialization::Sqrt);
    let whole = weights::encode(&parameters, functions);
    let header = u64::from_le_bytes(whole[..8].try_into().expect("eight bytes")) as usize;
    let mut promise = whole[..8 + header].to_vec();
    promise[..8].copy_from_slice(&(1u64 << 60).to_le_bytes());
    vec![
        ("net", whole.clone()),
        ("header-alone", whole[..8 + header].to_vec()),
        ("promises-2-to-60", promise),
        ("no-tensors", [&2u64.to_le_bytes()[..], b"{}"].concat()),
    ]
}

/// Mostly of the full batch: a checkpoint of the baseline differs only in having no losses.
fn checkpoint_seeds() -> Vec<Seed> {
    let digits = embedded::digits();
    let of = |name, steps: u32| {
        let recipe = Recipe::named(name);
        let origin = Origin {
            version: "0".into(),
            engine: EngineKind::Cpu,
            device: "a processor".into(),
            kernels: None,
            recipe: recipe.clone(),
            digits: DigitsRecord {
                source: digits.source.clone(),
                sha256: "00".repeat(32),
                train_examples: digits.train.len() as u32,
                test_examples: digits.test.len() as u32,
            },
        };
        let evaluation = Evaluation {
            loss: 0.5,
            misses: 7,
            examples: 2_007,
        };
        let past = History {
            start: 0.0,
            step: steps,
            seconds: 0.25,
            losses: vec![2.0; steps as usize],
            points: vec![Point {
                step: steps,
                seconds: 0.25,
                train: evaluation,
                test: evaluation,
            }],
        };
        let state = State {
            step: steps,
            ..State::start(recipe.initial_parameters())
        };
        checkpoint::encode(&origin, &state, &past).expect("it fits")
    };
    let whole = of(RecipeName::FullBatchMuon, 2);
    let header = u64::from_le_bytes(whole[..8].try_into().expect("eight bytes")) as usize;
    let mut promise = whole[..8 + header].to_vec();
    promise[..8].copy_from_slice(&(1u64 << 60).to_le_bytes());
    vec![
        ("full-batch", whole.clone()),
        ("baseline", of(RecipeName::Reproduction, 1)),
        ("header-alone", whole[..8 + header].to_vec()),
        ("promises-2-to-60", promise),
    ]
}

fn image_seeds() -> Vec<Seed> {
    let grey = GrayImage::from_raw(16, 16, digit(2)).expect("square");
    let picture = DynamicImage::from(grey);
    let file = |picture: &DynamicImage, format| {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).expect("memory");
        bytes.into_inner()
    };
    let ascii = b"P2 4 4 9\n9 9 9 9\n9 0 0 9\n9 0 0 9\n9 9 9 9\n".to_vec();
    let blank = GrayImage::from_pixel(512, 512, Luma([200]));
    let png = file(&picture, ImageFormat::Png);
    vec![
        ("grey.png", png.clone()),
        ("rgb.png", file(&picture.to_rgb8().into(), ImageFormat::Png)),
        (
            "rgba.png",
            file(&picture.to_rgba8().into(), ImageFormat::Png),
        ),
        (
            "deep.png",
            file(&picture.to_rgba16().into(), ImageFormat::Png),
        ),
        ("cut.png", png[..png.len() / 2].to_vec()),
        ("blank.png", file(&blank.into(), ImageFormat::Png)),
        ("grey.jpg", file(&picture, ImageFormat::Jpeg)),
        (
            "rgb.jpg",
            file(&picture.to_rgb8().into(), ImageFormat::Jpeg),
        ),
        ("grey.pgm", file(&picture, ImageFormat::Pnm)),
        ("rgb.ppm", file(&picture.to_rgb8().into(), ImageFormat::Pnm)),
        ("ascii.pgm", ascii),
        ("grey.bmp", file(&picture, ImageFormat::Bmp)),
        (
            "promises-2-to-62.pgm",
            b"P5 2147483647 2147483647 255\n".to_vec(),
        ),
    ]
}

/// A record of `results/`, with the first few of its long lists.
fn result(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results");
    let bytes = std::fs::read(path.join(name)).expect("a result");
    let mut value: Value = serde_json::from_slice(&bytes).expect("JSON");
    shorten(&mut value);
    value
}

fn shorten(value: &mut Value) {
    match value {
        Value::Array(values) => {
            values.truncate(3);
            values.iter_mut().for_each(shorten);
        }
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

/// Records that `reproduce`, `race` and `search` leave in their folders, and the index of `scripts/gpu-evidence`; the last seed has
/// all that a report is made of, and texts that a page must not take for its own.
fn record_seeds() -> Vec<Seed> {
    let race = result("race.json");
    let mut table = result("reproduce/table.json");
    let row = &table["rows"][0];
    let split =
        |misses: u32| json!({"loss": 0.1, "error": 0.01, "misses": misses, "examples": 2_007});
    let point = |step: u32| json!({"step": step, "passes": f64::from(step) / 7_291.0, "seconds": 0.1, "train": split(3), "test": split(90)});
    let run = json!({
        "schema": 1, "version": "0", "date": "2026-01-01",
        "identity": {
            "row": row["row"], "digits": table["digits"], "recipe": row["recipe"], "seed": row["seeds"][0],
            "engine": "per-example", "adapter": null,
        },
        "device": "a processor", "concurrent_runs": 1,
        "seconds": {"setup": 0.1, "tuning": 0.0, "train": 1.0, "start": 0.0},
        "steps": row["steps"], "presentations": row["steps"], "curve": [point(7_291), point(14_582)],
        "failed": null, "weights": null, "missed": [{"index": 3, "label": 1, "guess": 7}],
    });
    let mut evidence = json!({
        "short": true,
        "adapter": {"name": "card", "backend": "vulkan", "kind": "discrete", "driver": "1"},
        "figures": {"recipes": [{
            "recipe": "full-batch", "variant": "layered", "examples": 7_291, "floor_ms": 0.05, "share_of_peak": 0.25,
            "step_ms": {"p10": 0.2, "median": 0.2, "p90": 0.3, "samples": 7},
            "kernels": [{"kernel": "update", "ms": 0.1}],
        }], "race": {"file": "race.json"}},
    });
    for field in ["schema", "version", "date", "command", "machine"] {
        evidence[field] = race[field].clone();
    }
    let plan = json!({"plan": {"seeds": [1_337]}, "start": null, "finished": false});
    let bytes = |value: &Value| value.to_string().into_bytes();
    let other_form = json!({"schema": 2});
    let mut seeds = vec![
        ("table", bytes(&table)),
        ("run", bytes(&run)),
        ("race", bytes(&race)),
        ("evidence", bytes(&evidence)),
        ("experiment", bytes(&plan)),
        ("another-form", bytes(&other_form)),
        ("deep", vec![b'['; 20_000]),
    ];
    table["rows"][0]["title"] = "<fuzz onload=\"\">&amp;".into();
    evidence["adapter"]["name"] = "</text><fuzz>".into();
    let all = [table, run, race, evidence].map(|value| bytes(&value));
    seeds.push(("all", all.join(&0)));
    seeds
}

/// Data with their SHA-256 in front.
fn with_hash(data: &[u8]) -> Vec<u8> {
    let hash = prepare::sha256(data);
    let digits = hash.as_bytes().as_chunks().0.iter();
    let byte = |digits: &[u8; 2]| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok();
    let hash: Option<Vec<u8>> = digits.map(byte).collect();
    [hash.expect("hexadecimal"), data.to_vec()].concat()
}

fn tuning_seeds() -> Vec<Seed> {
    let fused: Variant = "fused:tile=8,lanes=128,groups=264,weights=uniform,input=reread"
        .parse()
        .expect("kernels");
    let one = with_choice(b"", "adapter".into(), fused);
    let two = with_choice(&one, "older".into(), Variant::Layered);
    let unknown = String::from_utf8(one.clone()).expect("JSON");
    vec![
        ("choice", one),
        ("two-choices", two),
        (
            "unknown-tile",
            unknown.replace("tile=8", "tile=4294967295").into_bytes(),
        ),
        ("pipelines", with_hash(b"compiled")),
        ("empty-pipelines", with_hash(b"")),
    ]
}

fn main() -> std::io::Result<()> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    for (target, files) in [
        ("idx", idx_seeds()),
        ("zip_code", zip_code_seeds()),
        ("weights", weights_seeds()),
        ("checkpoint", checkpoint_seeds()),
        ("image", image_seeds()),
        ("record", record_seeds()),
        ("tuning", tuning_seeds()),
    ] {
        let folder = seeds.join(target);
        std::fs::create_dir_all(&folder)?;
        for (name, bytes) in files {
            std::fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}
