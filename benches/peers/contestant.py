"""The process of every Python peer: checks its work, warms up, times it, prints one JSON line."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

import work

# The least number of samples of a measurement.
LEAST_STEPS = 20


class Contestant(Protocol):
    """A trainer at the start of a run. Every method returns when its results are available, on a GPU too."""

    def gradient(self) -> tuple[float, work.Tensors]:
        """Loss and gradient over the first step's examples. Changes nothing."""

    def train(self, steps: int) -> list[float]:
        """Does the given number of steps and returns the loss before each."""

    def parameters(self) -> work.Tensors:
        """The current weights."""


def arguments(description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("variant", help="options joined by +, in any order")
    parser.add_argument("--work", type=Path, required=True, help="file written by the example peer_work")
    parser.add_argument("--case", required=True)
    parser.add_argument("--device", choices=("cpu", "cuda", "mps"), default="cpu")
    parser.add_argument("--seconds", type=float, default=2.0, help="time to fill with steps")
    given = parser.parse_args()
    # The allocator and the thread pools read their settings at process start.
    missing = environment(given.variant).items() - os.environ.items()
    if missing:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **dict(missing)})
    return given


def environment(variant: str) -> dict[str, str]:
    """Environment variables of a variant's options `malloc` and `threads=N`."""
    settings = {}
    for option in variant.split("+"):
        key, _, value = option.partition("=")
        if key == "malloc":
            # Without these glibc returns freed tensors to the system, and every step allocates them again.
            settings |= {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32)}
        if key == "threads":
            settings |= {"OMP_NUM_THREADS": value, "MKL_NUM_THREADS": value, "NPROC": value}
    return settings


def options(variant: str, known: Sequence[str]) -> dict[str, str]:
    """`h2=dense+chunk=512` as a dictionary; exits at an unknown option."""
    known = (*known, "malloc", "threads=N")
    chosen = {}
    for option in variant.split("+"):
        key, _, value = option.partition("=")
        if option not in known and f"{key}=N" not in known:
            sys.exit(f"variant {variant}: found option {option}, expected some of {', '.join(known)}")
        chosen[key] = value
    return chosen


def summary(samples: Sequence[float]) -> dict[str, float]:
    low, median, high = np.percentile(samples, (10, 50, 90))
    return {"median": float(median), "p10": float(low), "p90": float(high), "samples": len(samples)}


def run(
    case: work.Case,
    make: Callable[[], Contestant],
    block: int,
    seconds: float,
    versions: dict[str, str],
    device: str,
    whole_run: bool = False,
) -> None:
    """Checks and times a contestant; a sample is the mean step time of one call of `block` steps, or all of its time if that is a
    whole run."""
    began = time.perf_counter()
    contestant = make()
    start = {name: value.copy() for name, value in contestant.parameters().items()}
    loss, gradient = contestant.gradient()
    losses = contestant.train(len(case.losses))
    verdict = work.check(case, start, loss, gradient, losses, contestant.parameters())
    first = time.perf_counter() - began
    result: dict[str, Any] = {
        "check": verdict,
        "first_s": first,
        "device": device,
        "versions": {"python": platform.python_version(), **versions},
    }
    if verdict["ok"]:
        contestant.train(block)  # compiles for this length, if compilation depends on the length
        contestant.train(block)
        samples: list[float] = []
        start = time.perf_counter()
        while len(samples) * block < LEAST_STEPS or time.perf_counter() - start < seconds:
            before = time.perf_counter()
            contestant.train(block)
            samples.append((time.perf_counter() - before) / (1 if whole_run else block))
        result["run_ms" if whole_run else "step_ms"] = summary([1e3 * sample for sample in samples])
    print(json.dumps(result))
