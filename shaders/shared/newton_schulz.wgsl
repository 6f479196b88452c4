// Newton-Schulz: the factor P that brings a matrix's singular values near 1, P · u for a matrix u.
//
// The textbook's X ← (aI + bA + cA²)X with A = XXᵀ multiplies X from the left by polynomials in the first A only, so
// everything is computed on matrices of the shorter side: A ← QAQ, P ← QP with Q = aI + bA + cA², from A = uuᵀ / ‖u‖² and
// P = I / ‖u‖.
//
// One workgroup: one layer's matrix, the shorter side along rows, filled with zeros to 4 · MUON_QUADS rows. A cell is a
// vector of four neighbours. A kernel's `elements` gives four elements of u; a lane asks for the same ones again.

// The matrix's first parameter, its sides, and the stride along each.
struct Matrix {
    first: u32,
    side: u32,
    long: u32,
    side_stride: u32,
    long_stride: u32,
}

// Columns of u in an array, a cell of four rows per lane.
const COLUMNS: u32 = 4u * MUON_QUADS;
const CELLS: u32 = COLUMNS * MUON_QUADS;
// Blocks of four by four of a square: a product has one lane for each.
const BLOCKS: u32 = MUON_QUADS * MUON_QUADS;
const PARTS: u32 = MUON_LANES / BLOCKS;
// Squares, `[row][column quad]`, or some columns of u, `[column][row quad]`.
var<workgroup> gram: array<vec4<f32>, CELLS>;
var<workgroup> polynomial: array<vec4<f32>, CELLS>;
// Pᵀ ← PᵀQ: a step then reads P's columns as rows. In a product each factor is read by its own rows: the squares are
// symmetric but for rounding, and products that took them for symmetric left the reference within ten steps.
var<workgroup> factor: array<vec4<f32>, CELLS>;
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

// A lane's column of those from `first` on, and its rows.
fn column_of(lane: u32, first: u32) -> u32 {
    return first + lane / MUON_QUADS;
}

fn rows_of(lane: u32) -> vec4<u32> {
    return vec4<u32>(0u, 1u, 2u, 3u) + 4u * (lane % MUON_QUADS);
}

fn is_inside(lane: u32, shape: Matrix, first: u32) -> vec4<bool> {
    return select(vec4<bool>(false), rows_of(lane) < vec4<u32>(shape.side), column_of(lane, first) < shape.long);
}

// Parameters of a lane's cell, the matrix's first where it is outside.
fn parameters_of(lane: u32, shape: Matrix, first: u32) -> vec4<u32> {
    let at = shape.first + column_of(lane, first) * shape.long_stride + rows_of(lane) * shape.side_stride;
    return select(vec4<u32>(shape.first), at, is_inside(lane, shape, first));
}

// A lane's cell of u, zeros outside.
fn cell_of_u(lane: u32, shape: Matrix, first: u32) -> vec4<f32> {
    return select(vec4<f32>(0.0), elements(parameters_of(lane, shape, first)), is_inside(lane, shape, first));
}

// Blocks of the squares, four rows from this cell on.
fn gram_block(at: u32) -> mat4x4<f32> {
    return mat4x4<f32>(gram[at], gram[at + MUON_QUADS], gram[at + 2u * MUON_QUADS], gram[at + 3u * MUON_QUADS]);
}

fn polynomial_block(at: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        polynomial[at],
        polynomial[at + MUON_QUADS],
        polynomial[at + 2u * MUON_QUADS],
        polynomial[at + 3u * MUON_QUADS],
    );
}

fn factor_block(at: u32) -> mat4x4<f32> {
    return mat4x4<f32>(factor[at], factor[at + MUON_QUADS], factor[at + 2u * MUON_QUADS], factor[at + 3u * MUON_QUADS]);
}

fn staged_block(at: u32) -> mat4x4<f32> {
    return mat4x4<f32>(staged[at], staged[at + MUON_QUADS], staged[at + 2u * MUON_QUADS], staged[at + 3u * MUON_QUADS]);
}

fn store_gram(at: u32, block: mat4x4<f32>) {
    gram[at] = block[0];
    gram[at + MUON_QUADS] = block[1];
    gram[at + 2u * MUON_QUADS] = block[2];
    gram[at + 3u * MUON_QUADS] = block[3];
}

fn store_polynomial(at: u32, block: mat4x4<f32>) {
    polynomial[at] = block[0];
    polynomial[at + MUON_QUADS] = block[1];
    polynomial[at + 2u * MUON_QUADS] = block[2];
    polynomial[at + 3u * MUON_QUADS] = block[3];
}

fn store_factor(at: u32, block: mat4x4<f32>) {
    factor[at] = block[0];
    factor[at + MUON_QUADS] = block[1];
    factor[at + 2u * MUON_QUADS] = block[2];
    factor[at + 3u * MUON_QUADS] = block[3];
}

fn store_staged(at: u32, block: mat4x4<f32>) {
    staged[at] = block[0];
    staged[at + MUON_QUADS] = block[1];
    staged[at + 2u * MUON_QUADS] = block[2];
    staged[at + 3u * MUON_QUADS] = block[3];
}

