//! Shares of a search.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{ended, folder, shares};
use crate::zip_code;

/// The rows that a search wrote, without what another machine or day has otherwise.
fn rows(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("rows");
    let mut rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a row"))
        .collect();
    rows[0]["date"].take();
    rows[0]["processor"].take();
    rows
}

#[test]
fn any_number_of_shares_finds_what_one_search_finds() {
    let folder = folder();
    zip_code::digits(folder.path(), 0);
    let search = "search --recipe full-batch-muon --lengths 3 --candidates 9 --folds 3 --jobs 1 --zip-code .";
    let search = |work: &str| {
        let out = format!("{search} --work {work} --out {work}.jsonl");
        out.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    let words = search("whole");
    let whole: Vec<&str> = words.iter().map(String::as_str).collect();
    ended(folder.path(), &whole, &[], 0);
    let expected = rows(&folder.path().join("whole.jsonl"));
    for count in 1..=3 {
        let words = search(&format!("of-{count}"));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut arrays = 0;
        loop {
            let said = shares(folder.path(), &words, count);
            arrays += 1;
            if said
                .iter()
                .any(|said| said.contains("the runs of all rounds are there"))
            {
                break;
            }
            assert!(arrays < 5, "{said:?}");
            let waiting = said.iter().filter(|said| {
                said.contains(" waits for ") && said.contains("run this share again")
            });
            assert!(waiting.count() > 0, "{said:?}");
            let missing = ended(folder.path(), &words, &["--collect"], 1);
            assert!(missing.contains("missing: Steps(3), "), "{missing}");
        }
        assert!(count > 1 || arrays == 1, "one share waits for nobody");
        let out = folder.path().join(format!("of-{count}.jsonl"));
        let chosen = ended(folder.path(), &words, &["--collect"], 0);
        assert!(
            chosen.contains("chosen: --recipe full-batch-muon --steps 3"),
            "{chosen}"
        );
        assert_eq!(rows(&out), expected, "{count}");
    }
}
