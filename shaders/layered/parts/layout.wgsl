// Maps and units are stored in quads, `[quad][position][example]` of vec4<f32>, examples innermost: neighbouring
// invocations handle neighbouring examples and so read neighbouring addresses.

fn at(quad: u32, positions: u32, position: u32, example: u32) -> u32 {
    return (quad * positions + position) * params.examples + example;
}
