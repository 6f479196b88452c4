// Products of a gradient above (rows) with the activations below (columns).

fn outer(above: vec4<f32>, below: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(above * below.x, above * below.y, above * below.z, above * below.w);
}
