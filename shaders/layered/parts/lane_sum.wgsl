// Sums over the 64 lanes of a workgroup, eight vectors ("slots") at a time, always in the same order.
//
// Each lane puts its eight values; `slot_total` must be reached by all lanes.

const SLOTS: u32 = 8u;
var<workgroup> slots: array<vec4<f32>, SLOTS * LANES>;

fn put(slot: u32, lane: u32, value: vec4<f32>) {
    slots[slot * LANES + lane] = value;
}

// Returns the sum of slot s to lane s < 8, nothing of use to the others.
fn slot_total(lane: u32) -> vec4<f32> {
    workgroupBarrier();
    // Eight lanes per slot; neighbouring lanes read neighbouring addresses.
    let first = (lane / 8u) * LANES + lane % 8u;
    var sum = slots[first];
    for (var i = 1u; i < 8u; i++) {
        sum += slots[first + 8u * i];
    }
    workgroupBarrier();
    slots[lane] = sum;
    workgroupBarrier();
    var total = vec4<f32>(0.0);
    for (var i = 0u; i < 8u; i++) {
        total += slots[(lane % 8u) * 8u + i];
    }
    workgroupBarrier();
    return total;
}

// Puts the columns of two matrices: slot 4·(which matrix) + column.
fn put_pair(lane: u32, first: mat4x4<f32>, second: mat4x4<f32>) {
    put(0u, lane, first[0]);
    put(1u, lane, first[1]);
    put(2u, lane, first[2]);
    put(3u, lane, first[3]);
    put(4u, lane, second[0]);
    put(5u, lane, second[1]);
    put(6u, lane, second[2]);
    put(7u, lane, second[3]);
}
