//! The file of choices made before.

use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::search::{PROPERTIES, neighbours};
use crate::data::fingerprint::hexadecimal;
use crate::file;
use crate::gpu::adapter::AdapterDescription;
use crate::gpu::device::Device;
use crate::gpu::engine::Work;
use crate::gpu::layout::tiling::Tiling;
use crate::gpu::step::Variant;

/// Choices in the file; the oldest make room.
const MOST_STORED: usize = 64;
/// Longest file that is read: far more than that many choices take.
const MOST_BYTES: u64 = 1 << 20;

/// A choice made before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Stored {
    /// The adapter with its driver, the program with its shaders, and the size of the work.
    key: String,
    /// The choice, as `--kernels` takes it.
    kernels: String,
}

/// Key of the choice for some work on a device.
pub(super) fn key(device: &Device, work: &Work) -> String {
    let adapter = device.description();
    let usual = Tiling::default_for(adapter);
    let shapes = (0..PROPERTIES).flat_map(|property| neighbours(usual, property, adapter));
    let variants = std::iter::once(Variant::Layered).chain(shapes.map(Variant::Fused));
    let programs = variants.filter_map(|variant| work.program(variant, device).ok());
    let shaders: Vec<_> = programs.flat_map(|program| program.shaders).collect();
    let wgsl = shaders.iter().map(|shader| shader.wgsl.as_str());
    key_of(adapter, wgsl, work.digits.train.len())
}

fn key_of<'a>(
    adapter: &AdapterDescription,
    wgsl: impl Iterator<Item = &'a str>,
    examples: usize,
) -> String {
    let mut hash = Sha256::new();
    for text in wgsl {
        hash.update(text);
    }
    let hash = hexadecimal(&hash.finalize());
    format!(
        "{adapter}; {}; gpu-train {}; {examples} examples; shaders {hash}",
        adapter.driver,
        env!("CARGO_PKG_VERSION")
    )
}

/// A file's content: nothing where it is missing or too long.
fn bytes(path: &Path) -> Vec<u8> {
    file::read(path, MOST_BYTES, "kernels chosen before").unwrap_or_default()
}

/// Choices in a file: none where it is damaged.
fn decode(bytes: &[u8]) -> Vec<Stored> {
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// The choice for a key in the content of a file of choices made before, if there is one.
pub fn stored_choice(bytes: &[u8], key: &str) -> Option<Variant> {
    let mut all = decode(bytes).into_iter();
    all.find(|stored| stored.key == key)?.kernels.parse().ok()
}

/// The content of a file of choices with one more, in place of an earlier one for this key; the oldest make room.
pub fn with_choice(bytes: &[u8], key: String, variant: Variant) -> Vec<u8> {
    let mut all = decode(bytes);
    all.retain(|other| other.key != key);
    let kernels = variant.to_string();
    all.push(Stored { key, kernels });
    all.drain(..all.len().saturating_sub(MOST_STORED));
    serde_json::to_vec_pretty(&all).unwrap_or_default()
}

/// The choice for a key in a file, if there is one.
pub(super) fn choice(path: &Path, key: &str) -> Option<Variant> {
    stored_choice(&bytes(path), key)
}

/// Stores a choice together with those of other processes. A file that cannot be written costs time, not the run.
pub(super) fn store(path: &Path, key: String, variant: Variant) {
    if let Some(folder) = path.parent() {
        let _ = std::fs::create_dir_all(folder);
    }
    // Not the file itself, which is replaced. The lock ends when it is closed; where there are no locks, a choice may
    // get lost.
    let lock = File::options()
        .create(true)
        .append(true)
        .open(path.with_extension("lock"));
    let _locked = lock.and_then(|lock| lock.lock().map(|()| lock));
    file::remove_leftovers(path);
    let text = with_choice(&bytes(path), key, variant);
    if let Err(error) = file::write_atomically(path, &text) {
        tracing::warn!(%error, "the chosen kernels are not stored");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::adapter::{Backend, Kind};

    fn card() -> AdapterDescription {
        AdapterDescription::for_tests("card", Backend::Vulkan, Kind::Discrete)
    }

    fn read(path: &Path) -> Vec<Stored> {
        decode(&bytes(path))
    }

    fn usual() -> Variant {
        Variant::Fused(Tiling::default_for(&card()))
    }

    #[test]
    fn choices_are_stored_by_key_and_a_damaged_file_is_no_choice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("kernels.json");
        for (key, variant) in [
            ("a", Variant::Layered),
            ("b", Variant::Layered),
            ("a", usual()),
        ] {
            store(&path, key.into(), variant);
        }
        let all = read(&path);
        assert_eq!(choice(&path, "a"), Some(usual()));
        assert_eq!(choice(&path, "b"), Some(Variant::Layered));
        assert_eq!((choice(&path, "c"), all.len()), (None, 2));
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("fused:", "molten:")).unwrap();
        assert_eq!(choice(&path, "a"), None);
        std::fs::write(&path, "nonsense").unwrap();
        assert!(read(&path).is_empty());
        let long = serde_json::to_vec(&all).unwrap();
        let padding = vec![b' '; MOST_BYTES as usize];
        std::fs::write(&path, [long, padding].concat()).unwrap();
        assert!(read(&path).is_empty());
    }

    #[test]
    fn choices_stored_at_the_same_time_are_all_kept_and_the_oldest_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kernels.json");
        let half = |name: &str| {
            for index in 0..MOST_STORED / 2 {
                store(&path, format!("{name}{index}"), usual());
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| half("a"));
            half("b");
        });
        assert_eq!(read(&path).len(), MOST_STORED);
        store(&path, "new".into(), usual());
        let all = read(&path);
        assert_eq!(all.len(), MOST_STORED);
        assert_eq!(all[MOST_STORED - 1].key, "new");
    }

    #[test]
    fn a_choice_that_cannot_be_stored_fails_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"").unwrap();
        // Nothing can be made below a file, and a folder is not replaced by one.
        let below = file.join("gpu-train").join("kernels.json");
        for path in [below.as_path(), folder.path()] {
            store(path, "a".into(), usual());
            assert_eq!(choice(path, "a"), None);
        }
    }

    #[test]
    fn another_driver_or_shader_or_work_is_another_key() {
        let card = card();
        let newer = AdapterDescription {
            driver: "driver 2".into(),
            ..card.clone()
        };
        let keys = [
            key_of(&card, ["one"].into_iter(), 10),
            key_of(&newer, ["one"].into_iter(), 10),
            key_of(&card, ["two"].into_iter(), 10),
            key_of(&card, ["one"].into_iter(), 11),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{key}");
        }
    }
}
