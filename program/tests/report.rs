//! `gpu-train report`: pictures and a page from the records of `reproduce` and `race`.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

fn gpu_train(arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("gpu-train").expect("the program");
    command.args(arguments).output().expect("it runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of plain letters")
}

/// A row of two seeds and a race of one, both restricted to be quick.
fn records(folder: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let (runs, race) = (folder.join("runs"), folder.join("race.json"));
    let short = ["--passes", "2", "--examples", "300"];
    let reproduce = [
        "reproduce",
        "--rows",
        "stage-0",
        "--seeds",
        "2",
        "--out",
        text(&runs),
    ];
    let ran = gpu_train(&[&reproduce[..], &short].concat());
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let contest = ["race", "--seeds", "1", "--out", text(&race)];
    let ran = gpu_train(&[&contest[..], &short].concat());
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    (runs, race)
}

const PICTURES: [&str; 6] = [
    "race",
    "table",
    "learning-curves",
    "error-by-step",
    "misses",
    "kernels",
];

#[test]
fn records_give_all_pictures_and_a_page_and_again_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (runs, race) = records(folder.path());
    let out = ["one", "two"].map(|name| folder.path().join(name));
    for out in &out {
        let ran = gpu_train(&[
            "report",
            text(&runs),
            "--race",
            text(&race),
            "--out",
            text(out),
        ]);
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        let said = String::from_utf8(ran.stdout).expect("text");
        assert_eq!(said.lines().count(), 1 + PICTURES.len(), "{said}");
        assert!(said.lines().all(|line| Path::new(line).is_file()), "{said}");
        assert!(
            ran.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
    }
    for name in PICTURES {
        let [one, two] = [0, 1].map(|index| {
            let path = out[index].join(format!("{name}.svg"));
            std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        });
        assert!(one == two && one.starts_with("<svg"), "{name}");
    }
    let page = std::fs::read_to_string(out[0].join("report.html")).expect("the page");
    assert_eq!(page.matches("<svg").count(), PICTURES.len());
    for word in [
        "Restricted, not comparable",
        "gpu-train reproduce",
        "stage-0",
        "The race",
        "per-example",
    ] {
        assert!(page.contains(word), "{word}");
    }
}

#[test]
fn without_a_race_its_picture_is_missing_and_other_digits_are_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let (runs, race) = records(folder.path());
    let table = std::fs::read_to_string(runs.join("table.json")).expect("a table");
    let sha = table.split("\"sha256\": \"").nth(1).expect("a hash")[..64].to_owned();
    for entry in std::fs::read_dir(&runs).expect("the runs").flatten() {
        if entry.path().extension().is_some_and(|end| end == "json") {
            let old = std::fs::read_to_string(entry.path()).expect("a record");
            std::fs::write(entry.path(), old.replace(&sha, &"0".repeat(64))).expect("written");
        }
    }
    // Not where `reproduce` drew its own.
    let out = folder.path().join("other-digits");
    let ran = gpu_train(&["report", text(&runs), "--out", text(&out)]);
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(
        said.contains("left out: misses: these are not the digits"),
        "{said}"
    );
    assert!(out.join("kernels.svg").is_file());
    assert!(!out.join("misses.svg").exists() && !out.join("race.svg").exists());

    // And the race alone.
    let out = folder.path().join("race-only");
    let ran = gpu_train(&["report", "--race", text(&race), "--out", text(&out)]);
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(out.join("race.svg").is_file() && !out.join("table.svg").exists());
}

#[test]
fn bad_input_is_one_line_that_names_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let race = folder.path().join("race.json");
    for (content, found) in [
        ("{", "found what does not parse"),
        ("{\"schema\": 99}", "found form 99"),
        ("{\"schema\": 1}", "found what does not parse"),
    ] {
        std::fs::write(&race, content).expect("written");
        let ran = gpu_train(&["report", "--race", text(&race)]);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert!(said.contains("race.json") && said.contains(found), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let ran = gpu_train(&["report", text(folder.path())]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(
        said.contains("table.json") && ran.status.code() == Some(1),
        "{said}"
    );
    assert_eq!(gpu_train(&["report"]).status.code(), Some(2));
}
