// Sums to which products are added, as chains of fma: one instruction per multiply-add. Written as a sum of products, each
// sum costs a multiplication without an addition and an addition without a multiplication on most compilers.

// sum + block · below
fn add_product(sum: vec4<f32>, block: mat4x4<f32>, below: vec4<f32>) -> vec4<f32> {
    let xy = fma(block[1], vec4<f32>(below.y), fma(block[0], vec4<f32>(below.x), sum));
    return fma(block[3], vec4<f32>(below.w), fma(block[2], vec4<f32>(below.z), xy));
}

// sum + above · belowᵀ
fn add_outer(sum: mat4x4<f32>, above: vec4<f32>, below: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        fma(above, vec4<f32>(below.x), sum[0]),
        fma(above, vec4<f32>(below.y), sum[1]),
        fma(above, vec4<f32>(below.z), sum[2]),
        fma(above, vec4<f32>(below.w), sum[3]),
    );
}

// Four sums along a row, to which a block times the values of another row is added: of the same places, of the next ones, of
// the ones before. A place outside of the row adds nothing.
fn add_here(sums: mat4x4<f32>, block: mat4x4<f32>, row: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        add_product(sums[0], block, row[0]),
        add_product(sums[1], block, row[1]),
        add_product(sums[2], block, row[2]),
        add_product(sums[3], block, row[3]),
    );
}

fn add_next(sums: mat4x4<f32>, block: mat4x4<f32>, row: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        add_product(sums[0], block, row[1]),
        add_product(sums[1], block, row[2]),
        add_product(sums[2], block, row[3]),
        sums[3],
    );
}

fn add_before(sums: mat4x4<f32>, block: mat4x4<f32>, row: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        sums[0],
        add_product(sums[1], block, row[0]),
        add_product(sums[2], block, row[1]),
        add_product(sums[3], block, row[2]),
    );
}
