//! Weights as safetensors, under the names and shapes of the reproduction's `state_dict`, so that PyTorch reads what
//! is written here and the other way round.
//!
//! ```
//! use std::path::Path;
//!
//! use gpu_train::data::embedded;
//! use gpu_train::recipe::{RecipeName, Recipe};
//! use gpu_train::{reference, weights};
//!
//! let recipe = Recipe::named(RecipeName::FullBatchMuon);
//! let bytes = weights::encode(&recipe.initial_parameters(), (&recipe).into());
//! let net = weights::decode(&bytes, Path::new("net.safetensors"))?;
//!
//! let functions = net.functions.expect("gpu-train's own files name them");
//! let images = embedded::digits().test.truncated(3);
//! let scores = reference::scores::<f32>(&net.parameters, functions, &images);
//! println!("an untrained guess: {}", reference::guess(&scores[0]));
//! # assert_eq!(scores.len(), 3);
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::error::{Error, Result};
use crate::file::{self, quoted};
use crate::net::{PARAMETERS, ParameterTensor, Parameters};
use crate::recipe::Functions;

/// The net's weights take 39 kB, 78 kB as F64; this leaves room for metadata.
const FILE_LIMIT: u64 = 16 << 20;
/// The metadata's key of the [`Functions`], as JSON.
pub const FUNCTIONS_KEY: &str = "gpu-train.functions";

/// A trained net.
#[derive(Debug, Clone, PartialEq)]
pub struct Net {
    /// Its weights and biases.
    pub parameters: Parameters,
    /// Its functions; files that another program wrote do not say them.
    pub functions: Option<Functions>,
}

/// Writes weights as F32, with the functions they were trained for in the metadata. The same weights give the same
/// bytes; the file is replaced as a whole or not at all.
///
/// # Errors
/// [`Error::File`] if the folder is missing or cannot be written to.
pub fn save(path: &Path, parameters: &Parameters, functions: Functions) -> Result<()> {
    file::write_atomically(path, &encode(parameters, functions))
}

/// The content of a file of these weights.
pub fn encode(parameters: &Parameters, functions: Functions) -> Vec<u8> {
    let json = serde_json::to_string(&functions).expect("two plain enums");
    let tensors = tensors("", parameters);
    serialize(&tensors, FUNCTIONS_KEY, json)
}

/// Reads weights, F32 or F64 (rounded to F32).
///
/// # Errors
/// [`Error::File`] if the file is missing, above 16 MiB, or broken, if a tensor is missing, misshapen, of another type
/// or not one of the net's, or if a value is not finite.
pub fn load(path: &Path) -> Result<Net> {
    decode(&file::read(path, FILE_LIMIT, "a safetensors file")?, path)
}

/// As [`load`], from a file's content; `path` is for messages.
///
/// # Errors
/// As [`load`].
pub fn decode(bytes: &[u8], path: &Path) -> Result<Net> {
    let file = parse(bytes, path)?;
    let parameters = take(&file, "", path)?;
    refuse_others(&file.names(), &[""], path)?;
    let read = |json: String| {
        serde_json::from_str(&json).map_err(|error| {
            let found = quoted(&json);
            let expected = "{\"activation\":…,\"loss\":…}";
            let problem = format!("found {found} ({error}), expected {expected}");
            Error::file(path, format!("metadata {FUNCTIONS_KEY}: {problem}"))
        })
    };
    let functions = metadata(bytes, FUNCTIONS_KEY).map(read).transpose()?;
    Ok(Net {
        parameters,
        functions,
    })
}

/// A tensor as it is written: name, shape, bytes.
pub(crate) type Written = (String, Vec<usize>, Vec<u8>);

/// The net's tensors, their names after a prefix.
pub(crate) fn tensors(prefix: &str, parameters: &Parameters) -> Vec<Written> {
    let written = |tensor: &ParameterTensor| {
        let bytes = to_bytes(parameters.tensor(tensor));
        let name = format!("{prefix}{}", tensor.name);
        (name, tensor.shape.to_vec(), bytes)
    };
    PARAMETERS.iter().map(written).collect()
}

