//! The kernels from the loss back to the pixels, and the gradients of the parameters.

use gpu_train::gpu::layout::sizes::EXAMPLES_PER_CHUNK;
use gpu_train::net::{
    CLASSES, H1_UNITS, H1B, H1W, H2_UNITS, H2B, H2W, H3_UNITS, H3B, H3W, OUTB, OUTW, PADDED_PIXELS,
    PARAMETER_COUNT, ParameterTensor, Parameters,
};
use gpu_train::reference as twin;

use super::forward::wide;
use super::{Case, Setup};
use crate::common::Noise;
use crate::common::compare::Tolerance;

/// Up to 200 products of f32, in whatever order: measured to be off by up to 1e-7 of the largest sum.
const BACK: Tolerance = Tolerance::of(1e-6, 2e-6);
/// Up to 512·64 products, each lane adding every 64th example: the roundings add up as a random walk, measured to
/// reach 5e-7 of the largest sum.
const CHUNK: Tolerance = Tolerance::of(2e-6, 5e-6);

pub fn setup(case: &Case) -> Setup {
    let mut setup = Setup::default();
    let mut noise = case.noise();
    if case.kernel.ends_with("_gradient") {
        partial_sums(&mut setup, case, &mut noise);
    } else {
        layer(&mut setup, case, &mut noise);
    }
    setup
}

/// `(above, own, ..)` → the gradient of the layer's sums.
fn layer(setup: &mut Setup, case: &Case, noise: &mut Noise) {
    let parameters = case.parameters(noise);
    setup.give("parameters", parameters.flat());
    let parameters: Parameters<f64> = parameters.map(f64::from);
    let p = |tensor| parameters.tensor(tensor);
    let (above_name, above_units, own_name, units, result) = match case.kernel {
        "out_backward" => ("d_out", CLASSES, "h3", H3_UNITS, "d_h3"),
        "h3_backward" => ("d_h3", H3_UNITS, "h2", H2_UNITS, "d_h2"),
        "h2_backward" => ("d_h2", H2_UNITS, "h1", H1_UNITS, "d_h1"),
        other => panic!("{other} goes back from no layer"),
    };
    let above = case.gradients(noise, case.examples * above_units);
    let own = case.activations(noise, case.examples * units);
    setup.give_rows(above_name, &above);
    setup.give_rows(own_name, &own);
    let factors = case.factors(noise, own.len());
    if case.kernel == "h3_backward" {
        setup.give_rows("factors", &factors);
    }
    let (above, own, factors) = (wide(&above), wide(&own), wide(&factors));
    let mut below = vec![f64::NAN; own.len()];
    let rows = above.chunks_exact(above_units).zip(own.chunks_exact(units));
    let rows = rows.zip(factors.chunks_exact(units));
    for (((above, own), factors), below) in rows.zip(below.chunks_exact_mut(units)) {
        let f = case.activation;
        match case.kernel {
            "out_backward" => twin::out_backward(above, p(&OUTW), own, f, below),
            "h3_backward" => twin::h3_backward(above, p(&H3W), own, factors, f, below),
            _ => twin::h2_backward(above, p(&H2W), own, f, below),
        }
    }
    setup.expect_rows(result, below, BACK);
}

type Twin = fn(&[f64], &[f64], &mut [f64], &mut [f64]);

/// Each chunk's sum of the gradient of a layer's weights and biases.
fn partial_sums(setup: &mut Setup, case: &Case, noise: &mut Noise) {
    let n = case.examples;
    let (twin, weights, biases, below_units, above_name, above_units): (
        Twin,
        ParameterTensor,
        ParameterTensor,
        usize,
        &'static str,
        usize,
    ) = match case.kernel {
        "out_gradient" => (twin::out_gradient, OUTW, OUTB, H3_UNITS, "d_out", CLASSES),
        "h3_gradient" => (twin::h3_gradient, H3W, H3B, H2_UNITS, "d_h3", H3_UNITS),
        "h2_gradient" => (twin::h2_gradient, H2W, H2B, H1_UNITS, "d_h2", H2_UNITS),
        "h1_gradient" => (twin::h1_gradient, H1W, H1B, PADDED_PIXELS, "d_h1", H1_UNITS),
        other => panic!("{other} is no layer's gradient"),
    };
    let below = match case.kernel {
        "h1_gradient" => {
            let images = case.images(noise);
            setup.give_images(&images);
            images
        }
        other => {
            let below = case.activations(noise, n * below_units);
            let name = match other {
                "out_gradient" => "h3",
                "h3_gradient" => "dropped",
                _ => "h1",
            };
            setup.give_rows(name, &below);
            below
        }
    };
    let above = case.gradients(noise, n * above_units);
    setup.give_rows(above_name, &above);
    let (below, above) = (wide(&below), wide(&above));
    let chunk = EXAMPLES_PER_CHUNK as usize;
    let chunks = below.chunks(chunk * below_units);
    let chunks = chunks.zip(above.chunks(chunk * above_units));
    for (index, (below, above)) in chunks.enumerate() {
        let mut d_w = vec![0.0; weights.len()];
        let mut d_b = vec![0.0; biases.len()];
        let rows = below.chunks_exact(below_units);
        for (below, above) in rows.zip(above.chunks_exact(above_units)) {
            twin(below, above, &mut d_w, &mut d_b);
        }
        let first = index * PARAMETER_COUNT;
        for (tensor, values) in [(weights, d_w), (biases, d_b)] {
            setup.expect_partial(index, &tensor, first + tensor.offset, values, CHUNK);
        }
    }
}
