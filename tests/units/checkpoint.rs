//! Runs at some step in files.

use std::collections::HashMap;
use std::path::Path;

use gpu_train::checkpoint::{Checkpoint, KEY, Origin, decode, encode, save, save_claimed};
use gpu_train::data::DigitsRecord;
use gpu_train::engine::{EngineKind, Evaluation, State};
use gpu_train::file::Claim;
use gpu_train::net::Parameters;
use gpu_train::recipe::{Batch, Recipe, RecipeName, difference};
use gpu_train::train::{History, Point};
use gpu_train::weights;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

fn checkpoint(name: RecipeName) -> Checkpoint {
    let recipe = Recipe::named(name);
    let parameters = recipe.initial_parameters();
    let evaluation = Evaluation {
        loss: 0.1 + 0.2,
        misses: 3,
        examples: 100,
    };
    Checkpoint {
        state: State {
            step: 2,
            first_moment: parameters.map(|value| value / 3.0),
            second_moment: parameters.map(|value| value * value),
            parameters,
        },
        past: History {
            start: 0.125,
            step: 2,
            seconds: 1.0 / 3.0,
            losses: match recipe.batch {
                Batch::Full => vec![2.5, 1.5],
                Batch::PerExample => Vec::new(),
            },
            points: vec![Point {
                step: 1,
                seconds: 1.0 / 7.0,
                train: evaluation,
                test: evaluation,
            }],
        },
        origin: Origin {
            version: "0.0.0".into(),
            engine: EngineKind::Cpu,
            device: "a device".into(),
            kernels: Some("layered".into()),
            recipe,
            digits: DigitsRecord {
                source: "random".into(),
                sha256: "ab".repeat(32),
                train_examples: 1_000,
                test_examples: 100,
            },
        },
    }
}

fn bytes(checkpoint: &Checkpoint) -> Vec<u8> {
    encode(&checkpoint.origin, &checkpoint.state, &checkpoint.past).expect("it fits")
}

fn message(bytes: &[u8]) -> String {
    let error = decode(bytes, Path::new("some.ckpt")).expect_err("it is refused");
    let message = error.to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    message
}

#[test]
fn a_checkpoint_comes_back_bit_for_bit() {
    for name in [RecipeName::FullBatchMuon, RecipeName::Reproduction] {
        let checkpoint = checkpoint(name);
        let bytes = bytes(&checkpoint);
        let back = decode(&bytes, Path::new("some.ckpt")).expect("it is read");
        assert_eq!(back, checkpoint);
        assert_eq!(self::bytes(&back), bytes);
    }
}

#[test]
fn a_claimed_file_and_an_unclaimed_one_get_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let [claimed, unclaimed] = ["claimed", "unclaimed"].map(|name| folder.path().join(name));
    let Checkpoint {
        state,
        past,
        origin,
    } = checkpoint(RecipeName::FullBatchMuon);
    let mut claim = Claim::of(&claimed).expect("it is free");
    save_claimed(&mut claim, &origin, &state, &past).expect("it is written");
    save(&unclaimed, &origin, &state, &past).expect("it is written");
    let read = |path| std::fs::read(path).expect("it is there");
    let expected = encode(&origin, &state, &past).expect("it fits");
    assert_eq!(
        [read(claimed), read(unclaimed)],
        [expected.clone(), expected]
    );
}

#[test]
fn more_evaluations_than_a_header_holds_are_refused() {
    let mut checkpoint = checkpoint(RecipeName::FullBatchMuon);
    let point = checkpoint.past.points[0].clone();
    // Each takes some 150 bytes, and half of 16 MiB are for them.
    checkpoint.past.points = vec![point; 100_000];
    let problem = encode(&checkpoint.origin, &checkpoint.state, &checkpoint.past);
    let problem = problem.expect_err("they are too many");
    assert!(problem.starts_with("found 100000 evaluations"), "{problem}");
    checkpoint.past.points.truncate(40_000);
    bytes(&checkpoint);
}

#[test]
fn every_bit_counts() {
    let whole = bytes(&checkpoint(RecipeName::FullBatchMuon));
    let data = whole.len() - 40_000;
    for place in [data, data + 1_234, whole.len() - 1] {
        let mut altered = whole.clone();
        altered[place] ^= 1;
        let message = message(&altered);
        assert!(message.contains("the file has been altered"), "{message}");
    }
    for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        message(&whole[..length]);
    }
}