/// A file of F32 tensors with one entry of metadata: more would be written in the order of a hash map, and the bytes
/// would not depend on the content alone.
pub(crate) fn serialize(tensors: &[Written], key: &str, json: String) -> Vec<u8> {
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
        (name, view.expect("four bytes for each element"))
    });
    let metadata = HashMap::from([(key.to_owned(), json)]);
    safetensors::serialize(views, Some(metadata)).expect("the net's tensors fit the format")
}

/// The tensors of a file's content.
pub(crate) fn parse<'a>(bytes: &'a [u8], path: &Path) -> Result<SafeTensors<'a>> {
    SafeTensors::deserialize(bytes).map_err(|error| {
        let length = bytes.len();
        Error::file(
            path,
            format!(
                "found {length} bytes that do not parse ({error}), expected a whole safetensors file"
            ),
        )
    })
}

/// An entry of a file's metadata, if it has one; the content has been parsed before.
pub(crate) fn metadata(bytes: &[u8], key: &str) -> Option<String> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    header.metadata().as_ref()?.get(key).cloned()
}

/// The net's tensors in a file, their names after a prefix.
pub(crate) fn take(file: &SafeTensors, prefix: &str, path: &Path) -> Result<Parameters> {
    let mut parameters = Parameters::zeros();
    for tensor in &PARAMETERS {
        let name = format!("{prefix}{}", tensor.name);
        let in_tensor = |problem| Error::file(path, format!("tensor {name}: {problem}"));
        let view = file
            .tensor(&name)
            .map_err(|_| in_tensor(format!("found none, expected {}", describe(tensor))))?;
        fill(parameters.tensor_mut(tensor), &view, tensor).map_err(in_tensor)?;
    }
    Ok(parameters)
}

/// Refuses tensors that are not the net's after one of the prefixes.
pub(crate) fn refuse_others(names: &[&str], prefixes: &[&str], path: &Path) -> Result<()> {
    let expected = |name: &str| {
        let mut known = prefixes
            .iter()
            .flat_map(|prefix| PARAMETERS.iter().map(move |tensor| (prefix, tensor.name)));
        known.any(|(prefix, tensor)| name.strip_prefix(prefix) == Some(tensor))
    };
    // Sorted, so that the same file always gives the same message.
    let mut names = names.to_vec();
    names.sort_unstable();
    match names.iter().find(|name| !expected(name)) {
        None => Ok(()),
        Some(name) => Err(Error::file(
            path,
            format!(
                "tensor {}: found in the file, expected only {}",
                quoted(name),
                PARAMETERS.map(|tensor| tensor.name).join(", ")
            ),
        )),
    }
}

/// Copies a tensor's values, or says what was found and what was expected.
fn fill(
    target: &mut [f32],
    view: &TensorView,
    tensor: &ParameterTensor,
) -> std::result::Result<(), String> {
    // The file's data may start at any byte, so it is not cast in place.
    let values: Vec<f64> = match view.dtype() {
        Dtype::F32 if view.shape() == tensor.shape => {
            let values = view.data().as_chunks().0.iter();
            values
                .map(|bytes| f32::from_le_bytes(*bytes).into())
                .collect()
        }
        Dtype::F64 if view.shape() == tensor.shape => {
            let values = view.data().as_chunks().0.iter();
            values.map(|bytes| f64::from_le_bytes(*bytes)).collect()
        }
        found => {
            let (shape, expected) = (view.shape(), describe(tensor));
            return Err(format!(
                "found {found} of shape {shape:?}, expected {expected}"
            ));
        }
    };
    for (index, (target, value)) in target.iter_mut().zip(values).enumerate() {
        *target = value as f32;
        // Also what only F64 holds: it would be infinite here.
        if !target.is_finite() {
            return Err(format!(
                "element {index}: found {value}, expected a finite F32"
            ));
        }
    }
    Ok(())
}

fn describe(tensor: &ParameterTensor) -> String {
    format!("F32 or F64 of shape {:?}", tensor.shape)
}

pub(crate) fn to_bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}
