//! IDX files.

use std::io::Write;
use std::path::Path;

use flate2::{Compression, GzBuilder};
use gpu_train::data::idx::{decode, encode, encode_gzip, read};
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
