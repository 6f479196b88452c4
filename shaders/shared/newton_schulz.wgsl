// Newton-Schulz: the factor P that brings a matrix's singular values near 1, P · u for a matrix u.
//
// The textbook's X ← (aI + bA + cA²)X with A = XXᵀ multiplies X from the left by polynomials in the first A only, so
// everything is computed on matrices of the shorter side: A ← QAQ, P ← QP with Q = aI + bA + cA², from A = uuᵀ / ‖u‖² and
// P = I / ‖u‖.
//
// One workgroup: one layer's matrix, the shorter side along rows. A kernel's `element` gives u's elements, each to the lane
// that asks for it again for the product.

// The matrix's first parameter, its sides, and the stride along each.
struct Matrix {
    first: u32,
    side: u32,
    long: u32,
    side_stride: u32,
    long_stride: u32,
}

// Columns that are staged together.
const COLUMNS: u32 = MUON_SIDE;
const CELLS: u32 = MUON_SIDE * MUON_SIDE;
var<workgroup> gram: array<f32, CELLS>;
var<workgroup> polynomial: array<f32, CELLS>;
var<workgroup> factor: array<f32, CELLS>;
// Some columns of u, `[column][row]`, or a product before it is copied back.
var<workgroup> staged: array<f32, CELLS>;

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

fn parameter_of(shape: Matrix, row: u32, column: u32) -> u32 {
    return shape.first + row * shape.side_stride + column * shape.long_stride;
}

// Puts columns from `first` on into `staged`, zeros after the last; `again` after their factor was computed.
fn stage_columns(lane: u32, shape: Matrix, first: u32, again: bool) {
    for (var place = lane; place < shape.side * COLUMNS; place += MUON_LANES) {
        let column = first + place / shape.side;
        var u = 0.0;
        if (column < shape.long) {
            u = element(parameter_of(shape, place % shape.side, column), again);
        }
        staged[place] = u;
    }
    workgroupBarrier();
}

// Element of P · u at a place in `staged`.
fn step_at(place: u32, side: u32) -> f32 {
    let row = place % side;
    var step = 0.0;
    for (var k = 0u; k < side; k++) {
        step += factor[row * side + k] * staged[place - row + k];
    }
    return step;
}

// Sum of the staged columns' terms of one cell of uuᵀ.
fn rows_dot(cell: u32, side: u32) -> f32 {
    var sum = 0.0;
    if (cell < side * side) {
        for (var k = 0u; k < COLUMNS; k++) {
            sum += staged[k * side + cell / side] * staged[k * side + cell % side];
        }
    }
    return sum;
}

fn stage(cell: u32, cells: u32, value: f32) {
    if (cell < cells) {
        staged[cell] = value;
    }
}

// Computes P of this number of iterations, into `factor`; not the first of a matrix's, it leaves out the norm.
fn compute_factor(lane: u32, shape: Matrix, iterations: u32, is_first: bool) {
    let side = shape.side;
    let cells = side * side;
    // uuᵀ: up to four cells per lane.
    var sums = vec4<f32>(0.0);
    for (var first = 0u; first < shape.long; first += COLUMNS) {
        stage_columns(lane, shape, first, false);
        sums += vec4<f32>(
            rows_dot(lane, side),
            rows_dot(lane + MUON_LANES, side),
            rows_dot(lane + 2u * MUON_LANES, side),
            rows_dot(lane + 3u * MUON_LANES, side),
        );
        workgroupBarrier();
    }
    stage(lane, cells, sums.x);
    stage(lane + MUON_LANES, cells, sums.y);
    stage(lane + 2u * MUON_LANES, cells, sums.z);
    stage(lane + 3u * MUON_LANES, cells, sums.w);
    workgroupBarrier();
    var squares = 0.0;
    for (var k = 0u; k < side; k++) {
        squares += staged[k * side + k];
    }
    let inverse = select(1.0, 1.0 / (sqrt(squares) + MUON_NORM_EPSILON), is_first);
    for (var cell = lane; cell < cells; cell += MUON_LANES) {
        gram[cell] = staged[cell] * inverse * inverse;
        factor[cell] = select(0.0, inverse, cell / side == cell % side);
    }
    workgroupBarrier();
    for (var iteration = 0u; iteration < iterations; iteration++) {
        for (var cell = lane; cell < cells; cell += MUON_LANES) {
            let row = cell / side;
            let column = cell % side;
            var square = 0.0;
            for (var k = 0u; k < side; k++) {
                square += gram[row * side + k] * gram[k * side + column];
            }
            polynomial[cell] = MUON_B * gram[cell] + MUON_C * square + select(0.0, MUON_A, row == column);
        }
        workgroupBarrier();
        for (var cell = lane; cell < cells; cell += MUON_LANES) {
            var sum = 0.0;
            for (var k = 0u; k < side; k++) {
                sum += polynomial[cell / side * side + k] * gram[k * side + cell % side];
            }
            staged[cell] = sum;
        }
        workgroupBarrier();
        for (var cell = lane; cell < cells; cell += MUON_LANES) {
            var sum = 0.0;
            for (var k = 0u; k < side; k++) {
                sum += staged[cell / side * side + k] * polynomial[k * side + cell % side];
            }
            gram[cell] = sum;
        }
        workgroupBarrier();
        for (var cell = lane; cell < cells; cell += MUON_LANES) {
            var sum = 0.0;
            for (var k = 0u; k < side; k++) {
                sum += polynomial[cell / side * side + k] * factor[k * side + cell % side];
            }
            staged[cell] = sum;
        }
        workgroupBarrier();
        for (var cell = lane; cell < cells; cell += MUON_LANES) {
            factor[cell] = staged[cell];
        }
        workgroupBarrier();
    }
}
