//! The GPU engine agrees with the reference: each tensor, each gradient, whole runs; on every adapter present.
//!
//! Without an adapter these tests are reported as ignored, never as passed; with GPU_TRAIN_REQUIRE_ADAPTER=1 they fail.
//! GPU_TRAIN_ADAPTER (a part of a name) keeps to the adapters of that name. GPU_TRAIN_SHOW_ERRORS prints how much of
//! each tolerance is used.

#[path = "../common/mod.rs"]
mod common;
mod draws;
mod failures;
mod fixture;
mod inspect;
mod replay;
mod runs;
mod tensors;

use common::compare;
use fixture::Case;
use libtest_mimic::{Arguments, Failed};

/// A check on an adapter; the error says what was wrong.
type Check = fn(&wgpu::Adapter, &Case) -> Result<(), Failed>;

/// Every check with its case.
fn checks() -> Vec<(&'static str, Case, Check)> {
    let tensors = fixture::cases().into_iter();
    let mut checks: Vec<(&str, Case, Check)> = tensors
        .map(|case| ("tensors_and_gradients", case, tensors::agree as Check))
        .collect();
    let fused = fixture::fused_cases().into_iter();
    checks.extend(fused.map(|case| ("gradients", case, tensors::agree_or_do_not_fit as Check)));
    let case = Case::default();
    checks.push((
        "a_set_in_shards",
        case.by(fixture::usual()),
        tensors::shards_agree,
    ));
    checks.push((
        "the_fastest_kernels_are_chosen",
        case,
        runs::the_fastest_kernels_are_chosen,
    ));
    checks.push(("a_plain_step", case.plain(), tensors::agree));
    checks.push(("draws", case, draws::equal_rusts));
    let both = |case: Case| [case, case.by(fixture::usual())];
    for case in [case, case.plain(), case.sgd(), case.muon()]
        .into_iter()
        .flat_map(both)
    {
        checks.push(("ten_steps", case, runs::ten_steps_agree));
        checks.push(("evaluation", case, runs::evaluation_agrees));
        checks.push(("two_runs_are_identical", case, runs::two_are_identical));
        checks.push((
            "a_written_program_is_replayed",
            case,
            replay::is_the_engines_run,
        ));
        checks.push((
            "restoring_changes_nothing",
            case,
            runs::restoring_changes_nothing,
        ));
    }
    checks.push((
        "steps_are_counted_beyond_a_window",
        case.of(1),
        runs::steps_are_counted,
    ));
    checks.push((
        "steps_are_counted_beyond_a_window",
        case.of(1).by(fixture::usual()),
        runs::steps_are_counted,
    ));
    for case in [case, case.with_tanh()].into_iter().flat_map(both) {
        checks.push((
            "saturation_gives_no_nan",
            case,
            runs::saturation_gives_no_nan,
        ));
        checks.push(("a_run_that_diverged_shows", case, runs::nan_is_not_hidden));
    }
    let fused = case.by(fixture::usual());
    for case in [case, fused, fused.muon()] {
        checks.push((
            "a_lost_device_ends_the_run",
            case,
            failures::a_lost_device_ends_the_run,
        ));
    }
    checks.push((
        "a_device_that_hangs_is_left",
        fused.of(5_000),
        failures::a_device_that_hangs_is_left,
    ));
    checks.push((
        "reading_changes_nothing",
        case,
        runs::reading_changes_nothing,
    ));
    checks
}

fn main() {
    let mut arguments = Arguments::from_args();
    // The tests share one device, and the reference keeps the processor busy.
    arguments.test_threads.get_or_insert(1);
    let tests: Vec<_> = checks()
        .into_iter()
        .map(|(what, case, check)| {
            let test = move |adapter: &wgpu::Adapter| check(adapter, &case);
            (format!("{what}::{case}"), test)
        })
        .collect();
    libtest_mimic::run(&arguments, common::adapter_trials(&tests)).exit();
}
