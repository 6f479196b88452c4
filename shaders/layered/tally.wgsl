// Sums of the examples' losses and misses; in training it also stores the mean loss and advances the step counter.
//
// totals = (Σ example_loss, Σ missed); where params.is_training is 1: losses[slot] = Σ example_loss / examples,
// step ← step + 1, slot ← slot + 1
//
// - example_loss, missed: [examples]; totals: [2], the loss as the bits of an f32
// - progress: the step of the run and the slot in schedule and losses; losses: [slots]
//
// One workgroup, each lane adding every 256th example, then a tree: always in the same order.

@group(0) @binding(1) var<storage, read> example_loss: array<f32>;
@group(0) @binding(2) var<storage, read> missed: array<u32>;
@group(0) @binding(3) var<storage, read_write> totals: array<u32>;
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;
@group(0) @binding(5) var<storage, read_write> progress: array<u32>;

var<workgroup> lane_loss: array<f32, TALLY_LANES>;
var<workgroup> lane_missed: array<u32, TALLY_LANES>;

@compute @workgroup_size(TALLY_LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    var loss_sum = 0.0;
    var missed_sum = 0u;
    for (var example = lane; example < params.examples; example += TALLY_LANES) {
        loss_sum += example_loss[example];
        missed_sum += missed[example];
    }
    lane_loss[lane] = loss_sum;
    lane_missed[lane] = missed_sum;
    workgroupBarrier();
    for (var width = TALLY_LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            lane_loss[lane] += lane_loss[lane + width];
            lane_missed[lane] += lane_missed[lane + width];
        }
        workgroupBarrier();
    }
    if (lane == 0u) {
        totals[0] = bitcast<u32>(lane_loss[0]);
        totals[1] = lane_missed[0];
        if (params.is_training == 1u) {
            losses[progress[SLOT]] = lane_loss[0] / f32(params.examples);
            progress[STEP] += 1u;
            progress[SLOT] += 1u;
        }
    }
}
