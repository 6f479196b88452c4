//! docs/dependencies.md agrees with the packages' Cargo.toml files and with the code.

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

/// Every Rust and WGSL file below a folder, except in cargo's output.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| {
            ["rs", "wgsl"].contains(&extension.to_str().unwrap_or_default())
        }) {
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
    for package in ["program", "page", "page/bindgen"] {
        manifest.extend(dependencies(&read(format!("{package}/Cargo.toml"))));
    }
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
    for folder in ["src", "tests", "examples", "benches", "program", "page"] {
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
fn the_citation_has_the_version() {
    let manifest = read("Cargo.toml");
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .expect("a version");
    assert!(read("CITATION.cff").contains(&format!("\nversion: {version}\n")));
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

/// Every Markdown file of the project.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["", "docs", "data", "fuzz", "benches/peers"] {
        for entry in fs::read_dir(root().join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The project's paths that a page names: in backticks or as the target of a link. Those with a placeholder in capitals
/// (`src/reference/NAME.rs`) are left out.
fn named_paths(page: &str) -> Vec<String> {
    const FOLDERS: [&str; 13] = [
        "src/",
        "program/",
        "page/",
        "shaders/",
        "tests/",
        "docs/",
        "scripts/",
        "results/",
        "examples/",
        "benches/",
        "fuzz/",
        "data/",
        "python/",
    ];
    let links = page.split("](").skip(1);
    let links = links.filter_map(|rest| rest.split_once(')'));
    let links = links.map(|(target, _)| target.split('#').next().unwrap_or_default());
    let links = links.filter(|target| !target.is_empty() && !target.contains("://"));
    let quoted = page.split('`').skip(1).step_by(2);
    let quoted = quoted.flat_map(|text| text.split([' ', ',', '\n']));
    let quoted = quoted.filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)));
    let is_placeholder = |path: &str| {
        path.split(['/', '.', '-']).any(|part| {
            part.len() > 1
                && part.chars().all(|c| c.is_ascii_uppercase())
                && part != "README"
                && part != "CHANGELOG"
                && part != "CONTRIBUTING"
        })
    };
    let all = links.chain(quoted).filter(|path| !is_placeholder(path));
    all.map(|path| path.trim_end_matches(['.', ':', ';']).to_owned())
        .collect()
}

/// Tells whether a path exists, from the page's folder or from the root; one `*` matches any part of a name.
fn exists(page: &Path, path: &str) -> bool {
    let folders = [page.parent().expect("a folder"), root()];
    folders.iter().any(|folder| match path.split_once('*') {
        None => folder.join(path).exists(),
        Some((before, after)) => {
            let (parent, start) = before.rsplit_once('/').unwrap_or((".", before));
            let names = fs::read_dir(folder.join(parent))
                .into_iter()
                .flatten()
                .flatten();
            let mut names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
            let (end, below) = after.split_once('/').unwrap_or((after, ""));
            names.any(|name| {
                let is_named = name.starts_with(start) && name.ends_with(end);
                is_named
                    && (below.is_empty() || folder.join(parent).join(name).join(below).exists())
            })
        }
    })
}

#[test]
fn every_path_that_a_page_names_exists() {
    let mut missing = Vec::new();
    let mut checked = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for path in named_paths(&text) {
            checked += 1;
            if !exists(&page, &path) {
                missing.push(format!("{}: {path}", page.display()));
            }
        }
    }
    assert!(checked > 150, "{checked}");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn missing_paths_are_found() {
    let page = "See `src/net.rs`, `src/nett.rs`, [a](docs/none.md#x), `results/search-*.jsonl`, `src/x/NAME.rs`.";
    let named = named_paths(page);
    let missing: Vec<&String> = named
        .iter()
        .filter(|path| !exists(&root().join("README.md"), path))
        .collect();
    assert_eq!(named.len(), 4, "{named:?}");
    assert_eq!(missing, ["docs/none.md", "src/nett.rs"]);
}

/// Phrases that plain engineering English has a shorter word for.
const REFUSED: [(&str, &str); 19] = [
    ("so many", "N, up to N"),
    ("so much", "N, up to N"),
    ("a pass", "an epoch"),
    ("per pass", "per epoch"),
    ("each pass", "each epoch"),
    ("for people", "human-readable"),
    ("goes on", "resumes, continues"),
    ("go on", "resume, continue"),
    ("gone on", "resumed"),
    ("broken off", "interrupted"),
    ("lies", "is, is stored"),
    ("lie", "are, are stored"),
    ("stand", "are"),
    ("behind", "after"),
    ("beside", "next to, with"),
    ("apart", "separately"),
    ("of its own", "its own, separate"),
    ("of their own", "their own, separate"),
    ("told", "reported"),
];
/// Words that a doc comment does not start with: it starts with a noun or a verb.
const NO_START: [&str; 7] = [
    "What", "Which", "Where", "How", "Whether", "So many", "So much",
];

/// The words of a line that a reader reads as prose: of Markdown all, of code its comment; quoted code left out.
fn prose(line: &str, is_markdown: bool) -> String {
    let text = if is_markdown {
        line
    } else {
        line.find("//").map_or("", |at| &line[at..])
    };
    text.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// Tells whether a text has a phrase as whole words.
fn has(text: &str, phrase: &str) -> bool {
    let text = text.to_lowercase();
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    text.match_indices(phrase).any(|(at, _)| {
        !is_word(text[..at].chars().next_back())
            && !is_word(text[at + phrase.len()..].chars().next())
    })
}

/// The complaints about a file's text, a line each.
fn complaints(text: &str, is_markdown: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_paragraph = false;
    for (number, line) in text.lines().enumerate() {
        let prose = prose(line, is_markdown);
        for (phrase, instead) in REFUSED.iter().filter(|(phrase, _)| has(&prose, phrase)) {
            found.push(format!("{}: {phrase:?}, expected {instead}", number + 1));
        }
        let line = line.trim_start();
        let doc = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"));
        if let Some(doc) = doc.filter(|_| !in_paragraph) {
            let start = NO_START.iter().find(|word| {
                let rest = doc.trim_start().strip_prefix(*word);
                rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
            });
            found.extend(
                start.map(|word| format!("{}: a doc comment starts with {word:?}", number + 1)),
            );
        }
        // An empty line or a heading ends a paragraph.
        let is_prose = |doc: &str| !doc.trim().is_empty() && !doc.trim_start().starts_with('#');
        in_paragraph = doc.is_some_and(is_prose);
    }
    found
}

#[test]
fn the_prose_is_plain() {
    let mut files = Vec::new();
    for folder in [
        "src",
        "program",
        "page",
        "tests",
        "examples",
        "benches",
        "shaders",
        "fuzz/fuzz_targets",
    ] {
        sources(&root().join(folder), &mut files);
    }
    assert!(files.len() > 200, "{}", files.len());
    files.extend(pages());
    let mut found = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).expect("a file");
        let is_markdown = path.extension().is_some_and(|extension| extension == "md");
        let lines = complaints(&text, is_markdown).into_iter();
        found.extend(lines.map(|line| format!("{}:{line}", path.display())));
    }
    assert!(found.is_empty(), "{}\n{}", found.join("\n"), found.len());
}

#[test]
fn other_prose_is_found() {
    // Slashes would make comments of it for the other test.
    let code = "### So many steps.\nlet lies = 1; ## `lies` is fine, behind is not\n##! How it goes on.\n### Sum.\n### What follows.\n###\n### Which it is.";
    assert_eq!(
        complaints(&code.replace('#', "/"), false),
        [
            "1: \"so many\", expected N, up to N",
            "1: a doc comment starts with \"So many\"",
            "2: \"behind\", expected after",
            "3: \"goes on\", expected resumes, continues",
            "3: a doc comment starts with \"How\"",
            "7: a doc comment starts with \"Which\"",
        ]
    );
    assert_eq!(
        complaints("A believer understands standards.", true),
        [""; 0]
    );
}
