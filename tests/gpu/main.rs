//! The GPU engine agrees with the reference: each tensor, each gradient, whole runs.
//!
//! Without an adapter these tests are reported as ignored, never as passed; with GPU_TRAIN_REQUIRE_ADAPTER=1 they fail.
//! GPU_TRAIN_ADAPTER (a part of a name) takes another adapter than the best, software included. GPU_TRAIN_SHOW_ERRORS
//! prints how much of each tolerance is used.

#[path = "../common/compare.rs"]
mod compare;
mod draws;
mod fixture;
mod runs;
mod tensors;

use gpu_train::gpu::{AdapterChoice, choose, describe};
use libtest_mimic::{Arguments, Failed, Trial};

/// What a check does with the adapter; an error says what was wrong.
type Check = fn(&wgpu::Adapter, &fixture::Case) -> Result<(), Failed>;

/// The adapter wanted by name, else the best GPU, else a software adapter.
fn adapter() -> Result<wgpu::Adapter, String> {
    let name_part = std::env::var("GPU_TRAIN_ADAPTER").ok();
    let by_name = name_part.is_some();
    let choice = AdapterChoice {
        name_part,
        ..AdapterChoice::default()
    };
    let software = AdapterChoice {
        software: true,
        ..AdapterChoice::default()
    };
    choose(&choice)
        .or_else(|error| {
            if by_name {
                Err(error)
            } else {
                choose(&software)
            }
        })
        .map_err(|error| error.to_string())
}

fn main() {
    let mut arguments = Arguments::from_args();
    // The tests share one device, and the reference keeps the processor busy.
    arguments.test_threads.get_or_insert(1);
    let adapter = adapter();
    let name = match &adapter {
        Ok(adapter) => describe(adapter).map_or_else(String::new, |found| found.to_string()),
        Err(reason) => format!("no adapter: {reason}"),
    };
    if !arguments.list {
        println!("adapter: {name}");
    }
    // The reason stands in the first line; in every line it would hide the names.
    let kind = if adapter.is_ok() {
        name
    } else {
        "no adapter".into()
    };
    let required = std::env::var("GPU_TRAIN_REQUIRE_ADAPTER").is_ok_and(|value| value == "1");

    let mut trials = Vec::new();
    let mut add = |what: &str, case: fixture::Case, check: Check| {
        let adapter = adapter.clone();
        let ignored = adapter.is_err() && !required;
        let run = move || check(&adapter.map_err(Failed::from)?, &case);
        trials.push(
            Trial::test(format!("{what}::{case}"), run)
                .with_kind(kind.clone())
                .with_ignored_flag(ignored),
        );
    };
    for case in fixture::cases() {
        add("tensors_and_gradients", case, tensors::agree);
    }
    let case = fixture::Case::default();
    add("a_plain_pass", case.plain(), tensors::agree);
    add("draws", case, draws::equal_rusts);
    for case in [case, case.plain(), case.sgd()] {
        add("ten_steps", case, runs::ten_steps_agree);
        add("evaluation", case, runs::evaluation_agrees);
        add("two_runs_are_identical", case, runs::two_are_identical);
        add(
            "restoring_changes_nothing",
            case,
            runs::restoring_changes_nothing,
        );
    }
    add(
        "steps_are_counted_beyond_a_window",
        case.of(1),
        runs::steps_are_counted,
    );
    for case in [case, case.with_tanh()] {
        add(
            "saturation_gives_no_nan",
            case,
            runs::saturation_gives_no_nan,
        );
        add("a_run_that_diverged_shows", case, runs::nan_is_not_hidden);
    }
    add(
        "reading_changes_nothing",
        case,
        runs::reading_changes_nothing,
    );
    libtest_mimic::run(&arguments, trials).exit();
}
