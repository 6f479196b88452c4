"""As many threads as 24 cores would get."""

import statistics
import time

from .common import contents, differences

RECIPES = ["full-batch", "full-batch-random", "full-batch-muon", "full-batch-modern", "full-batch-adamw"]
CORES = "24"


def run(soak, rounds=3):
    many = {"LD_PRELOAD": soak.library("many-cores"), "SOAK_CORES": CORES}
    wrong, ratios = [], []
    for recipe in RECIPES:
        command = ["--device", "cpu", "--no-baseline", "--recipe", recipe, "--steps", "30", "--save", "net"]
        for _ in range(rounds):
            found = {}
            for name, others in [("all", {}), ("24", many)]:
                folder = soak.fresh(f"threads-{name}")
                started = time.monotonic()
                out, _ = soak.succeed(command, folder, timeout=300, **others)
                found[name] = (time.monotonic() - started, contents(folder), out)
            wrong += differences(found["24"][1], found["all"][1])
            ratios.append(found["24"][0] / found["all"][0])
            if "24 threads" not in found["24"][2]:
                wrong.append("found no run on 24 threads")
    ratio = round(statistics.median(ratios), 2)
    soak.row("threads", "24 threads", runs=2 * len(ratios), times_as_long=ratio, wrong=wrong)

    command = ["reproduce", "--rows", "stage-0,full-batch-0", "--seeds", "6", "--examples", "64", "--passes", "3", "--out", "runs", "-q"]
    soak.succeed([*command, "--jobs", "2"], one := soak.fresh("threads-all"))
    soak.succeed([*command, "--jobs", CORES], other := soak.fresh("threads-24"), timeout=300, **many)
    soak.row("threads", "reproduce --jobs 24", runs=2, wrong=differences(contents(other), contents(one)))
