//! The records that `reproduce`, `race`, `search` and `report` read back, and the pictures that are drawn of them.

#![no_main]

use gpu_train::experiment::folder::Experiment;
use gpu_train::experiment::record::{Evidence, RaceRecord, RunRecord, Table, json, parse};
use gpu_train_program::pictures::{Folder, Report, Sources, race_of_all};
use gpu_train_program::text;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The record in a document, if it is one of this kind. Written and read again it stays the same: compared as text,
/// because a loss may be NaN.
fn record<T: DeserializeOwned + Serialize>(document: &[u8]) -> Option<T> {
    let found: T = parse(document).ok()?;
    let text = json(&found);
    let again: T = parse(text.as_bytes()).expect("a record that was written");
    assert_eq!(json(&again), text);
    Some(found)
}

/// Documents that follow each other: those of one report.
const BETWEEN: u8 = 0;

fuzz_target!(|bytes: &[u8]| {
    let (mut table, mut race, mut runs, mut folders) = (None, None, Vec::new(), Vec::new());
    for document in bytes.split(|&byte| byte == BETWEEN) {
        let _ = record::<Experiment>(document);
        runs.extend(record::<RunRecord>(document));
        table = table.or_else(|| record::<Table>(document));
        race = race.or_else(|| record::<RaceRecord>(document));
        folders.extend(record(document).map(|evidence: Evidence| Folder {
            evidence,
            race: race.clone(),
        }));
    }
    if let Some(table) = &table {
        let texts = [
            text::reproduce::text,
            text::reproduce::markdown,
            text::reproduce::csv,
        ];
        assert!(texts.iter().all(|text| !text(table).is_empty()));
    }
    if let Some(race) = &race {
        assert!(!text::race::text(race).is_empty());
    }
    for run in &runs {
        assert!(!text::reproduce::line(run).is_empty());
    }
    if table.is_none() && race.is_none() && folders.is_empty() {
        // A report of nothing takes as long as any other.
        return;
    }
    let race = race_of_all(race.as_ref(), &folders);
    let report = Report::of(&Sources {
        table: table.as_ref(),
        runs: &runs,
        race: race.as_ref(),
        adapters: &folders,
        ..Sources::default()
    });
    let html = report.expect("no file is read").html;
    // What a record holds is text on the page.
    assert!(!html.contains("<fuzz"));
});
