// Loss of one example, whether it was missed, and the gradient before the output's nonlinearity.
//
// The formulas are in shaders/shared/example_loss.wgsl.
//
// - labels: [examples]; out, d_out: [3 quads][examples] of four classes; example_loss, missed: [examples]
//
// One invocation: one example. Classes 10 and 11 are padding: no loss, no gradient.

@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> out: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> d_out: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> example_loss: array<f32>;
@group(0) @binding(5) var<storage, read_write> missed: array<u32>;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    let example = invocation.x;
    if (example >= params.examples) {
        return;
    }
    let n = params.examples;
    let result = loss_of(out[example], out[example + n], out[example + 2u * n], labels[example]);
    missed[example] = result.missed;
    example_loss[example] = result.loss;
    d_out[example] = result.d_out0;
    d_out[example + n] = result.d_out1;
    d_out[example + 2u * n] = result.d_out2;
}
