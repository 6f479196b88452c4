#!/usr/bin/env python3
"""Reads an event file of --tensorboard with TensorBoard's reader and compares it with --metrics of the same run.

    scripts/check-tensorboard.py DIR METRICS.jsonl

Needs Python's tensorboard. Prints one line and exits 0 if every scalar of every evaluation is present and equal.
Without arguments it only reports, by its exit code, whether its packages are installed.
"""

import json
import sys

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def expected(metrics):
    """tag -> [(step, value as f32)], from all rows after the first, which holds the recipe."""
    head, *rows = [json.loads(line) for line in open(metrics, encoding="utf-8")]
    scalars = {}
    for row in rows:
        # The step is the epoch, counted from 0; one full-batch update is one epoch.
        examples = row["train"]["examples"] if head["recipe"]["batch"] == "per-example" else 1
        step = (row["step"] - 1) // examples
        for split in ("train", "test"):
            for tag, value in (("error", 100 * row[split]["error"]), ("loss", row[split]["loss"])):
                scalars.setdefault(f"{tag}/{split}", []).append((step, np.float32(value)))
    return scalars


def main():
    if not sys.argv[1:]:
        return  # the packages are installed
    folder, metrics = sys.argv[1:]
    events = EventAccumulator(folder)
    events.Reload()
    tags = set(events.Tags()["scalars"])
    want = expected(metrics)
    if tags != set(want) | {"learning_rate"}:
        sys.exit(f"{folder}: found tags {sorted(tags)}, expected {sorted(want)} and learning_rate")
    for tag, points in want.items():
        got = [(event.step, np.float32(event.value)) for event in events.Scalars(tag)]
        if got != points:
            sys.exit(f"{folder}: {tag}: found {got}, expected {points}")
    count = len(events.Scalars("learning_rate"))
    if count == 0 or any(len(points) != count for points in want.values()):
        sys.exit(f"{folder}: learning_rate: found {count} values, expected one per evaluation")
    print(f"TensorBoard reads {len(tags)} scalars of {count} evaluations, equal to the metrics")


main()
