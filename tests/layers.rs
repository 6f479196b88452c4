//! Rules for modules. In both packages one uses modules of lower layers of its package only; every public one of the core has an
//! example in its documentation, which the doctests run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of a package by layers, lowest first.
type Layers = &'static [&'static [&'static str]];

/// Of the core, `src/`.
const CORE: Layers = &[
    &["error", "named", "draw", "world"],
    &["net", "file", "threads"],
    &["recipe", "data"],
    &["whitening"],
    &["start", "engine"],
    &["reference", "cpu", "gpu", "weights", "train"],
    &["target", "predict", "checkpoint"],
    &["experiment"],
];
/// Of the program, `program/src/`.
const PROGRAM: Layers = &[
    &["export", "decode", "logs", "ranks"],
    &["text"],
    &["terminal", "pictures"],
    &["flags"],
    &["commands"],
];

/// The layer of a module.
fn layer(layers: Layers, module: &str) -> Option<usize> {
    layers.iter().position(|layer| layer.contains(&module))
}

/// A file's code without comments and unit tests.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    let lines = text[..end].lines();
    let lines = lines.map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The top-level modules of the crate that the code names, after `crate::`, in a list in braces as well.
fn uses(code: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        let is_name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        text.trim_start().chars().take_while(is_name).collect()
    };
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let Some(list) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        let mut depth = 0;
        let mut names = vec![String::new()];
        for c in list.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => names.push(String::new()),
                _ => {}
            }
            if depth == 0 && c != ',' {
                names.last_mut().expect("one at least").push(c);
            }
        }
        found.extend(names.iter().map(|name| word(name)));
    }
    found.remove("");
    found
}

/// The modules that a file of this module names although they are not below it.
fn refused(layers: Layers, module: &str, text: &str) -> Vec<String> {
    let own = layer(layers, module);
    let used = uses(&code(text)).into_iter();
    let is_refused = |name: &String| {
        name != module && layer(layers, name).is_none_or(|other| own.is_none_or(|own| other >= own))
    };
    used.filter(is_refused).collect()
}

/// Every file of a folder but unit tests and the crate's root, with its module.
fn files(folder: &str) -> Vec<(PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut folders = vec![src.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !["tests.rs", "src/lib.rs", "src/main.rs"]
                    .iter()
                    .any(|name| path.ends_with(name))
            {
                let inside = path.strip_prefix(&src).expect("inside").with_extension("");
                let module = inside.iter().next().expect("a name").to_string_lossy();
                found.push((path.clone(), module.into_owned()));
            }
        }
    }
    found
}

#[test]
fn modules_use_lower_layers_only() {
    let mut wrong = Vec::new();
    for (folder, layers) in [("src", CORE), ("program/src", PROGRAM)] {
        let files = files(folder);
        assert!(files.len() > 40, "{}", files.len());
        for (path, module) in files {
            assert!(layer(layers, &module).is_some(), "{module} is in no layer");
            let text = fs::read_to_string(&path).expect("a file");
            for name in refused(layers, &module, &text) {
                wrong.push(format!("{}: {module} uses {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn planted_imports_are_found() {
    let up = "use crate::train::History;\n";
    assert_eq!(refused(CORE, "recipe", up), ["train"]);
    assert_eq!(
        refused(CORE, "gpu", "use crate::{cpu, net, file::read};"),
        ["cpu"]
    );
    assert_eq!(
        refused(CORE, "data", "use crate::{net::{A, B}, target};"),
        ["target"]
    );
    assert_eq!(
        refused(CORE, "train", "let x = crate::commands::main();"),
        ["commands"]
    );
    assert_eq!(refused(CORE, "experiment", up), [""; 0]);
    assert_eq!(
        refused(PROGRAM, "text", "use crate::{logs::Metrics, flags};"),
        ["flags"]
    );
    // A comment is no use, nor is a unit test.
    assert_eq!(refused(CORE, "net", "// crate::train\n"), [""; 0]);
    let test = "#[cfg(test)]\nmod tests {\n    use crate::train;\n}";
    assert_eq!(refused(CORE, "net", test), [""; 0]);
}

/// Names of the modules that a file makes public.
fn public_modules(text: &str) -> Vec<&str> {
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "));
    names.filter_map(|name| name.strip_suffix(';')).collect()
}

/// Tells whether a module's documentation has code that is compiled and run.
fn has_example(text: &str) -> bool {
    let doc = text.lines().take_while(|line| line.starts_with("//!"));
    // Every other fence closes one.
    let mut fences = doc.filter(|line| line.starts_with("//! ```")).step_by(2);
    fences.any(|fence| fence == "//! ```")
}

#[test]
fn every_public_module_has_an_example() {
    let mut missing = Vec::new();
    let mut count = 0;
    for (parent, folder) in [
        ("lib.rs", ""),
        ("data/mod.rs", "data/"),
        ("predict/mod.rs", "predict/"),
    ] {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let text = fs::read_to_string(src.join(parent)).expect("a file");
        for module in public_modules(&text) {
            let files = [
                format!("{folder}{module}.rs"),
                format!("{folder}{module}/mod.rs"),
            ];
            let mut found = files.iter().map(|file| fs::read_to_string(src.join(file)));
            let text = found.find_map(Result::ok).expect("the module's file");
            count += 1;
            if !has_example(&text) {
                missing.push(format!("{folder}{module}"));
            }
        }
    }
    assert!(count > 25, "{count}");
    assert!(
        missing.is_empty(),
        "no example in the documentation of {missing:?}"
    );
}

#[test]
fn a_missing_example_is_found() {
    assert_eq!(public_modules("mod a;\npub mod b;\n"), ["b"]);
    assert!(has_example(
        "//! A module.\n//!\n//! ```\n//! f();\n//! ```\n"
    ));
    assert!(!has_example(
        "//! A module.\n\n/// ```\n/// f();\n/// ```\nfn f() {}\n"
    ));
    // Neither a formula nor its end is an example.
    assert!(!has_example(
        "//! A module.\n//! ```text\n//! a = b\n//! ```\n"
    ));
}
