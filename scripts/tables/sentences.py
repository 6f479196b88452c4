"""Figures in sentences of README.md and docs/: for each page, its sentences with {} for each figure, and the figures."""

import statistics

from common import contestants, digits, essay_table, essay_tables, interval, read, times


def race():
    """Median training times of the race's contestants, in seconds."""
    return {one["name"]: one["standing"]["train"]["median"] for one in read("race.json")["contestants"]}


def bench(name):
    return read(name)["engines"][0]


def per_example_us(engine):
    """Microseconds of batch 1 for an example: a sample is an epoch."""
    return f"{engine['step_ms']['median'] * 1e3 / engine['examples']:.2f}"


def percent(share):
    return f"{100 * share:.0f}"


def of_peers(category, name):
    """How many times as long as gpu-train the best contestant of that name takes."""
    return times(contestants(category, name)[0]["ratio"])


def large(row):
    return interval(essay_table("reproduce-mnist-50000")[row]["statistics"])


def readme():
    seconds = race()
    one_core, two_cores = seconds["cpu, 1 core: full-batch"], seconds["cpu, 2 cores: full-batch"]
    best, searched = seconds["batch 1: per-example-closed-form"], seconds["batch 1: per-example"]
    on_llvmpipe = read("race-llvmpipe.json")["contestants"][-1]["standing"]["misses"]["mean"]
    return [
        ("searched for the same misses makes batch 1 another {} times as fast.", [f"{seconds['batch 1: reproduction'] / searched:.1f}"]),
        ("on the same core, that is {} times as fast as batch 1;", [f"{best / one_core:.1f}"]),
        ("from drawn weights it is {} times slower than batch 1.", [f"{seconds['cpu, 1 core: full-batch-random'] / searched:.1f}"]),
        ("two cores take {} s, {} times as fast as the best batch 1.", [digits(two_cores), f"{best / two_cores:.1f}"]),
        ("the ones that the net needs are {}% over the full batch and {}% at batch 1",
         [percent(bench(f"bench-{name}.json")["share_of_peak"]) for name in ["cpu", "per-example"]]),
        ("stage 0 misses {} (essay: 54) and the modern recipe {} (essay: 24)", [large("stage-0"), large("stage-4")]),
        ("on the CPU ({} of 2,007 in 5 seeds,", [f"{on_llvmpipe:.1f}"]),
    ]


def performance():
    now, before = bench("bench-per-example.json"), bench("bench-per-example-zen5.json")
    rounds = read("llvmpipe-rounds.json")
    run = bench("bench-llvmpipe-whole-run.json")["whole_run"]
    scale = [f"{one['us_an_example']:.2f}" for one in read("scale-cpu.json")["runs"]]
    memory = read("scale-cpu.json")["runs"][-1]["peak_resident_bytes"]
    return [
        ("it was {} times as fast as the best JAX program and {} times as fast as the best PyTorch program",
         [of_peers("full-batch-cpu", "jax"), of_peers("full-batch-cpu", "torch")]),
        ("An example takes {} µs (median) on the Xeon, **{}%** of one core's peak by needed work and {}% by nominal",
         [per_example_us(now), percent(now["share_of_peak"]), percent(now["nominal_share_of_peak"])]),
        ("On Zen 5 it took {} µs, {}% and {}%,",
         [per_example_us(before), percent(before["share_of_peak"]), percent(before["nominal_share_of_peak"])]),
        ("it was {} times as fast as the obvious PyTorch program, {} times as fast as PyTorch without autograd, and {} times as fast as JAX's",
         [of_peers("batch-1", "torch h2=grouped"), of_peers("batch-1", "torch update=by-hand"), of_peers("batch-1", "jax")]),
        ("{}% pass without a kernel running ({} ms,", [percent(run["host_share"]), f"{run['ms']['median']:,.0f}"]),
        ("A step takes {} ms fused and {} ms layered: fused is **{} times** as fast (median ratio of five interleaved rounds, {} to {};",
         [*(f"{statistics.median(rounds[kernels]):.0f}" for kernels in ["fused_ms", "layered_ms"]),
          *(f"{ratio:.2f}" for ratio in [rounds["ratio_median"], min(rounds["ratios"]), max(rounds["ratios"])])]),
        ("{} µs for 7,291, {} for MNIST's 60,000, {} for 1,000,000 (images generated as they are read, {} MiB in total)",
         [*scale, f"{memory / 2**20:.0f}"]),
    ]


def how_it_works():
    engine = bench("bench-per-example.json")
    return [
        ("takes {} µs for an example, forward, back and update, on an Intel Xeon: {}% of what the core can do at most",
         [per_example_us(engine), percent(engine["share_of_peak"])]),
        ("the obvious PyTorch program took {} times as long per example", [of_peers("batch-1", "torch h2=grouped")]),
    ]


def few_steps():
    runs = {one["cores"]: one["runs"] for one in read("race.json")["contestants"] if one["name"].endswith(": full-batch")}
    ms = lambda of: [f"{1e3 * statistics.median(map(of, runs[cores])):.1f}" for cores in [1, 2]]
    start, step = ms(lambda run: run["start"]), ms(lambda run: (run["train"] - run["start"]) / 4)
    return [("In the race it takes {} ms on one core and {} ms on two, where a step takes {} ms and {} ms", [*start, *step])]


def commands():
    found = read("predict-bench.json")["bench"]
    return [
        ("One core takes {} digits per second from a PNG of 64×64 in memory to a class, {} million where they are 16×16 already",
         [f"{round(found['picture']['digits_per_s'], -2):,.0f}", f"{found['net']['digits_per_s'] / 1e6:.1f}"]),
    ]


def reproduction():
    mnist, zip_codes = essay_tables()
    of = lambda rows, *names: [interval(rows[name]["statistics"]) for name in names]
    return [
        ("at its low end (best of 20 here: {}).", [str(mnist["stage-4"]["statistics"]["best"])]),
        ("neither better nor faster than SGD: {} misses against {} on MNIST as of 1989, {} against {} on the zip codes,",
         [*of(mnist, "newton-1989", "stage-0"), *of(zip_codes, "newton-1989", "stage-0")]),
        ("SGD misses {} zip codes and the paper's optimizer {}.", of(zip_codes, "stage-0-plain", "newton-1989-plain")),
    ]


SENTENCES = {
    "README.md": readme,
    "docs/commands.md": commands,
    "docs/few-steps.md": few_steps,
    "docs/how-it-works.md": how_it_works,
    "docs/performance.md": performance,
    "docs/reproduction.md": reproduction,
}
