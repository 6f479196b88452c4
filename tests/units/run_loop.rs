//! The order of a run, and its end.

use std::time::Duration;

use gpu_train::cpu::FullBatch;
use gpu_train::data::embedded;
use gpu_train::engine::{Engine, Evaluation, State};
use gpu_train::error::{Error, Result};
use gpu_train::net::Parameters;
use gpu_train::recipe::{Length, Recipe, RecipeName};
use gpu_train::train::{Cadence, Event, History, Loop, Next, interval, refuse_divergence, run};

fn recipe(steps: u64) -> Recipe {
    Recipe {
        length: Length::Steps(steps),
        ..Recipe::named(RecipeName::FullBatchMuon)
    }
}

const CADENCE: Cadence = Cadence {
    evaluate_every: 3,
    checkpoint_every: Some(2),
};

/// Everything that a run asks for, with an engine so slow that each call trains one step; the watcher interrupts at
/// the events of this step.
fn asked(cadence: Cadence, history: History, interrupt_at: u32) -> (String, Result<History>) {
    let recipe = recipe(5);
    let evaluation = Evaluation {
        loss: 1.0,
        misses: 1,
        examples: 2,
    };
    let state = State::start(Parameters::zeros());
    let mut step = history.step;
    let mut run = Loop::new(&recipe, 2, cadence, history).expect("few updates");
    let mut asked = Vec::new();
    while let Some(next) = run.next() {
        let _ = match next {
            Next::Train(steps) => {
                asked.push(format!("train {steps}"));
                step += steps;
                let losses = vec![1.0; steps as usize];
                run.trained(losses, Duration::from_secs(1)).expect("finite")
            }
            Next::Evaluate => {
                asked.push("evaluate".into());
                run.evaluated(evaluation, evaluation)
            }
            Next::Checkpoint => {
                asked.push("checkpoint".into());
                run.checkpoint(&state).expect("finite")
            }
        };
        let watched = match step == interrupt_at {
            true => Err(Error::Interrupted(String::new())),
            false => Ok(()),
        };
        run.watched(watched).expect("no other error");
    }
    (asked.join(", "), run.finish())
}

#[test]
fn evaluations_are_a_tenth_of_the_run_or_an_epoch_from_each_other() {
    let full_batch = recipe(41);
    let of_epochs = Recipe::named(RecipeName::Reproduction);
    let found = |recipe, every| interval(recipe, 7, every).expect("few updates");
    assert_eq!(found(&full_batch, None), 5);
    assert_eq!(found(&full_batch, Some(3)), 3);
    // Epochs, of batch 1.
    assert_eq!(found(&of_epochs, None), 7);
    assert_eq!(found(&of_epochs, Some(3)), 21);
    assert_eq!(found(&of_epochs, Some(u32::MAX)), u32::MAX);
}

#[test]
fn seconds_of_the_starting_point_are_training() {
    let recipe = recipe(1);
    let history = History::start(2.0);
    assert_eq!((history.step, history.start), (0, 2.0));
    let mut run = Loop::new(&recipe, 2, Cadence::every(1), history).expect("one update");
    let event = run.trained(vec![1.0], Duration::from_secs(1));
    let Ok(Event::Progress { seconds, .. }) = event else {
        panic!("no progress")
    };
    assert_eq!(seconds, 3.0);
}

#[test]
fn the_step_of_a_loss_that_is_not_finite_is_named() {
    let recipe = recipe(20);
    let losses = [1.0, 1.0, f32::NAN];
    refuse_divergence(&recipe, 2, 4, &losses[..2]).expect("they are finite");
    let error = refuse_divergence(&recipe, 2, 4, &losses).expect_err("one is not");
    assert!(
        error.to_string().contains("the loss at step 6 is NaN"),
        "{error}"
    );
}

#[test]
fn a_run_trains_evaluates_and_checkpoints_in_order() {
    let (asked, history) = asked(CADENCE, History::default(), u32::MAX);
    let expected = "checkpoint, train 1, train 1, checkpoint, train 1, evaluate, train 1, checkpoint, train 1, \
                    evaluate, checkpoint";
    assert_eq!(asked, expected);
    let history = history.expect("it ends");
    assert_eq!(
        (history.step, history.losses.len(), history.points.len()),
        (5, 5, 2)
    );
}

#[test]
fn a_call_takes_a_quarter_of_a_second_at_the_latest_speed() {
    let recipe = recipe(100);
    let mut run = Loop::new(&recipe, 2, Cadence::every(100), History::default()).expect("few");
    for (steps, took) in [(1, 10), (25, 500), (12, 1)] {
        assert_eq!(run.next(), Some(Next::Train(steps)));
        let losses = vec![1.0; steps as usize];
        run.trained(losses, Duration::from_millis(took))
            .expect("finite");
        run.watched(Ok(())).expect("no error");
    }
    assert_eq!(run.next(), Some(Next::Train(62)));
}

#[test]
fn an_engine_is_trained_to_the_end() {
    let recipe = recipe(3);
    let mut digits = embedded::digits();
    digits.train = digits.train.truncated(16);
    let start = recipe.initial_parameters();
    let mut engine = FullBatch::new(digits, recipe.clone(), &start).expect("a recipe for it");
    let ran = run(&mut engine, &recipe, 16, Cadence::every(2), &mut |_| Ok(()));
    let history = ran.expect("a run");
    let steps: Vec<u32> = history.points.iter().map(|point| point.step).collect();
    assert_eq!((history.step, history.losses.len()), (3, 3));
    assert_eq!(
        (steps, engine.state().expect("a state").step),
        (vec![2, 3], 3)
    );
}

#[test]
fn an_interrupted_run_is_evaluated_where_that_is_due_and_kept() {
    for (at, expected) in [
        (0, "checkpoint"),
        (1, "checkpoint, train 1, checkpoint"),
        (
            3,
            "checkpoint, train 1, train 1, checkpoint, train 1, evaluate, checkpoint",
        ),
    ] {
        let (asked, end) = asked(CADENCE, History::default(), at);
        assert_eq!(asked, expected);
        assert!(matches!(end, Err(Error::Interrupted(_))));
    }
    let (asked, _) = asked(Cadence::every(3), History::default(), 1);
    assert_eq!(asked, "train 1");
}

#[test]
fn a_run_resumed_at_its_end_is_only_evaluated_where_it_was_not() {
    let end = History {
        step: 5,
        ..History::default()
    };
    let (asked, history) = asked(Cadence::every(3), end, u32::MAX);
    assert_eq!(asked, "evaluate");
    let (asked, _) = super::run_loop::asked(Cadence::every(3), history.expect("it ends"), u32::MAX);
    assert_eq!(asked, "");
}

#[test]
fn what_is_not_finite_ends_a_run() {
    let recipe = recipe(5);
    let mut run = Loop::new(&recipe, 2, CADENCE, History::default()).expect("few updates");
    let broken = State::start(Parameters::<f32>::zeros().map(|_| f32::NAN));
    run.checkpoint(&broken).expect_err("a weight");
    run.trained(vec![f32::INFINITY], Duration::ZERO)
        .expect_err("a loss");
    let evaluation = |loss| Evaluation {
        loss,
        misses: 0,
        examples: 2,
    };
    run.evaluated(evaluation(f64::NAN), evaluation(0.0));
    let interrupted = Err(Error::Interrupted(String::new()));
    let error = run.watched(interrupted).expect_err("an evaluation");
    assert!(matches!(error, Error::Diverged(_)), "{error}");
}
