//! IDX, the format of MNIST's files: two zero bytes, the element type, the number of axes, each axis's length as a
//! big-endian 32-bit integer, then the elements, big-endian. Plain or gzipped; a file's first bytes tell which.
//!
//! Source: "The IDX file format", on the MNIST page of Y. LeCun, C. Cortes and C. J. C. Burges.

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The message with which a file of these bytes is refused as 2×3 unsigned bytes.
    fn refusal(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some-idx");
        std::fs::write(&path, bytes).unwrap();
        let message = read::<u8>(&path, &[2, 3]).unwrap_err().to_string();
        assert!(message.contains("some-idx: found "), "{message}");
        assert!(
            message.contains("expected an IDX file of 2×3 unsigned bytes"),
            "{message}"
        );
        assert_eq!(message.lines().count(), 1, "{message}");
        message
    }

    fn assert_refused(bytes: &[u8], found: &str) {
        let message = refusal(bytes);
        assert!(message.contains(&format!("found {found}")), "{message}");
    }

    fn good() -> Vec<u8> {
        encode(&[2, 3], &[1u8, 2, 3, 4, 5, 6])
    }

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzBuilder::new().write(Vec::new(), Compression::new(9));
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn the_layout_is_the_formats() {
        assert_eq!(
            good(),
            [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]
        );
        assert_eq!(
            encode(&[2], &[16_320i16, -2]),
            [0, 0, 0x0b, 1, 0, 0, 0, 2, 0x3f, 0xc0, 0xff, 0xfe]
        );
    }

    #[test]
    fn gzip_is_known_by_its_magic_not_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in [("plain.gz", good()), ("zipped", zipped(&good()))] {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(read::<u8>(&path, &[2, 3]).unwrap(), [1, 2, 3, 4, 5, 6]);
        }
    }

    #[test]
    fn other_magic_numbers_are_refused() {
        assert_refused(b"", "an empty file");
        assert_refused(&[0, 0, 8], "the magic number 00 00 08");
        assert_refused(b"\x89PNG\r\n\x1a\n", "the magic number 89 50 4e 47");
        assert_refused(&encode(&[2, 3], &[0i16; 6]), "the magic number 00 00 0b 02");
        assert_refused(&encode(&[6], &[0u8; 6]), "the magic number 00 00 08 01");
    }

    #[test]
    fn other_shapes_are_refused_before_anything_is_allocated() {
        assert_refused(&encode(&[3, 2], &[0u8; 6]), "the shape 3×2");
        let absurd = [0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255];
        assert_refused(&absurd, "the shape 4294967295×4294967295");
    }

    #[test]
    fn short_and_long_files_are_refused() {
        assert_refused(&good()[..10], "a header of 10 bytes");
        assert_refused(&good()[..17], "5 bytes of 6 after the header");
        let mut long = good();
        long.push(0);
        assert_refused(&long, "more than 6 bytes after the header");
        assert_refused(&zipped(&long), "more than 6 bytes after the header");
    }

    #[test]
    fn a_gzip_bomb_stops_a_byte_past_the_promised_end() {
        let mut bomb = good();
        bomb.resize(64 << 20, 0);
        assert_refused(&zipped(&bomb), "more than 6 bytes after the header");
    }

    #[test]
    fn damaged_gzip_is_refused() {
        let whole = zipped(&good());
        assert_refused(&whole[..whole.len() - 1], "a gzip file that breaks off");
        assert_refused(&whole[..12], "a gzip file that breaks off");
        let mut checksum = whole.clone();
        let end = checksum.len();
        checksum[end - 8] ^= 1;
        assert_refused(&checksum, "damaged gzip data");
        let mut garbage = whole.clone();
        garbage.extend(b"garbage behind the stream");
        assert_refused(&garbage, "damaged gzip data");
    }

    #[test]
    fn a_missing_file_and_a_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let message = |path: &Path| read::<u8>(path, &[1]).unwrap_err().to_string();
        let missing = message(&folder.path().join("none"));
        assert!(missing.contains("none: found no such file, expected an IDX file"));
        assert!(message(folder.path()).contains("found a folder, expected an IDX file"));
    }

    proptest! {
        #[test]
        fn elements_survive_the_round_trip(elements in prop::collection::vec(any::<i16>(), 0..200)) {
            let shape = [elements.len()];
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("elements");
            std::fs::write(&path, encode_gzip(&shape, &elements)).unwrap();
            prop_assert_eq!(read::<i16>(&path, &shape).unwrap(), elements);
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_read_but_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode::<u8>(bytes.as_slice(), Path::new("bytes"), &[2, 3]);
        }
    }
}
