//! Each intermediate tensor and each parameter's gradient.

use gpu_train::engine::{Engine, Split};
use gpu_train::gpu::{Gpu, Variant, describe};
use gpu_train::net::{PARAMETERS, Parameters};
use gpu_train::recipe::Activation;
use gpu_train::reference::{Activations, Reference};
use libtest_mimic::Failed;

use crate::compare::{Tolerance, close};
use crate::fixture::Case;
use crate::inspect;

type Field = fn(&Activations<f64>) -> &Vec<f64>;

const TENSORS: [(&str, Field); 11] = [
    ("x", |values| &values.x),
    ("h1", |values| &values.h1),
    ("h2", |values| &values.h2),
    ("factors", |values| &values.factors),
    ("dropped", |values| &values.dropped),
    ("h3", |values| &values.h3),
    ("out", |values| &values.out),
    ("d_out", |values| &values.d_out),
    ("d_h3", |values| &values.d_h3),
    ("d_h2", |values| &values.d_h2),
    ("d_h1", |values| &values.d_h1),
];

/// Sums of up to 200 products of f32 carry an error of about 1e-6 of their largest term, and each layer passes on what
/// it was given; WGSL lets tanh and exp be off by about 1e-5 besides.
const VALUES: Tolerance = Tolerance::of(1e-5, 1e-4);

/// A shape that an adapter has no room for is refused in words.
pub fn agree_or_do_not_fit(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let description = describe(adapter)?;
    match case.variant {
        Variant::Fused(tiling) if !tiling.fits(&description.limits) => match case.gpu(adapter) {
            Err(refused) if format!("{refused:?}").contains("of workgroup memory") => Ok(()),
            Err(other) => Err(other),
            Ok(_) => Err("a shape larger than the adapter was accepted".into()),
        },
        _ => agree(adapter, case),
    }
}

/// A set that fits no buffer goes through in shards: 200 examples as 67, 67 and 66.
pub fn shards_agree(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let mut gpu = case.open(adapter, &case.in_three_shards())?;
    if gpu.dispatches() != 4 {
        return Err(format!("{} dispatches a step, expected 4", gpu.dispatches()).into());
    }
    let mut reference = case.reference();
    for split in [Split::Train, Split::Test] {
        let (found, expected) = (gpu.evaluate(split)?, reference.evaluate(split)?);
        close("loss", &[found.loss as f32], &[expected.loss], VALUES)?;
        if (found.misses, found.examples) != (expected.misses, expected.examples) {
            return Err(format!("{split:?}: found {found:?}, expected {expected:?}").into());
        }
    }
    let (losses, expected) = (gpu.train(3)?, reference.train(3)?);
    let expected: Vec<f64> = expected.iter().map(|&loss| loss.into()).collect();
    close("losses", &losses, &expected, VALUES)?;
    // The gradient at the fourth step, with its draws.
    let mut start = case.reference();
    start.restore(&gpu.state()?)?;
    gradients_agree(&mut gpu, &start, case)
}

pub fn agree(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let mut gpu = case.gpu(adapter)?;
    gradients_agree(&mut gpu, &case.reference(), case)
}

fn gradients_agree(gpu: &mut Gpu, reference: &Reference<f64>, case: &Case) -> Result<(), Failed> {
    inspect::poison(gpu);
    let (found_loss, found) = gpu.gradient()?;

    let mut expected = Parameters::<f64>::zeros();
    let mut rows = vec![Vec::new(); TENSORS.len()];
    let mut expected_loss = 0.0;
    for example in 0..case.examples {
        let (values, loss) = reference.forward_backward(example, 1.0 / case.examples as f64);
        values.add_gradient(&mut expected);
        for (row, (_, field)) in rows.iter_mut().zip(TENSORS) {
            row.extend_from_slice(field(&values));
        }
        expected_loss += loss / case.examples as f64;
    }
    let layered = case.variant == Variant::Layered;
    for ((name, _), row) in TENSORS.iter().zip(&rows).filter(|_| layered) {
        let found = inspect::tensor(gpu, name, case.examples)?;
        close(name, &found, row, VALUES)?;
    }
    close("loss", &[found_loss as f32], &[expected_loss], VALUES)?;
    for tensor in &PARAMETERS {
        close(
            tensor.name,
            found.tensor(tensor),
            expected.tensor(tensor),
            VALUES,
        )?;
    }
    different_data_differ(case, &found, expected)
}

/// The tolerance would not let a wrong gradient pass: one element changed by a tenth of the largest is refused.
fn different_data_differ(
    case: &Case,
    found: &Parameters,
    mut expected: Parameters<f64>,
) -> Result<(), Failed> {
    for tensor in &PARAMETERS {
        let values = expected.tensor_mut(tensor);
        let most = values
            .iter()
            .fold(0f64, |most, value| most.max(value.abs()));
        // A single example may leave a ReLU layer without a gradient.
        if most == 0.0 && case.activation == Activation::Relu && case.examples == 1 {
            continue;
        }
        let middle = values.len() / 2;
        values[middle] += 0.1 * most;
        if close(tensor.name, found.tensor(tensor), values, VALUES).is_ok() {
            return Err(format!("{}: a changed element was accepted", tensor.name).into());
        }
    }
    Ok(())
}
