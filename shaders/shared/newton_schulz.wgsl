// Newton-Schulz: the factor P that brings a matrix's singular values near 1, P · u for a matrix u.
//
// The textbook's X ← (aI + bA + cA²)X with A = XXᵀ multiplies X from the left by polynomials in the first A only, so
// everything is computed on matrices of the shorter side: A ← QAQ, P ← QP with Q = aI + bA + cA², from A = uuᵀ / ‖u‖² and
// P = I / ‖u‖. All of them are symmetric, as they are polynomials in the first A: a product's rows come from both factors'
// rows, as outer products, and every read is a vector of neighbours.
//
// One workgroup: one layer's matrix, the shorter side along rows, filled with zeros to whole vectors. A kernel's `element`
// gives u's elements, each to the lane that asks for it again for the product.

// The matrix's first parameter, its sides, and the stride along each.
struct Matrix {
    first: u32,
    side: u32,
    long: u32,
    side_stride: u32,
    long_stride: u32,
}

// Columns that are staged together: a vector of four rows per lane.
const COLUMNS: u32 = 4u * MUON_QUADS;
const CELLS: u32 = COLUMNS * MUON_QUADS;
// Blocks of four by four of a square, a lane each. The workgroup has lanes for four products at a time.
const BLOCKS: u32 = MUON_QUADS * MUON_QUADS;
// Squares, `[row][column quad]`.
var<workgroup> gram: array<vec4<f32>, CELLS>;
var<workgroup> polynomial: array<vec4<f32>, CELLS>;
var<workgroup> factor: array<vec4<f32>, CELLS>;
// Some columns of u, `[column][row quad]`, or a square.
var<workgroup> staged: array<vec4<f32>, CELLS>;

fn matrix(index: u32) -> Matrix {
    if (index == 0u) {
        return Matrix(H1W, 4u * MAP_QUADS, TAPS, TAPS, 1u);
    }
    if (index == 1u) {
        return Matrix(H2W, 4u * MAP_QUADS, H2_FAN_MAPS * TAPS, H2_FAN_MAPS * TAPS, 1u);
    }
    if (index == 2u) {
        return Matrix(H3W, H3_UNITS, 4u * MAP_QUADS * H2_AREA, 1u, H3_UNITS);
    }
    return Matrix(OUTW, CLASSES, H3_UNITS, 1u, CLASSES);
}

fn quads_of(shape: Matrix) -> u32 {
    return (shape.side + 3u) / 4u;
}

fn parameter_of(shape: Matrix, row: u32, column: u32) -> u32 {
    return shape.first + row * shape.side_stride + column * shape.long_stride;
}

// An element of u; zero beyond the matrix.
fn element_or_zero(shape: Matrix, row: u32, column: u32, again: bool) -> f32 {
    if (row >= shape.side || column >= shape.long) {
        return 0.0;
    }
    return element(parameter_of(shape, row, column), again);
}

// Puts columns from `first` on into `staged`; `again` after their factor was computed.
fn stage_columns(lane: u32, shape: Matrix, first: u32, again: bool) {
    let column = first + lane / MUON_QUADS;
    let row = 4u * (lane % MUON_QUADS);
    staged[lane] = vec4<f32>(
        element_or_zero(shape, row, column, again),
        element_or_zero(shape, row + 1u, column, again),
        element_or_zero(shape, row + 2u, column, again),
        element_or_zero(shape, row + 3u, column, again),
    );
    workgroupBarrier();
}

// Four rows of P · u in the column that this lane has staged.
fn step_at(lane: u32, quads: u32) -> vec4<f32> {
    let column = lane / MUON_QUADS * MUON_QUADS;
    let rows = lane % MUON_QUADS;
    var step = vec4<f32>(0.0);
    for (var quad = 0u; quad < quads; quad++) {
        let u = staged[column + quad];
        let base = 4u * quad * MUON_QUADS + rows;
        step += factor[base] * u.x + factor[base + MUON_QUADS] * u.y;
        step += factor[base + 2u * MUON_QUADS] * u.z + factor[base + 3u * MUON_QUADS] * u.w;
    }
    return step;
}

// Four columns of a row of the identity.
fn identity(row: u32, quad: u32) -> vec4<f32> {
    return select(vec4<f32>(0.0), vec4<f32>(1.0), vec4<u32>(0u, 1u, 2u, 3u) + 4u * quad == vec4<u32>(row));
}

