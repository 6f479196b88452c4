//! Everything that a run needs to resume elsewhere, as one safetensors file.
//!
//! The tensors are `parameters.H1w` …, `first_moment.H1w` …, `second_moment.H1w` … and, of the full batch, `losses`, all
//! F32. One entry of metadata, [`KEY`], holds the header as JSON. Draws need no state: each follows from
//! the recipe's seed and the step.
//!
//! ```
//! use gpu_train::checkpoint::{self, Origin};
//! use gpu_train::data::{DigitsRecord, embedded};
//! use gpu_train::engine::{EngineKind, State};
//! use gpu_train::recipe::{Recipe, RecipeName};
//! use gpu_train::train::History;
//!
//! let recipe = Recipe::named(RecipeName::FullBatch);
//! let state = State::start(recipe.initial_parameters());
//! let origin = Origin {
//!     version: "0.1.0".into(),
//!     engine: EngineKind::Cpu,
//!     device: "two cores".into(),
//!     kernels: None,
//!     recipe,
//!     digits: DigitsRecord::of(&embedded::digits()),
//! };
//! let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("run.ckpt");
//! checkpoint::save(&path, &origin, &state, &History::default())?;
//! let found = checkpoint::load(&path)?;
//! assert_eq!((found.origin, found.state), (origin, state));
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::data::DigitsRecord;
use crate::data::fingerprint::hexadecimal;
use crate::engine::{EngineKind, State};
use crate::error::{Error, Result};
use crate::file::{self, Claim};
use crate::recipe::{Batch, Recipe, is_default};
use crate::train::{History, Point};
use crate::weights::{self, Written};

/// Version of the form; a file of another one is refused.
pub const FORM: u32 = 1;
/// The metadata's key of the header.
pub const KEY: &str = "gpu-train.checkpoint";
/// A checkpoint takes 120 kB, and 4 bytes more a step of the full batch.
const FILE_LIMIT: u64 = 256 << 20;
/// Bytes of the file's header at most, ours among it: every evaluation takes some 200. Read, a header may take several
/// times its size.
const HEADER_LIMIT: usize = 16 << 20;
/// Prefixes of the state's tensors; the net's names follow.
const PREFIXES: [&str; 3] = ["parameters.", "first_moment.", "second_moment."];
const LOSSES: &str = "losses";

/// Recipe, digits and engine of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Version of the program.
    pub version: String,
    /// The kind of engine.
    pub engine: EngineKind,
    /// Human-readable name of the device.
    pub device: String,
    /// A GPU's kernels, as `--kernels` takes them: others round otherwise.
    pub kernels: Option<String>,
    /// The recipe, with the seed of all draws.
    pub recipe: Recipe,
    /// The digits.
    pub digits: DigitsRecord,
}

/// Everything that is not a tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Header {
    form: u32,
    origin: Origin,
    /// Updates done.
    step: u32,
    /// Seconds spent training.
    seconds: f64,
    /// Seconds of these that the starting point took.
    #[serde(default, skip_serializing_if = "is_default")]
    start: f64,
    points: Vec<Point>,
    /// SHA-256 of all tensors' bytes in the order of their names, in hexadecimal.
    sha256: String,
}

/// All that every form of the header has.
#[derive(Deserialize)]
struct Form {
    form: u32,
}

/// A run at some step.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Recipe, digits and engine of the run.
    pub origin: Origin,
    /// The engine's state.
    pub state: State,
    /// The run's course so far.
    pub past: History,
}

/// Writes a checkpoint; the file is replaced as a whole or not at all, even if the machine loses power.
///
/// # Errors
/// [`Error::File`] if it cannot be written; the path then holds what it held.
pub fn save(path: &Path, origin: &Origin, state: &State, past: &History) -> Result<()> {
    let bytes = encode(origin, state, past).map_err(|problem| Error::file(path, problem))?;
    timed(state.step, &bytes, |bytes| {
        file::write_atomically(path, bytes)
    })
}

