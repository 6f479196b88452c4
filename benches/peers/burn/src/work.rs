//! The work file that `examples/peer_work.rs` writes, and the check of the work.

use std::collections::BTreeMap;
use std::ops::Range;

use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

/// The net's tensors, by name, row-major.
pub type Tensors = BTreeMap<&'static str, Vec<f64>>;

/// Names and shapes, as in the reproduction.
pub const SHAPES: [(&str, &[usize]); 8] = [
    ("H1w", &[12, 1, 5, 5]),
    ("H1b", &[12, 8, 8]),
    ("H2w", &[12, 8, 5, 5]),
    ("H2b", &[12, 4, 4]),
    ("H3w", &[192, 30]),
    ("H3b", &[30]),
    ("outw", &[30, 10]),
    ("outb", &[10]),
];

/// One case.
pub struct Work {
    /// `[example][row][column]`.
    pub images: Vec<f32>,
    pub labels: Vec<u8>,
    /// Losses before each of the first steps.
    pub losses: Vec<f64>,
    /// Learning rates, by step.
    pub rates: Vec<f64>,
    recipe: Value,
    tolerances: Value,
    answers: BTreeMap<String, Tensors>,
}

impl Work {
    pub fn load(path: &str, case: &str) -> Result<Self, String> {
        let wrong = |problem: &dyn std::fmt::Display| format!("{path}: {problem}");
        let bytes = std::fs::read(path).map_err(|error| wrong(&error))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| wrong(&error))?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| wrong(&error))?;
        let json = |key: &str| -> Result<Value, String> {
            let text = metadata.metadata().as_ref().and_then(|all| all.get(key));
            let text = text.ok_or_else(|| wrong(&format!("found no {key}")))?;
            serde_json::from_str(text).map_err(|error| wrong(&error))
        };
        let tensor = |name: &str| {
            let view = file.tensor(name).map_err(|error| wrong(&error))?;
            Ok::<_, String>(match view.dtype() {
                Dtype::F32 => from_bytes(view.data(), |b| f64::from(f32::from_le_bytes(b))),
                _ => from_bytes(view.data(), f64::from_le_bytes),
            })
        };
        let mut answers = BTreeMap::new();
        for kind in ["start", "gradient", "after"] {
            let mut tensors = Tensors::new();
            for (name, _) in SHAPES {
                tensors.insert(name, tensor(&format!("{case}/{kind}/{name}"))?);
            }
            answers.insert(kind.into(), tensors);
        }
        let labels = file.tensor("labels").map_err(|error| wrong(&error))?;
        Ok(Self {
            images: tensor("images")?.into_iter().map(|v| v as f32).collect(),
            labels: labels.data().to_vec(),
            losses: tensor(&format!("{case}/losses"))?,
            rates: tensor(&format!("{case}/rates"))?,
            recipe: json("recipes")?[case].take(),
            tolerances: json("tolerances")?,
            answers,
        })
    }

    /// `start`, `gradient` or `after`.
    pub fn tensors(&self, kind: &str) -> Tensors {
        self.answers[kind].clone()
    }

    pub fn number(&self, field: &str) -> f64 {
        self.recipe[field].as_f64().unwrap_or(f64::NAN)
    }

    pub fn relu(&self) -> bool {
        self.recipe["activation"] == "relu"
    }

    pub fn cross_entropy(&self) -> bool {
        self.recipe["loss"] == "cross-entropy"
    }

    /// `[example][class]`: 1 for the class; for the others 0 with cross-entropy, −1 with squared error.
    pub fn targets(&self, examples: Range<usize>) -> Vec<f32> {
        let other = if self.cross_entropy() { 0.0 } else { -1.0 };
        let target = |label: u8| (0..10).map(move |class| if class == label { 1.0 } else { other });
        self.labels[examples]
            .iter()
            .flat_map(|&label| target(label))
            .collect()
    }

    /// As `check` in `work.py`.
    pub fn check(&self, loss: f64, gradient: &Tensors, losses: &[f64], after: &Tensors) -> Value {
        let mut found = vec![
            ("loss".into(), off_by(&[loss], &self.losses[..1]), "loss"),
            (
                "losses of the first steps".into(),
                off_by(losses, &self.losses),
                "losses",
            ),
        ];
        for (name, _) in SHAPES {
            let answer = |kind: &str| &self.answers[kind][name];
            let off = off_by(&gradient[name], answer("gradient"));
            found.push((format!("gradient of {name}"), off, "gradient"));
            let off = off_by(&after[name], answer("after"));
            found.push((format!("{name} after the first steps"), off, "after"));
        }
        let allowed = |kind: &str| self.tolerances[kind].as_f64().unwrap_or(0.0);
        let wrong: Vec<String> = found
            .iter()
            .filter(|(_, off, kind)| off.is_nan() || *off > allowed(kind))
            .map(|(name, off, _)| format!("{name} off by {off:.2}"))
            .collect();
        // JSON has no infinity; null stands for it.
        let differences: serde_json::Map<String, Value> = found
            .into_iter()
            .map(|(name, off, _)| (name, json!(off)))
            .collect();
        json!({"ok": wrong.is_empty(), "wrong": wrong, "differences": differences})
    }
}

/// Largest difference relative to the largest expected element; infinite if anything found is not a number.
fn off_by(found: &[f64], expected: &[f64]) -> f64 {
    if found.len() != expected.len() || found.iter().any(|value| !value.is_finite()) {
        return f64::INFINITY;
    }
    let pairs = found.iter().zip(expected);
    let largest = pairs.fold(0.0, |a: f64, (f, e)| a.max((f - e).abs()));
    largest / expected.iter().fold(0.0, |a: f64, e| a.max(e.abs()))
}

fn from_bytes<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    let chunks = bytes.chunks_exact(N);
    chunks
        .map(|chunk| convert(chunk.try_into().expect("N bytes")))
        .collect()
}