// Computes P of this number of iterations, into `factor`; not the first of a matrix's, it leaves out the norm.
fn compute_factor(lane: u32, shape: Matrix, iterations: u32, is_first: bool) {
    let quads = quads_of(shape);
    let side = 4u * quads;
    // This lane's block of a product, and which of the products that are computed at a time.
    let part = lane / BLOCKS;
    let rows = lane % BLOCKS / MUON_QUADS;
    let columns = lane % MUON_QUADS;
    let has_block = rows < quads && columns < quads;
    let first_cell = 4u * rows * MUON_QUADS + columns;
    // uuᵀ: each part sums a quarter of the staged columns.
    var sum = mat4x4<f32>();
    for (var first = 0u; first < shape.long; first += COLUMNS) {
        stage_columns(lane, shape, first, false);
        if (has_block) {
            for (var k = part * MUON_QUADS; k < (part + 1u) * MUON_QUADS; k++) {
                sum += outer(staged[k * MUON_QUADS + columns], staged[k * MUON_QUADS + rows]);
            }
        }
        workgroupBarrier();
    }
    if (has_block) {
        for (var row = 0u; row < 4u; row++) {
            let cell = first_cell + row * MUON_QUADS;
            if (part == 0u) {
                gram[cell] = sum[row];
            } else if (part == 1u) {
                polynomial[cell] = sum[row];
            } else if (part == 2u) {
                factor[cell] = sum[row];
            } else {
                staged[cell] = sum[row];
            }
        }
    }
    workgroupBarrier();
    let is_used = lane / MUON_QUADS < side && columns < quads;
    var total = vec4<f32>(0.0);
    if (is_used) {
        total = gram[lane] + polynomial[lane] + factor[lane] + staged[lane];
    }
    workgroupBarrier();
    staged[lane] = total;
    workgroupBarrier();
    var squares = 0.0;
    for (var row = 0u; row < side; row++) {
        squares += dot(staged[row * MUON_QUADS + row / 4u], identity(row, row / 4u));
    }
    let inverse = select(1.0, 1.0 / (sqrt(squares) + MUON_NORM_EPSILON), is_first);
    if (is_used) {
        gram[lane] = total * inverse * inverse;
        factor[lane] = inverse * identity(lane / MUON_QUADS, columns);
    }
    workgroupBarrier();
    for (var iteration = 0u; iteration < iterations; iteration++) {
        if (has_block && part == 0u) {
            var square = mat4x4<f32>();
            for (var k = 0u; k < side; k++) {
                square += outer(gram[k * MUON_QUADS + columns], gram[k * MUON_QUADS + rows]);
            }
            for (var row = 0u; row < 4u; row++) {
                let cell = first_cell + row * MUON_QUADS;
                let linear = MUON_A * identity(4u * rows + row, columns) + MUON_B * gram[cell];
                polynomial[cell] = linear + MUON_C * square[row];
            }
        }
        workgroupBarrier();
        // QA and QP side by side.
        var product = mat4x4<f32>();
        if (has_block && part == 0u) {
            for (var k = 0u; k < side; k++) {
                product += outer(gram[k * MUON_QUADS + columns], polynomial[k * MUON_QUADS + rows]);
            }
        } else if (has_block && part == 1u) {
            for (var k = 0u; k < side; k++) {
                product += outer(factor[k * MUON_QUADS + columns], polynomial[k * MUON_QUADS + rows]);
            }
        }
        workgroupBarrier();
        for (var row = 0u; row < 4u; row++) {
            let cell = first_cell + row * MUON_QUADS;
            if (has_block && part == 0u) {
                staged[cell] = product[row];
            } else if (has_block && part == 1u) {
                factor[cell] = product[row];
            }
        }
        workgroupBarrier();
        if (has_block && part == 0u) {
            var next = mat4x4<f32>();
            for (var k = 0u; k < side; k++) {
                next += outer(polynomial[k * MUON_QUADS + columns], staged[k * MUON_QUADS + rows]);
            }
            for (var row = 0u; row < 4u; row++) {
                gram[first_cell + row * MUON_QUADS] = next[row];
            }
        }
        workgroupBarrier();
    }
}
