// Weights in the layout of the fused kernels (src/gpu/layout/packing.rs): vectors of four maps (or units, or classes), in
// the order of their use. `PACKED_…` are indices of vectors:
//
// - H1W [quad][tap], H1B [quad][8×8]; H2W [quad][half][tap][source of four], H2B [quad][4×4]: four maps
// - H3W [input quad][unit quad][input of four], H3B [unit quad]: four units; units 30 and 31 are zero
// - OUTW [unit quad][class quad][unit of four], OUTB [class quad]: four classes; classes 10 and 11 are zero
//
// An input quad is (map quad, position), its inputs are four maps.

// Four vectors: columns are the layer below (sources, inputs, units), rows the layer above.
fn block(first: u32) -> mat4x4<f32> {
    return mat4x4<f32>(weights[first], weights[first + 1u], weights[first + 2u], weights[first + 3u]);
}

fn h2_block(quad: u32, half: u32, tap: u32) -> u32 {
    return PACKED_H2W + ((2u * quad + half) * TAPS + tap) * 4u;
}

fn h3_block(input_quad: u32, unit_quad: u32) -> u32 {
    return PACKED_H3W + (input_quad * H3_QUADS + unit_quad) * 4u;
}

fn out_block(unit_quad: u32, class_quad: u32) -> u32 {
    return PACKED_OUTW + (unit_quad * CLASS_QUADS + class_quad) * 4u;
}
