//! Writes the work for other frameworks, with the reference's results, for `benches/peers/run`.
//!
//! `cargo run --release --example peer_work -- FILE.safetensors`
//!
//! The file holds `images` (F32, −1 to 1), `labels`, and for each case `CASE/start/NAME` (weights before the first
//! step), `CASE/gradient/NAME` (at these weights, over the first step's examples), `CASE/losses` (before each of the
//! first steps), `CASE/after/NAME` (weights after these steps) and `CASE/rates` (the learning rate of each step of the
//! run, or a single constant one); for a closed-form start also `CASE/drawn/…`, what it draws. Results are the f64 reference's. The metadata holds JSON: `recipes`, the recipe of each
//! case, and `tolerances`, see [`tolerances`].

use std::collections::HashMap;
use std::path::Path;

use gpu_train::data::{Digits, embedded};
use gpu_train::draw::{self, Stream};
use gpu_train::engine::Engine;
use gpu_train::net::{PARAMETERS, Parameters, SIDE};
use gpu_train::recipe::Schedule;
use gpu_train::recipe::{Activation, Batch, Loss, Recipe, RecipeName};
use gpu_train::reference::Reference;
use gpu_train::start::StartingPoint;
use safetensors::tensor::{Dtype, TensorView};

/// Number of full-batch steps whose losses and weights are stored.
const FULL_BATCH_STEPS: u32 = 5;
/// Case of a whole run, from the closed-form start to the last step.
const WHOLE_RUN: &str = "full-batch";
/// Number of batch-1 updates whose losses and weights are stored.
const PER_EXAMPLE_STEPS: u32 = 20;

/// Largest allowed differences from the reference, relative to the largest element of the compared tensor.
///
/// f32 sums of 7,291 addends stay an order of magnitude below, in any order; a missing tap or a wrong pad is far above.
/// After some steps the tolerance is larger: AdamW divides a gradient by its own size, which amplifies the rounding of a gradient
/// near zero, and biases have come a few steps from 0. A start that is drawn is the file's; a closed form is computed in f64 by another library, and rounded to f32.
fn tolerances() -> serde_json::Value {
    serde_json::json!({"loss": 1e-5, "gradient": 1e-4, "losses": 1e-4, "after": 5e-3, "start": 1e-4})
}

/// The tensors of the file, by name.
#[derive(Default)]
struct Tensors(Vec<(String, Dtype, Vec<usize>, Vec<u8>)>);

impl Tensors {
    fn add_f32(&mut self, name: &str, shape: &[usize], values: impl IntoIterator<Item = f32>) {
        let bytes = values.into_iter().flat_map(f32::to_le_bytes).collect();
        self.0
            .push((name.into(), Dtype::F32, shape.to_vec(), bytes));
    }

    fn add_f64(&mut self, name: &str, shape: &[usize], values: impl IntoIterator<Item = f64>) {
        let bytes = values.into_iter().flat_map(f64::to_le_bytes).collect();
        self.0
            .push((name.into(), Dtype::F64, shape.to_vec(), bytes));
    }

    fn add_parameters(&mut self, prefix: &str, parameters: &Parameters<f64>) {
        for tensor in &PARAMETERS {
            let values = parameters.tensor(tensor).iter().copied();
            self.add_f64(&format!("{prefix}/{}", tensor.name), tensor.shape, values);
        }
    }

    fn add_case(&mut self, name: &str, digits: &Digits, recipe: &Recipe) {
        let start = StartingPoint::of(recipe, &digits.train, 1).expect("a start");
        let start = start.parameters;
        for tensor in &PARAMETERS {
            let values = start.tensor(tensor).iter().copied();
            self.add_f32(
                &format!("{name}/start/{}", tensor.name),
                tensor.shape,
                values,
            );
        }
        let examples = digits.train.len();
        let mut reference =
            Reference::<f64>::new(digits.clone(), recipe.clone(), &start).expect("a valid recipe");
        let (_, gradient) = reference.batch_gradient(0..recipe.batch_size(examples));
        self.add_parameters(&format!("{name}/gradient"), &gradient);
        let steps = match recipe.batch {
            Batch::Full => recipe.updates(examples).min(FULL_BATCH_STEPS.into()) as u32,
            Batch::PerExample => PER_EXAMPLE_STEPS,
        };
        let losses = reference.train(steps).expect("the reference does not fail");
        let losses = losses.into_iter().map(f64::from);
        self.add_f64(&format!("{name}/losses"), &[steps as usize], losses);
        self.add_parameters(&format!("{name}/after"), reference.parameters());
        // A constant rate is stored once, not for each of 167,693 updates.
        let rates = match recipe.schedule {
            Schedule::Constant => 1,
            _ => recipe.updates(examples),
        };
        let rate = |step| recipe.learning_rate_at(step, examples);
        self.add_f64(
            &format!("{name}/rates"),
            &[rates as usize],
            (0..rates).map(rate),
        );
    }