// A lane's cells of P · u, where `gram`, `polynomial` and `staged` hold u.
fn steps_of(lane: u32) -> mat3x4<f32> {
    let column = lane / MUON_QUADS * MUON_QUADS;
    var steps = mat3x4<f32>();
    for (var quad = 0u; quad < MUON_QUADS; quad++) {
        let block = factor_block(4u * quad * MUON_QUADS + lane % MUON_QUADS);
        steps = mat3x4<f32>(
            add_product(steps[0], block, gram[column + quad]),
            add_product(steps[1], block, polynomial[column + quad]),
            add_product(steps[2], block, staged[column + quad]),
        );
    }
    return steps;
}

// Computes Pᵀ of this number of iterations, into `factor`; not the first of a matrix's, it leaves out the norm.
fn compute_factor(lane: u32, shape: Matrix, iterations: u32, is_first: bool) {
    // This lane's block of a product, and which of the products it is that are computed at a time.
    let rows = lane % BLOCKS / MUON_QUADS;
    let columns = lane % MUON_QUADS;
    let part = lane / BLOCKS;
    let left = 4u * rows * MUON_QUADS;
    let cell = left + columns;
    // uuᵀ: each part sums a quarter of the columns.
    var sum = mat4x4<f32>();
    for (var first = 0u; first < shape.long; first += 4u * COLUMNS) {
        gram[lane] = cell_of_u(lane, shape, first);
        polynomial[lane] = cell_of_u(lane, shape, first + COLUMNS);
        factor[lane] = cell_of_u(lane, shape, first + 2u * COLUMNS);
        staged[lane] = cell_of_u(lane, shape, first + 3u * COLUMNS);
        workgroupBarrier();
        for (var k = 0u; k < COLUMNS / PARTS; k++) {
            let column = (PARTS * k + part) * MUON_QUADS;
            sum = add_outer(sum, gram[column + columns], gram[column + rows]);
            sum = add_outer(sum, polynomial[column + columns], polynomial[column + rows]);
            sum = add_outer(sum, factor[column + columns], factor[column + rows]);
            sum = add_outer(sum, staged[column + columns], staged[column + rows]);
        }
        workgroupBarrier();
    }
    if (part == 0u) {
        store_gram(cell, sum);
    } else if (part == 1u) {
        store_polynomial(cell, sum);
    } else if (part == 2u) {
        store_factor(cell, sum);
    } else {
        store_staged(cell, sum);
    }
    workgroupBarrier();
    let total = gram[lane] + polynomial[lane] + factor[lane] + staged[lane];
    workgroupBarrier();
    gram[lane] = total;
    workgroupBarrier();
    var squares = vec4<f32>(0.0);
    for (var quad = 0u; quad < MUON_QUADS; quad++) {
        let block = gram_block((4u * MUON_QUADS + 1u) * quad);
        squares += vec4<f32>(block[0].x, block[1].y, block[2].z, block[3].w);
    }
    let norm = sqrt(squares.x + squares.y + squares.z + squares.w);
    let inverse = select(1.0, 1.0 / (norm + MUON_NORM_EPSILON), is_first);
    let diagonal = select(vec4<f32>(0.0), vec4<f32>(inverse), rows_of(lane) == vec4<u32>(lane / MUON_QUADS));
    workgroupBarrier();
    gram[lane] = total * inverse * inverse;
    factor[lane] = diagonal;
    workgroupBarrier();
    for (var iteration = 0u; iteration < iterations; iteration++) {
        if (part == 0u) {
            var square = mat4x4<f32>();
            for (var quad = 0u; quad < MUON_QUADS; quad++) {
                square = add_here(square, gram_block(4u * quad * MUON_QUADS + columns), gram_block(left + quad));
            }
            let a = select(0.0, MUON_A, rows == columns);
            let linear = gram_block(cell);
            store_polynomial(cell, mat4x4<f32>(
                MUON_C * square[0] + MUON_B * linear[0] + vec4<f32>(a, 0.0, 0.0, 0.0),
                MUON_C * square[1] + MUON_B * linear[1] + vec4<f32>(0.0, a, 0.0, 0.0),
                MUON_C * square[2] + MUON_B * linear[2] + vec4<f32>(0.0, 0.0, a, 0.0),
                MUON_C * square[3] + MUON_B * linear[3] + vec4<f32>(0.0, 0.0, 0.0, a),
            ));
        }
        workgroupBarrier();
        // AQ and PᵀQ side by side.
        var product = mat4x4<f32>();
        if (part == 0u) {
            for (var quad = 0u; quad < MUON_QUADS; quad++) {
                product = add_here(product, polynomial_block(4u * quad * MUON_QUADS + columns), gram_block(left + quad));
            }
            store_staged(cell, product);
        } else if (part == 1u) {
            for (var quad = 0u; quad < MUON_QUADS; quad++) {
                product = add_here(product, polynomial_block(4u * quad * MUON_QUADS + columns), factor_block(left + quad));
            }
        }
        workgroupBarrier();
        if (part == 0u) {
            var next = mat4x4<f32>();
            for (var quad = 0u; quad < MUON_QUADS; quad++) {
                next = add_here(next, staged_block(4u * quad * MUON_QUADS + columns), polynomial_block(left + quad));
            }
            store_gram(cell, next);
        } else if (part == 1u) {
            store_factor(cell, product);
        }
        workgroupBarrier();
    }
}
