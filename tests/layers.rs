//! The dependency rule of the core: a module uses modules of lower layers only.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first.
const LAYERS: [&[&str]; 6] = [
    &["error", "named", "draw"],
    &["net", "file"],
    &["recipe", "data", "engine"],
    &["reference", "cpu", "gpu", "weights", "train"],
    &["target", "predict", "checkpoint"],
    &["experiment"],
];

/// The layer of a module of `src/`.
fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
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

/// What a file of this module must not use.
fn refused(module: &str, text: &str) -> Vec<String> {
    let own = layer(module);
    let used = uses(&code(text)).into_iter();
    let is_refused = |name: &String| {
        name != module && layer(name).is_none_or(|other| own.is_none_or(|own| other >= own))
    };
    used.filter(is_refused).collect()
}

/// Every file of `src/` but unit tests, with its module.
fn files() -> Vec<(PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![src.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("tests.rs") && !path.ends_with("src/lib.rs") {
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
    let files = files();
    assert!(files.len() > 100, "{}", files.len());
    for (path, module) in files {
        assert!(layer(&module).is_some(), "{module} is in no layer");
        let text = fs::read_to_string(&path).expect("a file");
        for name in refused(&module, &text) {
            wrong.push(format!("{}: {module} uses {name}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn planted_imports_are_found() {
    let up = "use crate::train::History;\n";
    assert_eq!(refused("recipe", up), ["train"]);
    assert_eq!(
        refused("gpu", "use crate::{cpu, net, file::read};"),
        ["cpu"]
    );
    assert_eq!(
        refused("data", "use crate::{net::{A, B}, target};"),
        ["target"]
    );
    assert_eq!(
        refused("train", "let x = crate::commands::main();"),
        ["commands"]
    );
    assert_eq!(refused("experiment", up), [""; 0]);
    // A comment is no use, nor is a unit test.
    assert_eq!(refused("net", "// crate::train\n"), [""; 0]);
    let test = "#[cfg(test)]\nmod tests {\n    use crate::train;\n}";
    assert_eq!(refused("net", test), [""; 0]);
}