#[test]
fn weights_and_other_forms_are_refused() {
    let with_header = |json: &str| {
        let metadata = Some(HashMap::from([(KEY.into(), json.into())]));
        safetensors::serialize(Vec::<(&str, TensorView)>::new(), metadata).expect("a file")
    };
    let recipe = Recipe::named(RecipeName::FullBatchMuon);
    let weights = weights::encode(&Parameters::zeros(), (&recipe).into());
    for (bytes, expected) in [
        (weights, "--init-from starts from weights"),
        (
            with_header(r#"{"form":2,"other":[1]}"#),
            "found a checkpoint of form 2",
        ),
        (with_header("["), "found a header that does not parse"),
    ] {
        let found = message(&bytes);
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn another_tensor_is_refused() {
    // Losses are of the full batch alone.
    for (recipe, name) in [
        (RecipeName::FullBatchMuon, "other"),
        (RecipeName::Reproduction, "losses"),
    ] {
        let whole = bytes(&checkpoint(recipe));
        let (_, header) = SafeTensors::read_metadata(&whole).expect("a header");
        let file = SafeTensors::deserialize(&whole).expect("tensors");
        let mut tensors = file.tensors();
        let view = TensorView::new(Dtype::F32, vec![2], &[0; 8]).expect("a tensor");
        tensors.push((name.into(), view));
        let more = safetensors::serialize(tensors, header.metadata().clone()).expect("a file");
        let found = message(&more);
        assert!(found.contains(&format!("tensor {name}")), "{found}");
    }
}

#[test]
fn what_no_run_has_is_refused() {
    let refused = |change: &dyn Fn(&mut Checkpoint), expected: &str| {
        let mut checkpoint = checkpoint(RecipeName::FullBatchMuon);
        change(&mut checkpoint);
        let found = message(&bytes(&checkpoint));
        assert!(found.contains(expected), "{found}");
    };
    refused(&|c| c.state.step = 66, "found step 66, expected at most 65");
    refused(&|c| c.past.losses.truncate(1), "tensor losses");
    refused(&|c| c.past.losses[0] = f32::NAN, "expected finite numbers");
    refused(&|c| c.past.points[0].step = 3, "found evaluations");
    let again = |c: &mut Checkpoint| c.past.points.push(c.past.points[0].clone());
    refused(&again, "found evaluations");
    refused(&|c| c.past.points[0].test.examples = 0, "found evaluations");
    refused(&|c| c.past.seconds = -1.0, "found evaluations or seconds");
    refused(
        &|c| c.origin.recipe.dropout = 1.5,
        "a recipe that is refused (--dropout: found 1.5",
    );
    refused(&|c| c.origin.digits.train_examples = 0, "training example");
    // Escape codes in any of these would reach the terminal; U+009B opens one as ESC [ does.
    let text = "found a control character in \\u{1b}[31mred\\u{9b}";
    let escape = || "\u{1b}[31mred\u{9b}".to_owned();
    refused(&|c| c.origin.recipe.name = escape(), text);
    refused(&|c| c.origin.device = escape(), text);
    refused(&|c| c.origin.kernels = Some(escape()), text);
    refused(&|c| c.origin.digits.source = escape(), text);
    refused(
        &|c| c.state.first_moment.flat_mut()[0] = f32::INFINITY,
        "tensor first_moment.H1w: element 0: found inf",
    );
}

#[test]
fn a_header_that_promises_much_is_not_read() {
    let mut bytes = (1u64 << 60).to_le_bytes().to_vec();
    bytes.extend_from_slice(b"{}");
    let found = message(&bytes);
    assert!(
        found.contains("found a header of 1152921504606846976 bytes"),
        "{found}"
    );
}

#[test]
fn the_first_field_that_differs_is_named() {
    let recipe = Recipe::named(RecipeName::FullBatchMuon);
    assert_eq!(difference(&recipe, &recipe), None);
    let other = Recipe {
        learning_rate: 0.5,
        ..recipe.clone()
    };
    let found = difference(&recipe, &other).expect("they differ");
    assert!(
        found.starts_with("learning-rate 0.0") && found.ends_with("expected 0.5"),
        "{found}"
    );
}