    /// Draws of the closed-form start from a seed (`src/start/closed_form.rs`).
    fn add_drawn(&mut self, name: &str, seed: u64) {
        let word = |first, second, third| draw::block(seed, Stream::Start, first, second, third)[0];
        let sign = |layer, row| {
            if word(0, layer, row) & 1 == 1 {
                -1.0
            } else {
                1.0
            }
        };
        let signs = (0..2).flat_map(|layer| (0..12).map(move |row| sign(layer, row)));
        self.add_f64(&format!("{name}/drawn/signs"), &[2, 12], signs);
        let code = |unit| {
            let mut words = (0..).map(|again| word(1, unit, again) & 0x3FF);
            let found = words.find(|word| !matches!(word.count_ones(), 0 | 10));
            let word = found.expect("endless");
            let mean = f64::from(word.count_ones()) / 5.0 - 1.0;
            let deviation = (1.0 - mean * mean).sqrt();
            let of_class = move |class: u32| f64::from(word >> class & 1) * 2.0 - 1.0;
            move |class| (of_class(class) - mean) / deviation
        };
        let codes: Vec<_> = (0..30).map(code).collect();
        let codes = (0..10).flat_map(|class| codes.iter().map(move |code| code(class)));
        self.add_f64(&format!("{name}/drawn/codes"), &[10, 30], codes);
        let number = |index| draw::block(0, Stream::Start, 2, 0, index)[0];
        let diagonal = (0..200).map(|index| f64::from(number(index)) / 2f64.powi(32));
        self.add_f64(&format!("{name}/drawn/diagonal"), &[200], diagonal);
    }

    fn write(&self, path: &Path, metadata: HashMap<String, String>) -> Result<(), String> {
        let views = self.0.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            (name, view.expect("as many bytes as the shape says"))
        });
        safetensors::serialize_to_file(views, Some(metadata), path)
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn main() -> Result<(), String> {
    let path = std::env::args().nth(1).ok_or("usage: peer_work FILE")?;
    let digits = embedded::digits();
    let train = &digits.train;
    // The peers implement AdamW.
    let full_batch = Recipe::named(RecipeName::FullBatchAdamW);
    let cases = [
        (
            "relu-cross-entropy",
            Recipe {
                activation: Activation::Relu,
                ..full_batch.clone()
            },
        ),
        (
            "tanh-mse",
            Recipe {
                loss: Loss::Mse,
                ..full_batch
            },
        ),
        ("reproduction", Recipe::named(RecipeName::Reproduction)),
        (WHOLE_RUN, Recipe::named(RecipeName::FullBatch)),
    ];
    let mut tensors = Tensors::default();
    let denominator = f64::from(train.denominator());
    let pixel = |&code: &u16| (f64::from(code) / denominator - 1.0) as f32;
    tensors.add_f32(
        "images",
        &[train.len(), SIDE, SIDE],
        train.codes().iter().map(pixel),
    );
    tensors.0.push((
        "labels".into(),
        Dtype::U8,
        vec![train.len()],
        train.labels().to_vec(),
    ));
    let mut recipes = serde_json::Map::new();
    for (name, recipe) in &cases {
        tensors.add_case(name, &digits, recipe);
        let recipe = serde_json::to_value(recipe).expect("a recipe is plain data");
        recipes.insert((*name).into(), recipe);
    }
    tensors.add_drawn(WHOLE_RUN, cases[cases.len() - 1].1.seed);
    let recipes = serde_json::Value::Object(recipes).to_string();
    let metadata = [
        ("recipes".into(), recipes),
        ("tolerances".into(), tolerances().to_string()),
    ];
    tensors.write(Path::new(&path), HashMap::from(metadata))
}
