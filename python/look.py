#!/usr/bin/env python3
"""Reads what gpu-train writes, without any of its code, and draws it with matplotlib.

    gpu-train --per-example --save net.safetensors --metrics metrics.jsonl
    gpu-train race --out race.json
    python3 python/look.py --weights net.safetensors --metrics metrics.jsonl --race race.json --out look.png

Each of the three files is optional. Needs numpy, safetensors and matplotlib. A start for scripts: take the function that you need.
Without arguments it only reports, by its exit code, whether its packages are installed.
"""

import argparse
import json
import sys

import matplotlib
import numpy as np
from safetensors import safe_open

matplotlib.use("Agg")  # no window
from matplotlib import pyplot


def load_weights(path):
    """The tensors by name (those of the reproduction's state_dict), and the net's activation and loss."""
    with safe_open(path, framework="numpy") as file:
        functions = json.loads((file.metadata() or {}).get("gpu-train.functions", "{}"))
        return {name: file.get_tensor(name) for name in file.keys()}, functions


def load_metrics(path):
    """The head (device, recipe) and a list of evaluations: step, seconds, and loss, error and misses on both sets."""
    with open(path, encoding="utf-8") as file:
        head, *rows = [json.loads(line) for line in file]
    return head, rows


def load_race(path):
    """(name, median seconds to trained weights, mean test misses or None) of everything in the race, slowest first."""
    with open(path, encoding="utf-8") as file:
        race = json.load(file)
    rows = [(entry["name"], entry["seconds"], None) for entry in race["published"]]
    for one in race["contestants"]:
        if one["runs"]:
            misses = np.mean([run["test_misses"] for run in one["runs"]])
            rows.append((one["name"], np.median([run["train"] for run in one["runs"]]), misses))
    return sorted(rows, key=lambda row: -row[1])


def draw_kernels(axes, weights):
    """H1's twelve kernels of 5×5 in three rows, with a line of the middle colour between them."""
    kernels = np.pad(weights["H1w"][:, 0], ((0, 0), (0, 1), (0, 1)))
    rows = [np.hstack(kernels[first : first + 4]) for first in (0, 4, 8)]
    limit = np.abs(kernels).max()
    axes.imshow(np.vstack(rows)[:-1, :-1], cmap="RdBu", vmin=-limit, vmax=limit)
    axes.set(title="kernels of H1", xticks=[], yticks=[])


def draw_metrics(axes, head, rows):
    seconds = [row["seconds"] for row in rows]
    for split in ("train", "test"):
        axes.plot(seconds, [100 * row[split]["error"] for row in rows], marker=".", label=split)
    axes.set(title=f"{head['recipe']['name']} on\n{head['device']}", xlabel="seconds", ylabel="error, %", ylim=0)
    axes.legend()


def draw_race(axes, rows):
    names = [name if misses is None else f"{name}: {misses:.1f} misses" for name, _, misses in rows]
    colors = ["tab:grey" if misses is None else "tab:blue" for _, _, misses in rows]
    axes.barh(names, [seconds for _, seconds, _ in rows], color=colors)
    axes.set(title="time to trained weights", xlabel="seconds", xscale="log")
    axes.invert_yaxis()


def main():
    if not sys.argv[1:]:
        return  # the packages are installed
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", metavar="NET.safetensors")
    parser.add_argument("--metrics", metavar="METRICS.jsonl")
    parser.add_argument("--race", metavar="RACE.json")
    parser.add_argument("--out", metavar="FILE", required=True, help="the picture; its ending says which format: png, svg, pdf")
    flags = parser.parse_args()

    draws = []
    if flags.weights:
        weights, functions = load_weights(flags.weights)
        print(f"{flags.weights}: {sum(tensor.size for tensor in weights.values())} parameters, {json.dumps(functions)}")
        draws.append(lambda axes: draw_kernels(axes, weights))
    if flags.metrics:
        head, evaluations = load_metrics(flags.metrics)
        best = min(evaluations, key=lambda row: row["test"]["misses"])
        print(f"{flags.metrics}: {len(evaluations)} evaluations, fewest misses {best['test']['misses']} at step {best['step']}")
        draws.append(lambda axes: draw_metrics(axes, head, evaluations))
    if flags.race:
        race = load_race(flags.race)
        print(f"{flags.race}: {len(race)} times, the shortest {race[-1][1]:.4g} s of {race[-1][0]}")
        draws.append(lambda axes: draw_race(axes, race))
    if not draws:
        parser.error("found none of --weights, --metrics and --race, expected at least one")
    figure = pyplot.figure(figsize=(8, 3.5 * len(draws)), layout="constrained")
    # Each has its own margins.
    for draw, part in zip(draws, figure.subfigures(len(draws), 1, squeeze=False)[:, 0]):
        draw(part.subplots())
    figure.savefig(flags.out, dpi=120)
    print(flags.out)


if __name__ == "__main__":
    main()
