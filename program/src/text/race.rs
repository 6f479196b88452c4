//! `gpu-train race` as human-readable text.

use comfy_table::presets;

use super::grid;
use gpu_train::experiment::race::Entrant;
use gpu_train::experiment::record::{
    Contestant, FailedRun, PublishedTime, RaceRecord, RaceRule, RunRecord, Spread, Standing,
};
use gpu_train::experiment::verdict::{ESSAY_SECONDS, factor, seconds};

/// A column's value of a contestant.
pub type Show = fn(&Contestant, &Standing) -> String;

/// The table's columns after the name.
pub const COLUMNS: [(&str, Show); 10] = [
    ("training", |_, found| seconds(found.train.median)),
    ("min to max", |_, found| range(found.train)),
    ("start", |_, found| match found.start {
        0.0 => "-".into(),
        start => seconds(start),
    }),
    ("set-up", |_, found| seconds(found.setup.median)),
    ("tuning", |one, _| match one.tuning {
        0.0 => "-".into(),
        tuning => seconds(tuning),
    }),
    ("cold total", |_, found| seconds(found.cold_total)),
    ("mean misses", |_, found| match found.misses.mean_interval {
        Some([low, high]) => format!("{:.1} ± {:.1}", found.misses.mean, (high - low) / 2.0),
        None => format!("{:.1}", found.misses.mean),
    }),
    ("qualifies", |_, found| {
        let decided = if found.qualifies { "yes" } else { "no" };
        if found.undecided {
            "undecided"
        } else {
            decided
        }
        .into()
    }),
    ("over baseline", |_, found| {
        found
            .over_per_example
            .map_or("-".into(), |over| format!("{over:.2}"))
    }),
    ("over 90 s", |_, found| {
        found.over_essay.map_or("-".into(), factor)
    }),
];

fn range(spread: Spread) -> String {
    format!("{} to {}", seconds(spread.min), seconds(spread.max))
}

/// The rule as it is printed before the race.
pub fn rule(rule: &RaceRule) -> String {
    format!("The rule\n  {}", rule.text.join("\n  "))
}

/// The entrants, as they are printed before the race.
pub fn lineup(entrants: &[Entrant]) -> String {
    let names: Vec<&str> = entrants.iter().map(Entrant::name).collect();
    format!("The contestants\n  {}\n", names.join("\n  "))
}

/// A finished run in a line, in a race over these seeds.
pub fn line(run: &RunRecord, seeds: &[u64]) -> String {
    let (name, seed) = (&run.identity.row, run.identity.seed);
    let round = seeds.iter().position(|&one| one == seed).unwrap_or(0) + 1;
    let result = match (run.last(), &run.failed) {
        (Some(end), _) => format!(
            "{:.4} s, {} test misses",
            run.seconds.train, end.test.misses
        ),
        (None, message) => format!("failed: {}", message.as_deref().unwrap_or_default()),
    };
    format!(
        "round {round}/{}, seed {seed}: {name}: {result}",
        seeds.len()
    )
}

/// Standings, published times and the verdict.
pub fn text(record: &RaceRecord) -> String {
    let mut parts = vec![format!(
        "{}, {} training and {} test examples; {}, {} cores; reading took {}",
        record.digits.source,
        record.digits.train_examples,
        record.digits.test_examples,
        record.stamp.machine.processor,
        record.stamp.machine.cores,
        seconds(record.reading)
    )];
    if !record.restrictions.is_empty() {
        parts.push(format!(
            "RESTRICTED, not to be quoted: {}.",
            record.restrictions.join("; ")
        ));
    }
    parts.push(standings(record));
    parts.push(published_times(record));
    let devices: Vec<String> = record.contestants.iter().map(device).collect();
    parts.push(devices.join("\n"));
    parts.push(format!("The verdict\n- {}", record.verdict.join("\n- ")));
    parts.join("\n\n")
}

fn standings(record: &RaceRecord) -> String {
    let with_first = |first: &str, rest: [String; COLUMNS.len()]| -> Vec<String> {
        std::iter::once(first.to_owned()).chain(rest).collect()
    };
    let names = COLUMNS.map(|(name, _)| name.to_owned());
    let row = |one: &Contestant| {
        let cells = COLUMNS.map(|(_, show)| match &one.standing {
            Some(found) => show(one, found),
            None => "failed".into(),
        });
        with_first(&one.name, cells)
    };
    let rows = record.contestants.iter().map(row).collect();
    grid(presets::NOTHING, 1, with_first("contestant", names), rows)
}

fn published_times(record: &RaceRecord) -> String {
    let head = ["published, 23 epochs of batch 1", "seconds", "over 90 s"];
    let row = |time: &PublishedTime| {
        let about = if time.about { "about " } else { "" };
        let seconds = format!("{about}{}", time.seconds);
        vec![
            time.name.clone(),
            seconds,
            factor(ESSAY_SECONDS / time.seconds),
        ]
    };
    let rows = record.published.iter().map(row).collect();
    grid(presets::NOTHING, 1, head.map(String::from).to_vec(), rows)
}

fn device(one: &Contestant) -> String {
    let kernels = one.kernels.as_ref();
    let kernels = kernels.map_or(String::new(), |kernels| format!("; kernels: {kernels}"));
    let line = |run: &FailedRun| format!("\n  seed {} failed: {}", run.seed, run.message);
    let failed: String = one.failed.iter().map(line).collect();
    format!(
        "{}: recipe {}, {} updates on {}{kernels}{failed}",
        one.name, one.recipe_name, one.steps, one.device
    )
}
