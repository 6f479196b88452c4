//! IDX, the format of MNIST's files: two zero bytes, the element type, the number of axes, each axis's length as a
//! big-endian 32-bit integer, then the elements, big-endian. Plain or gzipped; a file's first bytes tell which.
//!
//! Source: "The IDX file format", on the MNIST page of Y. LeCun, C. Cortes and C. J. C. Burges.
//!
//! ```
//! use std::path::Path;
//! use gpu_train::data::idx;
//!
//! let file = idx::encode(&[2, 3], &[1_u8, 2, 3, 4, 5, 6]);
//! let found: Vec<u8> = idx::decode(file.as_slice(), Path::new("six"), &[2, 3])?;
//! assert_eq!(found, [1, 2, 3, 4, 5, 6]);
//! assert!(idx::decode::<u8>(file.as_slice(), Path::new("six"), &[3, 2]).is_err());
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

use std::io::{Read, Write};
use std::path::Path;

use bytemuck::Pod;
use flate2::{Compression, GzBuilder};

use crate::error::{Error, Result};
use crate::file;

/// An element type this reader knows.
pub trait Element: Pod {
    /// The type's code in the magic number.
    const CODE: u8;
    /// Name of its elements in messages.
    const NAME: &'static str;
    /// The element with its bytes in big-endian order, or back.
    fn big_endian(self) -> Self;
}

impl Element for u8 {
    const CODE: u8 = 0x08;
    const NAME: &'static str = "unsigned bytes";

    fn big_endian(self) -> Self {
        self
    }
}

impl Element for i16 {
    const CODE: u8 = 0x0b;
    const NAME: &'static str = "signed 16-bit integers";

    fn big_endian(self) -> Self {
        self.to_be()
    }
}

/// Reads an IDX file of exactly this shape and returns its elements, row-major.
///
/// The shape is compared before anything is allocated, so that a header cannot promise more memory than the caller
/// means to spend, and no more than one byte past the promised end is decompressed.
///
/// # Errors
/// [`Error::File`] if it is missing, unreadable or damaged, has another magic number or shape, is too short, or continues
/// after its last element.
pub fn read<T: Element>(path: &Path, shape: &[usize]) -> Result<Vec<T>> {
    decode(file::open(path, &describe::<T>(shape))?, path, shape)
}

/// As [`read`], from a stream of uncompressed bytes; `path` is for messages.
///
/// # Errors
/// As [`read`].
pub fn decode<T: Element>(mut stream: impl Read, path: &Path, shape: &[usize]) -> Result<Vec<T>> {
    let expected = describe::<T>(shape);
    let refuse = |found: String| {
        let problem = format!("found {found}, expected {expected}");
        Err(Error::file(path, problem))
    };
    // The buffer grows with what arrives, not with what was promised.
    let mut read_up_to = |limit: usize| {
        let mut bytes = Vec::new();
        let read = stream.by_ref().take(limit as u64).read_to_end(&mut bytes);
        read.map(|_| bytes)
            .map_err(|error| file::read_error(path, &error, &expected))
    };
    let header = read_up_to(4 + 4 * shape.len())?;
    let magic = header.get(..4).unwrap_or(&header);
    if magic != magic_number::<T>(shape) {
        return refuse(if magic.is_empty() {
            "an empty file".into()
        } else {
            format!("the magic number {}", hexadecimal(magic))
        });
    }
    if header.len() < 4 + 4 * shape.len() {
        return refuse(format!("a header of {} bytes", header.len()));
    }
    let axes = header[4..].as_chunks().0.iter();
    let found: Vec<usize> = axes
        .map(|axis| u32::from_be_bytes(*axis) as usize)
        .collect();
    if found != shape {
        return refuse(format!("the shape {}", shape_text(&found)));
    }
    let promised = shape.iter().product::<usize>() * size_of::<T>();
    let bytes = read_up_to(promised + 1)?;
    match bytes.len() {
        found if found < promised => {
            refuse(format!("{found} bytes of {promised} after the header"))
        }
        found if found > promised => refuse(format!("more than {promised} bytes after the header")),
        _ => Ok(bytemuck::pod_collect_to_vec::<u8, T>(&bytes)
            .into_iter()
            .map(T::big_endian)
            .collect()),
    }
}

/// The bytes of an uncompressed IDX file with these elements, row-major.
///
/// # Panics
/// If the shape has another number of elements, more than 255 axes, or an axis of 2³² or more.
pub fn encode<T: Element>(shape: &[usize], elements: &[T]) -> Vec<u8> {
    let product: usize = shape.iter().product();
    assert_eq!(elements.len(), product, "an element for each place");
    let mut bytes = magic_number::<T>(shape).to_vec();
    for &axis in shape {
        let axis = u32::try_from(axis).expect("an axis below 2^32");
        bytes.extend(axis.to_be_bytes());
    }
    for element in elements {
        bytes.extend_from_slice(bytemuck::bytes_of(&element.big_endian()));
    }
    bytes
}

/// As [`encode`], gzipped: the same elements give the same bytes, on any machine and at any time.
///
/// # Panics
/// As [`encode`].
pub fn encode_gzip<T: Element>(shape: &[usize], elements: &[T]) -> Vec<u8> {
    // No time, no name, and "unknown" for the operating system, which flate2 writes by default.
    let mut gzip = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::new(9));
    gzip.write_all(&encode(shape, elements))
        .and_then(|()| gzip.finish())
        .expect("writing to memory cannot fail")
}

fn magic_number<T: Element>(shape: &[usize]) -> [u8; 4] {
    let axes = u8::try_from(shape.len()).expect("at most 255 axes");
    [0, 0, T::CODE, axes]
}

fn describe<T: Element>(shape: &[usize]) -> String {
    format!(
        "an IDX file of {} {} (magic number {})",
        shape_text(shape),
        T::NAME,
        hexadecimal(&magic_number::<T>(shape))
    )
}

fn shape_text(shape: &[usize]) -> String {
    let axes: Vec<String> = shape.iter().map(usize::to_string).collect();
    axes.join("×")
}

fn hexadecimal(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}