/// As [`save`], into a file that no other process may write meanwhile.
///
/// # Errors
/// As [`save`], and if another process has written it.
pub fn save_claimed(
    claim: &mut Claim,
    origin: &Origin,
    state: &State,
    past: &History,
) -> Result<()> {
    let refuse = |problem| Error::file(claim.path(), problem);
    let bytes = encode(origin, state, past).map_err(refuse)?;
    timed(state.step, &bytes, |bytes| claim.write(bytes))
}

fn timed(step: u32, bytes: &[u8], write: impl FnOnce(&[u8]) -> Result<()>) -> Result<()> {
    let started = web_time::Instant::now();
    write(bytes)?;
    tracing::debug!(step, bytes = bytes.len(), took = ?started.elapsed(), "wrote a checkpoint");
    Ok(())
}

/// The content of a checkpoint's file.
///
/// # Errors
/// A text, if there were more evaluations than the form can hold.
pub fn encode(
    origin: &Origin,
    state: &State,
    past: &History,
) -> std::result::Result<Vec<u8>, String> {
    let values = [&state.parameters, &state.first_moment, &state.second_moment];
    let tensors = PREFIXES.iter().zip(values);
    let mut tensors: Vec<Written> = tensors
        .flat_map(|(prefix, values)| weights::tensors(prefix, values))
        .collect();
    // Of batch 1 there are a hundred thousand, and no report shows them.
    if origin.recipe.batch == Batch::Full {
        let bytes = weights::to_bytes(&past.losses);
        tensors.push((LOSSES.into(), vec![past.losses.len()], bytes));
    }
    tensors.sort_by(|one, other| one.0.cmp(&other.0));
    let header = Header {
        form: FORM,
        origin: origin.clone(),
        step: state.step,
        seconds: past.seconds,
        start: past.start,
        points: past.points.clone(),
        sha256: sha256(tensors.iter().map(|(_, _, bytes)| bytes.as_slice())),
    };
    let json = serde_json::to_string(&header).expect("a header has only plain fields");
    // Half of it for what else the format writes there: quotes are escaped.
    if json.len() > HEADER_LIMIT / 2 {
        return Err(format!(
            "found {} evaluations to keep, expected fewer: --eval-every can be larger",
            past.points.len()
        ));
    }
    Ok(weights::serialize(&tensors, KEY, json))
}

/// Reads a checkpoint.
///
/// # Errors
/// [`Error::File`] if the file is missing, above 256 MiB, broken or altered, of another form, or no checkpoint.
pub fn load(path: &Path) -> Result<Checkpoint> {
    decode(&file::read(path, FILE_LIMIT, "a checkpoint")?, path)
}

/// As [`load`], from a file's content; `path` is for messages.
///
/// # Errors
/// As [`load`].
pub fn decode(bytes: &[u8], path: &Path) -> Result<Checkpoint> {
    let refuse = |problem: String| Error::file(path, problem);
    let promised = bytes
        .first_chunk()
        .map_or(0, |&length| u64::from_le_bytes(length));
    if promised > HEADER_LIMIT as u64 {
        return Err(refuse(format!(
            "found a header of {promised} bytes, expected at most {HEADER_LIMIT}"
        )));
    }
    let file = weights::parse(bytes, path)?;
    let header = header(bytes).map_err(refuse)?;
    let batch = header.origin.recipe.batch;
    let mut others = file.names();
    others.retain(|name| *name != LOSSES || batch == Batch::PerExample);
    weights::refuse_others(&others, &PREFIXES, path)?;
    let state = State {
        step: header.step,
        parameters: weights::take(&file, PREFIXES[0], path)?,
        first_moment: weights::take(&file, PREFIXES[1], path)?,
        second_moment: weights::take(&file, PREFIXES[2], path)?,
    };
    let losses = match batch {
        Batch::Full => losses(&file, header.step).map_err(refuse)?,
        Batch::PerExample => Vec::new(),
    };
    let mut names = file.names();
    names.sort_unstable();
    let data = names.iter().filter_map(|name| file.tensor(name).ok());
    let found = sha256(data.map(|view| view.data()));
    if found != header.sha256 {
        return Err(refuse(format!(
            "found tensors with SHA-256 {}…, expected {}…: the file has been altered",
            &found[..8],
            file::quoted(header.sha256.get(..8).unwrap_or_default()),
        )));
    }
    Ok(Checkpoint {
        origin: header.origin,
        state,
        past: History {
            step: header.step,
            seconds: header.seconds,
            start: header.start,
            losses,
            points: header.points,
        },
    })
}

