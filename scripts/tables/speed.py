"""The race, other frameworks, steps on processors, ranks and networks."""

from common import contestants, digits, interval, read, table, times


def race():
    """The race's contestants, next to the essay."""
    names = {
        "batch 1: reproduction": "**batch 1, one CPU core**: the essay's recipe, 23 epochs (`reproduction`)",
        "batch 1: per-example": "batch 1, one core: searched recipe, 5 epochs (`per-example`)",
        "batch 1: per-example-closed-form": "the same from the closed-form start, 4 epochs (`per-example-closed-form`)",
        "cpu, 1 core: full-batch": "**full batch, one CPU core**: closed-form start, 4 steps (`full-batch`)",
        "cpu, 2 cores: full-batch": "**full batch, two CPU cores**: the same",
        "cpu, 1 core: full-batch-random": "full batch, one core: drawn weights, 20 steps (`full-batch-random`)",
        "cpu, 2 cores: full-batch-random": "full batch, two cores: the same",
    }
    rows = [["the essay: PyTorch, batch 1, M1 laptop CPU (one run)", "90 s", "1", "82"]]
    for one in read("race.json")["contestants"]:
        standing = one["standing"]
        undecided = " (undecided)" if standing["undecided"] else ""
        rows.append([
            names[one["name"]],
            f"{digits(standing['train']['median'])} s",
            f"{standing['over_essay']:.0f}",
            interval(standing["misses"]) + undecided,
        ])
    rows.append(["full batch on a GPU", "not measured: none was at hand", "", ""])
    return table(["trainer", "training time", "times as fast as the essay", "mean misses"], rows)


def peers():
    """Other frameworks: the best variant of each of the rounds, and the obvious code in PyTorch."""
    versions = read("peers-cpu.json")["versions"]
    columns = {"full-batch-cpu": "ms", "batch-1": "µs", "whole-run-cpu": "ms"}
    obvious = ["torch h2=grouped", "torch h2=grouped+threads=1"]

    def cells(category, name):
        found = contestants(category, "" if name == "obvious" else name)
        found = [one for one in found if name != "obvious" or one["name"] in obvious]
        if not found:
            return ["", ""]
        time, ratio = found[0]["spread"][1], found[0]["ratio"]
        places = 1 if time < 50 else 0
        without = " (no autograd)" if "by-hand" in found[0]["name"] else ""
        # gpu-train has no ratio to itself.
        return [f"{time:,.{places}f} {columns[category]}{without}", times(ratio) if ratio else "1"]

    torch, jax, burn = (versions[name].split("+")[0] for name in ["torch", "jax", "burn"])
    rows = {
        "`gpu-train`": "gpu-train",
        f"JAX {jax}, the best variant found": "jax",
        f"PyTorch {'.'.join(torch.split('.')[:2])}, the best variant found": "torch",
        "PyTorch, the obvious code": "obvious",
        f"burn {burn} (flex)": "burn",
    }
    rows = [[title, *(cell for category in columns for cell in cells(category, name))] for title, name in rows.items()]
    return table(["", "full-batch step", "ratio", "batch 1, per example", "ratio", "`full-batch` to 82 misses", "ratio"], rows)


def cpu():
    """The full batch on the CPU, on each machine that measured it."""
    machines = {
        "bench-cpu.json": "Intel Xeon with AVX-512",
        "bench-cpu-zen5.json": "AMD EPYC, Zen 5",
        "bench-cpu-zen4.json": "AMD EPYC, Zen 4",
    }
    rows = []
    for name, machine in machines.items():
        found = read(name)
        engine = found["engines"][0]
        nominal, peak = engine["gflops"], engine["peak_gflops"]
        # The oldest file has nominal figures only; `share_of_peak` was theirs.
        needed = engine.get("needed_gflops") or nominal * 134_268 / 171_780
        rows.append([
            f"{machine}, {found['date']} (`results/{name}`)",
            f"{digits(engine['step_ms']['median'])} ms",
            f"{nominal:.1f} GFLOP/s",
            f"{needed:.1f}",
            f"{peak:.1f}",
            f"**{100 * needed / peak:.0f}%**",
            f"{100 * nominal / peak:.0f}%",
        ])
    heads = ["machine, two cores", "step, median", "nominal", "needed", "peak", "share of the peak", "nominal share"]
    return table(heads, rows)


def step_cost():
    """Cost of a step next to plain SGD."""
    found = {(row["cores"], row["variant"]): row for row in read("step-cost.json")["rows"]}
    cores = sorted({cores for cores, _ in found})

    def cost(cores, variant):
        row = found[cores, variant]
        return f"{row['ms_per_step_median']:.2f} ms, {row['over_plain_sgd']:.2f} times"

    plain = "full-batch, plain SGD"
    rows = [
        ["plain SGD", *(f"{found[count, plain]['ms_per_step_median']:.2f} ms" for count in cores)],
        ["`full-batch`: whitened Muon, statistics once", *(cost(count, "full-batch") for count in cores)],
        ["`full-batch-random`: new statistics every third step", *(cost(count, "full-batch-random") for count in cores)],
    ]
    return table(["", *("one core" if count == 1 else "two cores" for count in cores)], rows)


def ranks():
    """Steps on threads and on MPI ranks."""
    rows = [
        [
            f"{row['examples']:,}",
            *(f"{digits(row[key], 4 if row[key] >= 1000 else 3)} ms" for key in ["1_thread_ms", "2_threads_ms", "2_ranks_ms"]),
            f"{100 * row['threads_over_ranks']:.0f}%",
        ]
        for row in read("clusters.json")["steps"]
    ]
    heads = ["examples", "one thread", "two threads", "two ranks of one thread", "speed of ranks, of threads"]
    return table(heads, rows)


def messages():
    """The messages of a step between two ranks."""
    rows = [
        [way, *(f"{row[key]:.0f} µs" for key in ["broadcast_us", "all_to_all_us", "gather_us", "sum_us"])]
        for way, row in read("clusters.json")["exchange"].items()
    ]
    return table(["", "weights", "blocks' gradients", "slices' sums", "together"], rows)


def ranks_on_paper():
    """The number of ranks at which a step stops getting faster."""
    found = read("clusters.json")["on_paper"]
    networks = list(dict.fromkeys(row["network"] for row in found))
    rows = {}
    for row in found:
        ms = row["fastest_ms"]
        time = f"{digits(ms / 1e3)} s" if ms >= 1e3 else f"{digits(ms)} ms"
        times = f"{row['times_as_fast']:.{1 if row['times_as_fast'] < 10 else 0}f}"
        text = f"{row['fastest_ranks']} ranks, {time}, {times} times as fast as one"
        rows.setdefault(row["examples"], []).append(text)
    return table(["examples", *networks], [[f"{examples:,}", *texts] for examples, texts in rows.items()])


FIGURES = {
    "race": race,
    "peers": peers,
    "cpu": cpu,
    "step-cost": step_cost,
    "ranks": ranks,
    "messages": messages,
    "ranks-on-paper": ranks_on_paper,
}
