//! Engines opened where a target says.

use gpu_train::data::{Digits, embedded};
use gpu_train::engine::EngineKind;
use gpu_train::error::Error;
use gpu_train::recipe::{Batch, Recipe, RecipeName};
use gpu_train::target::{Target, open};

#[test]
fn each_target_opens_its_engine_or_refuses_the_recipe() {
    let digits = embedded::digits();
    let digits = Digits {
        train: digits.train.truncated(20),
        test: digits.test.truncated(10),
        ..digits
    };
    let full = Recipe::named(RecipeName::FullBatch);
    let one = Recipe::named(RecipeName::Reproduction);
    let cases = [
        (Target::Reference, &full, true),
        (Target::Reference, &one, true),
        (Target::Cpu(2), &full, true),
        (Target::Cpu(2), &one, false),
        (Target::PerExample, &one, true),
        (Target::PerExample, &full, false),
    ];
    for (target, recipe, fits) in cases {
        match open(&target, &digits, recipe, &recipe.initial_parameters()) {
            Ok(mut opened) => {
                assert!(fits, "{target:?}");
                assert_eq!(opened.engine.kind(), target.engine());
                assert_eq!(opened.engine.state().expect("a state").step, 0);
                assert!(opened.set_up > 0.0 && opened.tuning == 0.0);
                assert_eq!(opened.kernels, None);
            }
            Err(Error::Usage(_)) => assert!(!fits, "{target:?}"),
            Err(error) => panic!("{target:?}: {error}"),
        }
    }
}

#[test]
fn batch_1_trains_on_one_core_wherever_full_batch_does() {
    let of = |target: Target, batch| target.of_batch(batch).engine();
    assert_eq!(
        of(Target::Cpu(8), Batch::PerExample),
        EngineKind::PerExample
    );
    assert_eq!(of(Target::Cpu(8), Batch::Full), EngineKind::Cpu);
    assert_eq!(
        of(Target::Reference, Batch::PerExample),
        EngineKind::Reference
    );
}
