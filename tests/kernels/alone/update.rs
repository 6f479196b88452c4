//! The kernels that run once per step: the sum of the gradient, the optimizers, the tally.

use gpu_train::gpu::layout::sizes::EXAMPLES_PER_CHUNK;
use gpu_train::gpu::layout::sizes::SLOTS;
use gpu_train::net::PARAMETER_COUNT;
use gpu_train::recipe::muon::MATRICES;
use gpu_train::reference::{self as twin, AdamW, Progress};

use super::forward::{PROGRESS, wide};
use super::setup::{Expected, Number};
use super::{Case, Setup};
use crate::common::Noise;
use crate::common::compare::Tolerance;

/// At most 15 chunks' sums, or a handful of products; WGSL allows a root 2 units in the last place, a quotient 2.5.
pub const FEW: Tolerance = Tolerance::of(3e-7, 2e-6);
/// Up to 7,291 losses, each of 256 lanes adding some thirty of them.
const SUM: Tolerance = Tolerance::of(0.0, 5e-6);

/// The scalars that an optimizer reads from the schedule.
pub const SCALARS: [f32; 4] = [0.01, 1.7, 0.97, 0.007];
/// Five times a polynomial that triples what is small: of a step of 0.007 · √200, in f32.
pub const ORTHOGONAL: Tolerance = Tolerance::of(1e-5, 2e-6);

pub fn setup(case: &Case) -> Setup {
    let mut setup = Setup::default();
    let mut noise = case.noise();
    match case.kernel {
        "reduce_gradient" => reduce(&mut setup, case, &mut noise),
        "tally" => tally(&mut setup, case, &mut noise),
        "muon" => muon(&mut setup, case, &mut noise),
        _ => optimizer(&mut setup, case, &mut noise),
    }
    setup
}

pub fn signed(noise: &mut Noise, count: usize) -> Vec<f32> {
    (0..count).map(|_| noise.signed()).collect()
}

fn reduce(setup: &mut Setup, case: &Case, noise: &mut Noise) {
    let chunks = case.examples.div_ceil(EXAMPLES_PER_CHUNK as usize);
    let partial = signed(noise, chunks * PARAMETER_COUNT);
    setup.give("partial", &partial);
    let mut gradient = vec![f64::NAN; PARAMETER_COUNT];
    twin::reduce_gradient(&wide(&partial), &mut gradient);
    setup.expect_all("gradient", gradient, Number::F32, FEW);
}

/// Gives a schedule that holds the scalars in the present slot and noise elsewhere.
pub fn schedule(setup: &mut Setup, noise: &mut Noise) {
    let mut schedule = signed(noise, 4 * SLOTS as usize);
    let slot = 4 * PROGRESS[1] as usize;
    schedule[slot..slot + 4].copy_from_slice(&SCALARS);
    setup.give("schedule", &schedule);
}