/// The header of a file's content, checked.
fn header(bytes: &[u8]) -> std::result::Result<Header, String> {
    let json = weights::metadata(bytes, KEY).ok_or(
        "found a safetensors file without a checkpoint's header, expected a file that --checkpoint wrote \
         (--init-from starts from weights)",
    )?;
    let broken = |error: serde_json::Error| {
        format!("found a header that does not parse ({error}), expected a checkpoint's")
    };
    // The form first: another one need not have the same fields.
    let Form { form } = serde_json::from_str(&json).map_err(broken)?;
    if form != FORM {
        return Err(format!(
            "found a checkpoint of form {form}, expected form {FORM}: another version of gpu-train wrote it"
        ));
    }
    let header: Header = serde_json::from_str(&json).map_err(broken)?;
    // Messages, reports and records repeat its texts.
    let origin = serde_json::to_value(&header.origin).expect("plain fields");
    file::refuse_control_characters(&origin)?;
    check(&header)?;
    Ok(header)
}

/// Refuses what no run has.
fn check(header: &Header) -> std::result::Result<(), String> {
    let recipe = &header.origin.recipe;
    let examples = header.origin.digits.train_examples;
    let refused = |error: Error| format!("found a recipe that is refused ({error})");
    recipe.validate().map_err(refused)?;
    if examples == 0 {
        return Err("found no training example, expected 1 or more".into());
    }
    let steps = recipe
        .validate_updates(examples as usize)
        .map_err(refused)?;
    if header.step > steps {
        return Err(format!(
            "found step {}, expected at most {steps}, the run's last",
            header.step
        ));
    }
    let in_order = header.points.is_sorted_by(|a, b| a.step < b.step)
        && header.points.iter().all(|point| point.step <= header.step);
    let counted = header.points.iter().all(|point| {
        let examples = [point.train, point.test].map(|split| split.examples);
        examples.iter().all(|&examples| examples > 0)
    });
    let timed = header.seconds.is_finite() && (0.0..=header.seconds).contains(&header.start);
    if !(in_order && counted && timed) {
        return Err(format!(
            "found evaluations or seconds that no run has, expected those up to step {}",
            header.step
        ));
    }
    Ok(())
}

/// The training loss before each step.
fn losses(file: &SafeTensors, step: u32) -> std::result::Result<Vec<f32>, String> {
    let view = file.tensor(LOSSES);
    let fits = |view: &safetensors::tensor::TensorView| {
        view.dtype() == Dtype::F32 && view.shape() == [step as usize]
    };
    let view = view.ok().filter(fits).ok_or(format!(
        "tensor {LOSSES}: expected F32 of shape [{step}], one for each step"
    ))?;
    let values = view.data().as_chunks().0.iter();
    let losses: Vec<f32> = values.map(|bytes| f32::from_le_bytes(*bytes)).collect();
    if losses.iter().all(|loss| loss.is_finite()) {
        Ok(losses)
    } else {
        Err(format!("tensor {LOSSES}: expected finite numbers"))
    }
}

fn sha256<'a>(parts: impl Iterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    parts.for_each(|bytes| hash.update(bytes));
    hexadecimal(&hash.finalize())
}
