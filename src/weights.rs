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
//! let recipe = Recipe::named(RecipeName::FullBatch);
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
/// The metadata's key under which [`Functions`] stand, as JSON.
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
    let functions = metadata(bytes, FUNCTIONS_KEY)
        .map(|json| {
            serde_json::from_str(&json).map_err(|error| {
                let json = quoted(&json);
                let expected = "{\"activation\":…,\"loss\":…}";
                let problem = format!(
                    "metadata {FUNCTIONS_KEY}: found {json} ({error}), expected {expected}"
                );
                Error::file(path, problem)
            })
        })
        .transpose()?;
    Ok(Net {
        parameters,
        functions,
    })
}

/// A tensor as it is written: name, shape, bytes.
pub(crate) type Written = (String, Vec<usize>, Vec<u8>);

/// The net's tensors, their names behind a prefix.
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

/// The net's tensors in a file, their names behind a prefix.
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

/// Refuses tensors that are not the net's behind one of the prefixes.
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
    let known = matches!(view.dtype(), Dtype::F32 | Dtype::F64);
    if !known || view.shape() != tensor.shape {
        return Err(format!(
            "found {} of shape {:?}, expected {}",
            view.dtype(),
            view.shape(),
            describe(tensor)
        ));
    }
    // The file's data may start at any byte, so it is not cast in place.
    let width = view.data().len() / target.len();
    for (index, (target, bytes)) in target
        .iter_mut()
        .zip(view.data().chunks_exact(width))
        .enumerate()
    {
        let value = match *bytes {
            [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => unreachable!("an F32 or F64 has four or eight bytes"),
        };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Initialization, initial_parameters};
    use crate::recipe::{Activation, Loss};

    const FUNCTIONS: Functions = Functions {
        activation: Activation::Relu,
        loss: Loss::CrossEntropy,
    };

    /// A tensor as a test writes it: name, type, shape, bytes.
    type Tensor = (String, Dtype, Vec<usize>, Vec<u8>);

    fn tensors() -> Vec<Tensor> {
        let parameters = initial_parameters(3, -1.0, Initialization::Sqrt);
        let tensor = |tensor: &ParameterTensor| {
            let bytes = to_bytes(parameters.tensor(tensor));
            (tensor.name.into(), Dtype::F32, tensor.shape.into(), bytes)
        };
        PARAMETERS.iter().map(tensor).collect()
    }

    fn file_of(tensors: &[Tensor]) -> Vec<u8> {
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
        });
        safetensors::serialize(views, None).unwrap()
    }

    fn assert_refused(bytes: &[u8], expected: &str) {
        let error = decode(bytes, Path::new("some.safetensors")).unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with(&format!("some.safetensors: {expected}")),
            "{message}"
        );
        assert_eq!(message.lines().count(), 1);
    }

    #[test]
    fn weights_survive_the_round_trip_bit_for_bit_and_give_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let parameters = initial_parameters(3, -1.0, Initialization::Sqrt);
        save(&path, &parameters, FUNCTIONS).unwrap();
        let first = std::fs::read(&path).unwrap();
        let loaded = load(&path).unwrap();
        assert_eq!(
            to_bytes(loaded.parameters.flat()),
            to_bytes(parameters.flat()),
            "the bits, not only the values"
        );
        assert_eq!(loaded.functions, Some(FUNCTIONS));
        save(&path, &loaded.parameters, FUNCTIONS).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), first);
    }

    #[test]
    fn a_file_has_the_reproductions_names_and_shapes() {
        let bytes = encode(&Parameters::zeros(), FUNCTIONS);
        let file = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.len(), 8);
        for (name, shape) in [
            ("H1w", &[12, 1, 5, 5][..]),
            ("H1b", &[12, 8, 8]),
            ("H2w", &[12, 8, 5, 5]),
            ("H2b", &[12, 4, 4]),
            ("H3w", &[192, 30]),
            ("H3b", &[30]),
            ("outw", &[30, 10]),
            ("outb", &[10]),
        ] {
            assert_eq!(file.tensor(name).unwrap().shape(), shape);
            assert_eq!(file.tensor(name).unwrap().dtype(), Dtype::F32);
        }
    }

    #[test]
    fn f64_is_rounded_to_f32() {
        let mut wide = tensors();
        for (_, dtype, _, bytes) in &mut wide {
            *dtype = Dtype::F64;
            *bytes = bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
                .flat_map(|value| (f64::from(value) * (1.0 + 1e-12)).to_le_bytes())
                .collect();
        }
        let loaded = decode(&file_of(&wide), Path::new("wide")).unwrap();
        assert_eq!(
            loaded.parameters,
            initial_parameters(3, -1.0, Initialization::Sqrt)
        );
        assert_eq!(loaded.functions, None, "another program's file");
    }

    #[test]
    fn missing_extra_and_misshapen_tensors_and_other_types_are_refused() {
        let mut missing = tensors();
        missing.remove(2);
        assert_refused(
            &file_of(&missing),
            "tensor H2w: found none, expected F32 or F64 of shape [12, 8, 5, 5]",
        );
        let mut extra = tensors();
        extra.push(("H4w\n".into(), Dtype::F32, vec![1], vec![0; 4]));
        assert_refused(
            &file_of(&extra),
            "tensor H4w\\n: found in the file, expected only H1w, H1b, H2w",
        );
        let mut transposed = tensors();
        transposed[4].2.reverse();
        assert_refused(
            &file_of(&transposed),
            "tensor H3w: found F32 of shape [30, 192], expected F32 or F64 of shape [192, 30]",
        );
        let mut halves = tensors();
        halves[5].1 = Dtype::F16;
        halves[5].3.truncate(60);
        assert_refused(
            &file_of(&halves),
            "tensor H3b: found F16 of shape [30], expected F32 or F64 of shape [30]",
        );
    }

    #[test]
    fn values_that_are_not_finite_are_refused() {
        for (bad, name) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
            let mut tensors = tensors();
            tensors[6].3[8..12].copy_from_slice(&bad.to_le_bytes());
            assert_refused(
                &file_of(&tensors),
                &format!("tensor outw: element 2: found {name}, expected a finite F32"),
            );
        }
        let mut tensors = tensors();
        tensors[7] = (
            "outb".into(),
            Dtype::F64,
            vec![10],
            [1e300f64; 10]
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect(),
        );
        assert_refused(&file_of(&tensors), "tensor outb: element 0: found 1");
    }

    #[test]
    fn broken_files_are_refused_wherever_they_break() {
        let whole = encode(
            &initial_parameters(3, -1.0, Initialization::Sqrt),
            FUNCTIONS,
        );
        for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
            assert_refused(
                &whole[..length],
                &format!("found {length} bytes that do not parse"),
            );
        }
        let mut long = whole.clone();
        long.push(0);
        assert_refused(&long, "found 39");
        let mut absurd = whole;
        absurd[..8].fill(0xff);
        assert_refused(&absurd, "found 39");
    }

    #[test]
    fn functions_that_are_none_are_refused() {
        let tensors = super::tensors("", &Parameters::zeros());
        let file = serialize(&tensors, FUNCTIONS_KEY, "{\"activation\":\"gelu\"}".into());
        assert_refused(
            &file,
            "metadata gpu-train.functions: found {\\\"activation\\\":\\\"gelu\\\"} (unknown variant",
        );
    }

    #[test]
    fn files_that_are_missing_or_too_large_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let message = load(&path).unwrap_err().to_string();
        assert!(
            message
                .ends_with("weights.safetensors: found no such file, expected a safetensors file"),
            "{message}"
        );
        let file = std::fs::File::create(&path).unwrap();
        // Sparse: takes no space.
        file.set_len(FILE_LIMIT + 1).unwrap();
        let message = load(&path).unwrap_err().to_string();
        assert!(
            message.contains("found more than 16777216 bytes, expected a safetensors file"),
            "{message}"
        );
        let missing = folder.path().join("none/weights.safetensors");
        let message = save(&missing, &Parameters::zeros(), FUNCTIONS)
            .unwrap_err()
            .to_string();
        assert!(message.contains("found no folder"), "{message}");
    }
}
