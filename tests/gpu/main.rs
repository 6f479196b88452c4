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
mod measured;
mod queue;
mod replay;
mod runs;
mod tensors;

use common::compare;
use fixture::Case;
use libtest_mimic::{Arguments, Failed};

/// A check on an adapter; the error says what was wrong.
type Check = fn(&wgpu::Adapter, &Case) -> Result<(), Failed>;

/// A check with its cases.
type Entry = (&'static str, Vec<Case>, Check);

/// Checks of tensors, gradients, draws, and of what is measured of a device.
fn of_values() -> [Entry; 10] {
    let case = Case::default();
    let fused = fixture::fused_cases();
    [
        ("tensors_and_gradients", fixture::cases(), tensors::agree),
        ("gradients", fused, tensors::agree_or_do_not_fit),
        (
            "a_set_in_shards",
            vec![case.by(fixture::usual())],
            tensors::shards_agree,
        ),
        ("a_plain_step", vec![case.plain()], tensors::agree),
        ("draws", vec![case], draws::equal_rusts),
        (
            "pipelines_are_stored",
            vec![case.by(fixture::usual())],
            runs::pipelines_are_stored,
        ),
        (
            "the_fastest_kernels_are_chosen",
            vec![case, case.muon(), case.whitened(0)],
            runs::the_fastest_kernels_are_chosen,
        ),
        (
            "limits_and_features_are_those_used",
            vec![case],
            measured::limits_and_features_are_those_used,
        ),
        (
            "kernels_are_timed",
            vec![case.muon(), case.by(fixture::usual())],
            measured::kernels_are_timed,
        ),
        (
            "the_peak_is_measured",
            vec![case],
            measured::the_peak_is_measured,
        ),
    ]
}

/// Checks of whole runs.
fn of_runs() -> Vec<Entry> {
    let both = |cases: &[Case]| -> Vec<Case> {
        let both = |case: &Case| [*case, case.by(fixture::usual())];
        cases.iter().flat_map(both).collect()
    };
    let case = Case::default();
    let fused = case.by(fixture::usual());
    let whitened = both(&[case.whitened(0), case.plain().whitened(2)]);
    let mut nets = both(&[case, case.plain(), case.sgd(), case.muon()]);
    nets.extend(&whitened);
    let of_unchecked = [case, case.muon(), case.whitened(0)];
    nets.extend(of_unchecked.map(|case| case.by(fixture::unchecked())));
    let functions = both(&[case, case.with_tanh()]);
    let few = vec![case, fused, fused.muon(), fused.whitened(0)];
    let checks: [(&str, &[Case], Check); 16] = [
        ("ten_steps", &nets, runs::ten_steps_agree),
        ("evaluation", &nets, runs::evaluation_agrees),
        ("two_runs_are_identical", &nets, runs::two_are_identical),
        (
            "restoring_changes_nothing",
            &nets,
            runs::restoring_changes_nothing,
        ),
        (
            "steps_are_counted_beyond_a_window",
            &both(&[case.of(1)]),
            runs::steps_are_counted,
        ),
        (
            "saturation_gives_no_nan",
            &functions,
            runs::saturation_gives_no_nan,
        ),
        (
            "a_run_that_diverged_shows",
            &functions,
            runs::nan_is_not_hidden,
        ),
        (
            "inputs_without_a_covariance_end_the_run",
            &whitened,
            runs::inputs_without_a_covariance_end_the_run,
        ),
        (
            "statistics_that_come_with_the_weights_are_taken",
            &whitened,
            runs::given_statistics_are_taken,
        ),
        (
            "a_written_program_is_replayed",
            &few,
            replay::is_the_engines_run,
        ),
        (
            "a_lost_device_ends_the_run",
            &few,
            failures::a_lost_device_ends_the_run,
        ),
        (
            "a_device_lost_at_work_ends_the_call",
            &few,
            failures::a_device_lost_at_work_ends_the_call,
        ),
        (
            "a_step_that_did_not_run_is_noticed",
            &[case, fused],
            failures::a_step_that_did_not_run_is_noticed,
        ),
        (
            "a_device_that_hangs_is_left",
            &[fused.of(5_000)],
            failures::a_device_that_hangs_is_left,
        ),
        (
            "reading_changes_nothing",
            &[case],
            runs::reading_changes_nothing,
        ),
        (
            "a_queue_keeps_its_runs_until_the_others_have_ended",
            &[case.of(48)],
            queue::adapters_follow_the_cores,
        ),
    ];
    let checks = checks.into_iter();
    checks
        .map(|(name, cases, check)| (name, cases.to_vec(), check))
        .collect()
}

fn main() {
    let mut arguments = Arguments::from_args();
    // The tests share one device, and the reference keeps the processor busy.
    arguments.test_threads.get_or_insert(1);
    let mut tests = Vec::new();
    for (what, cases, check) in of_values().into_iter().chain(of_runs()) {
        for case in cases {
            let test = move |adapter: &wgpu::Adapter| check(adapter, &case);
            tests.push((format!("{what}::{case}"), test));
        }
    }
    libtest_mimic::run(&arguments, common::adapter_trials(&tests)).exit();
}
