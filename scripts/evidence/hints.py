"""A line per kernel: what its time is spent on, as far as the figures tell, and the way to a profile."""

import shlex

from evidence.common import Problem

# The work that the peers do as well: a step of it is the figure that devices are compared by.
STEP = ["--recipe", "full-batch-adamw", "--activation", "relu"]
STEP_NAME = "full-batch-adamw-relu"
# Values that a shape's properties can have (src/gpu/layout/tiling.rs); a tile needs 12 lanes per example.
SHAPES = {
    "tile": [2, 4, 6, 8, 10],
    "lanes": [96, 128, 192, 256],
    "groups": [16, 32, 64, 128, 264, 528],
    "weights": ["uniform", "storage"],
    "input": ["kept", "reread"],
    "checks": ["on", "off"],
}


def shape_of(kernels):
    """The properties of fused kernels; only checks=off is written."""
    return {**dict(part.split("=") for part in kernels.removeprefix("fused:").split(",")),
            "checks": "off" if kernels.endswith(",checks=off") else "on"}


def hints(evidence):
    """A line per kernel: what its time is spent on, as far as the figures tell, and the way to a profile."""
    rows = {}
    for recipe in evidence.figures.get("recipes", []):
        for kernel in recipe["kernels"]:
            rows.setdefault(kernel["kernel"], (recipe, kernel))
    if not rows:
        raise Problem("no time of a kernel was measured: the adapter offers no timestamps, or no step ran")
    lines = {one["kernel"]: one for one in evidence.figures.get("examples", {}).get("kernels", [])}
    return [hint(evidence, recipe, kernel, lines.get(kernel["kernel"])) for recipe, kernel in rows.values()]


def hint(evidence, recipe, kernel, fit):
    of_step = kernel["ms"] / recipe["step_ms"]["median"]
    share = kernel.get("share_of_peak")
    says = [f"{of_step:.0%} of a step of {recipe['recipe']}"]
    if share is not None:
        says.append(f"{share:.0%} of the measured peak")
    if fit:
        at_zero = min(max(fit["fixed_ms"], 0) / kernel["ms"], 1)
        says.append(f"{at_zero:.0%} of its time does not depend on the number of examples")
        if share is not None and at_zero < 0.5:
            arithmetic = recipe["needed_gflops"] * recipe["step_ms"]["median"] / recipe["examples"] / recipe["peak_gflops"]
            says.append(f"each further example takes {fit['us_per_example'] / (1e3 * arithmetic):.1f} times its arithmetic")
    sensitive = sensitivity(evidence.figures.get("shapes", [])) if kernel["kernel"] == "forward_backward" else []
    says += sensitive
    return {
        "kernel": kernel["kernel"],
        "recipe": recipe["recipe"],
        "ms": kernel["ms"],
        "share_of_step": of_step,
        "share_of_peak": share,
        "fit": fit,
        "hint": "; ".join(says),
        "profile": profiler(evidence, recipe["recipe"], kernel["kernel"]),
    }


def sensitivity(rows):
    """The change of the step by the best other value of each property of the shape."""
    fused = [row for row in rows if row["step_ms"] and row["variant"].startswith("fused:")]
    if not fused:
        return []
    parts = [shape_of(row["variant"]) for row in fused]
    base, times = parts[0], [row["step_ms"]["median"] for row in fused]
    says = []
    for name in SHAPES:
        others = [(time, shape[name]) for shape, time in zip(parts, times) if shape[name] != base[name]]
        if others:
            best, value = min(others)
            says.append(f"{name} {base[name]} → {value}: {best / times[0] - 1:+.0%}")
    return says


def profiler(evidence, recipe, kernel):
    """A command that profiles the kernel in a run of its own, for the vendor's tool."""
    one = evidence.index["adapter"]
    flags = STEP if recipe == STEP_NAME else ["--recipe", recipe]
    run = "gpu-train bench --engine gpu --seconds 5 " + shlex.join([*flags, *evidence.on_adapter])
    name = f"{one['name']} {one['driver']}".lower()
    if one["backend"] == "metal":
        return f"xctrace record --template 'Metal System Trace' --launch -- {run}; dispatches labelled {kernel}"
    if "nvidia" in name:
        return f"ngfx --activity='GPU Trace Profiler' --exe gpu-train --args '{run[10:]}'; dispatches labelled {kernel}"
    if "amd" in name or "radeon" in name or "radv" in name:
        return f"MESA_VK_TRACE=rgp MESA_VK_TRACE_TRIGGER=/tmp/trace {run}; open it in Radeon GPU Profiler at {kernel}"
    if "intel" in name:
        return f"vtune -collect gpu-hotspots -- {run}; compute task {kernel}"
    return f"perf record -g -- {run}; the JIT's code has no names"
