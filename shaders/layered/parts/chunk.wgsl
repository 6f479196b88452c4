// A gradient kernel's workgroup sums over a chunk of the examples; each lane takes every 64th of them.

fn chunk_end(chunk: u32) -> u32 {
    return min((chunk + 1u) * EXAMPLES_PER_CHUNK, params.examples);
}

// Index of a chunk's sum of a parameter's gradient: partial is [chunk][parameter].
fn partial_at(chunk: u32, parameter: u32) -> u32 {
    return chunk * PARAMETER_COUNT + parameter;
}
