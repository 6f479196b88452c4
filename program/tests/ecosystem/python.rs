//! Python packages that check the files of this program.

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use crate::required::is_required;

/// Returns a Python with the package, or the reason that there is none.
fn find(package: &str) -> Result<PathBuf, String> {
    let ours = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools/ecosystem/bin/python");
    let python = std::env::var_os("GPU_TRAIN_PYTHON").map_or(ours, PathBuf::from);
    let import = format!("import {package}");
    let output = Command::new(&python).args(["-c", &import]).output();
    let output = output.map_err(|error| format!("{}: {error}", python.display()))?;
    if output.status.success() {
        return Ok(python);
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(error.lines().last().unwrap_or("import failed").to_owned())
}

/// Runs a script of this project, which must succeed. Returns its output.
pub fn run(python: &Path, script: &str, arguments: &[&str]) -> Result<String, Failed> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts");
    let output = Command::new(python)
        .arg(scripts.join(script))
        .args(arguments)
        .output()?;
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() {
        Ok(text)
    } else {
        Err(text.into())
    }
}

/// Test that needs a package; without it, the test is ignored or fails.
pub fn trial(name: &str, package: &str, test: fn(&Path) -> Result<(), Failed>) -> Trial {
    let required = is_required(package);
    let found = find(package);
    let missing = found.as_ref().err().cloned();
    if let Some(reason) = &missing {
        let what = if required { "fails" } else { "is ignored" };
        println!("no {package}: its test {what}: {reason}");
    }
    let ignored = missing.is_some() && !required;
    Trial::test(name, move || test(&found?))
        .with_kind(missing.unwrap_or_else(|| package.to_owned()))
        .with_ignored_flag(ignored)
}