fn optimizer(setup: &mut Setup, case: &Case, noise: &mut Noise) {
    schedule(setup, noise);
    setup.give_words("progress", PROGRESS.to_vec());

    let weights = signed(noise, PARAMETER_COUNT);
    // Gradients of all sizes around AdamW's ε, the moments of a size with them.
    let (mut gradient, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..PARAMETER_COUNT {
        let size = 10f32.powf(-5.0 + 4.0 * noise.signed());
        gradient.push(2.0 * size * noise.signed());
        first.push(size * noise.signed());
        second.push((size * noise.signed()).powi(2));
    }
    if case.kernel == "sgd" {
        gradient = signed(noise, PARAMETER_COUNT);
        first = signed(noise, PARAMETER_COUNT);
    }
    setup.give("parameters", &weights);
    setup.give("gradient", &gradient);
    setup.give("first_moment", &first);
    let (mut w, g, mut m, mut v) = (wide(&weights), wide(&gradient), wide(&first), wide(&second));
    let recipe = case.recipe();
    let [step_size, second_moment_scale, shrink, _] = SCALARS.map(f64::from);
    if case.kernel == "sgd" {
        let (momentum, decay) = (recipe.momentum, recipe.weight_decay);
        twin::sgd(&mut w, &g, &mut m, step_size, momentum, decay);
    } else {
        setup.give("second_moment", &second);
        let with = AdamW {
            beta1: recipe.beta1,
            beta2: recipe.beta2,
            epsilon: recipe.epsilon,
            step_size,
            second_moment_scale,
            shrink,
        };
        twin::adamw(&mut w, &g, &mut m, &mut v, with);
        expect_updated(setup, case, "second_moment", &second, v);
    }
    expect_updated(setup, case, "parameters", &weights, w);
    expect_updated(setup, case, "first_moment", &first, m);
}

/// Values after an optimizer; with `muon` the matrices are unchanged.
fn expect_updated(
    setup: &mut Setup,
    case: &Case,
    name: &'static str,
    before: &[f32],
    mut after: Vec<f64>,
) {
    if case.with_muon {
        for at in MATRICES.map(|tensor| tensor.range()) {
            after[at.clone()].copy_from_slice(&wide(&before[at]));
        }
    }
    setup.expect_all(name, after, Number::F32, FEW);
}

/// Each matrix, wherever its elements are stored.
fn muon(setup: &mut Setup, case: &Case, noise: &mut Noise) {
    schedule(setup, noise);
    setup.give_words("progress", PROGRESS.to_vec());
    let indices: Vec<usize> = (0..PARAMETER_COUNT).rev().collect();
    setup.give_words(
        "packed_index",
        indices.iter().map(|&index| index as u32).collect(),
    );

    let given = [
        ("parameters", 1.0),
        ("gradient", 0.01),
        ("first_moment", 0.02),
    ];
    let [weights, gradient, first] = given.map(|(name, size)| {
        let values: Vec<f32> = signed(noise, PARAMETER_COUNT);
        let values: Vec<f32> = values.iter().map(|value| size * value).collect();
        // Reversed, as the indices are.
        setup.give(name, &values.iter().rev().copied().collect::<Vec<_>>());
        wide(&values)
    });
    let with = twin::Muon {
        momentum: case.recipe().momentum,
        learning_rate: SCALARS[3].into(),
        shrink: SCALARS[2].into(),
    };
    for tensor in MATRICES {
        let at = tensor.range();
        let (mut w, mut m) = (weights[at.clone()].to_vec(), first[at.clone()].to_vec());
        let columns = tensor.columns().expect("a matrix");
        twin::muon(&mut w, &gradient[at.clone()], &mut m, columns, with);
        for (binding, values, tolerance) in
            [("parameters", w, ORTHOGONAL), ("first_moment", m, FEW)]
        {
            let expected = Expected {
                name: format!("{binding} of {}", tensor.name),
                at: indices[at.clone()].to_vec(),
                values,
                number: Number::F32,
                tolerance,
            };
            setup.expect(binding, expected);
        }
    }
}

fn tally(setup: &mut Setup, case: &Case, noise: &mut Noise) {
    let example_loss: Vec<f32> = (0..case.examples).map(|_| 0.9 + noise.signed()).collect();
    let missed: Vec<bool> = (0..case.examples).map(|_| noise.bits() & 3 == 0).collect();
    setup.give("example_loss", &example_loss);
    let words = missed.iter().map(|&miss| miss.into());
    setup.give_words("missed", words.collect());
    setup.give_words("progress", PROGRESS.to_vec());

    let slot = PROGRESS[1] as usize;
    let mut progress = Progress {
        step: PROGRESS[0],
        slot: PROGRESS[1],
    };
    let mut losses = vec![f64::NAN; slot + 1];
    let (sum, misses) = twin::tally(
        &wide(&example_loss),
        &missed,
        case.is_training,
        &mut losses,
        &mut progress,
    );
    let (float, whole) = ((Number::F32, SUM), (Number::U32, Tolerance::EXACT));
    setup.expect_one("totals", "sum of losses", 0, sum, float);
    setup.expect_one("totals", "misses", 1, misses.into(), whole);
    if case.is_training {
        setup.expect_one("losses", "mean loss", slot, losses[slot], float);
    }
    let progress = vec![progress.step.into(), progress.slot.into()];
    setup.expect_all("progress", progress, Number::U32, Tolerance::EXACT);
}
