//! docs/dependencies.md agrees with both Cargo.toml files and with the code.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).expect("a file of the project")
}

/// The cells of the page's tables whose first cell is a name in backticks: name to the other cells.
fn rows(page: &str) -> BTreeMap<String, Vec<String>> {
    let cells = |line: &str| -> Option<(String, Vec<String>)> {
        let line = line.strip_prefix("| `")?.strip_suffix(" |")?;
        let (name, rest) = line.split_once("` | ")?;
        Some((name.into(), rest.split(" | ").map(str::to_owned).collect()))
    };
    page.lines().filter_map(cells).collect()
}

/// Names of all direct dependencies: of every section of Cargo.toml that ends in `dependencies]`.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside && let Some((name, _)) = line.split_once(" = ") {
            // `NAME.workspace = true` is a dependency as well.
            names.push(name.trim_end_matches(".workspace").to_owned());
        }
    }
    names
}

/// Every Rust file below a folder, but what cargo builds.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Unsafe blocks, functions, traits and implementations of a text, comments left out.
fn count_unsafe(text: &str) -> usize {
    let code = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    let openings = ["{", "fn", "impl", "trait", "extern"].map(|word| format!("unsafe {word}"));
    let count = |line: &str| {
        openings
            .iter()
            .map(|o| line.matches(o.as_str()).count())
            .sum::<usize>()
    };
    code.map(count).sum()
}

#[test]
fn every_direct_dependency_has_its_reason() {
    let rows = rows(&read("docs/dependencies.md"));
    let documented: Vec<&String> = rows.keys().filter(|name| !name.contains('/')).collect();
    let mut manifest = dependencies(&read("Cargo.toml"));
    manifest.extend(dependencies(&read("program/Cargo.toml")));
    manifest.retain(|name| name != "gpu-train-core");
    manifest.sort_unstable();
    manifest.dedup();
    assert!(manifest.len() > 30, "{manifest:?}");
    assert_eq!(documented, manifest.iter().collect::<Vec<_>>());
    assert!(
        rows.values()
            .all(|cells| cells.iter().all(|cell| !cell.is_empty()))
    );
}

#[test]
fn every_file_with_unsafe_code_is_listed_with_its_count() {
    let mut files = Vec::new();
    for folder in ["src", "tests", "examples", "benches", "program"] {
        sources(&root().join(folder), &mut files);
    }
    let mut found = BTreeMap::new();
    for path in files {
        // This file holds the words it looks for.
        let count = if path.ends_with("tests/documents.rs") {
            0
        } else {
            count_unsafe(&read(&path))
        };
        let name = path.strip_prefix(root()).expect("inside").to_string_lossy();
        if count > 0 {
            found.insert(name.replace('\\', "/"), count);
        }
    }
    let listed: BTreeMap<String, usize> = rows(&read("docs/dependencies.md"))
        .into_iter()
        .filter(|(name, _)| name.contains('/'))
        .map(|(name, cells)| (name, cells[0].parse().expect("a count")))
        .collect();
    assert_eq!(found, listed);
}

#[test]
fn unsafe_code_is_counted_and_comments_are_not() {
    let text =
        "// unsafe {\nlet x = unsafe { f() } + unsafe { g() }; // unsafe fn\nunsafe fn h() {}";
    assert_eq!(count_unsafe(text), 3);
}

#[test]
fn the_oldest_rust_is_the_same_everywhere() {
    let manifest = read("Cargo.toml");
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'))
        .expect("a version");
    assert!(read("README.md").contains(&format!("Rust {version} or newer")));
    let page = read("docs/dependencies.md");
    assert!(
        page.contains(&format!("## The oldest Rust\n\n{version},")),
        "{version}"
    );
}
