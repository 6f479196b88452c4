"""A wall clock that is set back by a day while the program runs, and between two runs."""

import json
import signal

from .common import contents, differences
from .shared import wait_until

DAY = "86400"
FULL = ["--device", "cpu", "--no-baseline", "--recipe", "full-batch-muon", "--steps", "30", "--json"]


def back(soak, after):
    return {"LD_PRELOAD": soak.library("clock-back"), "SOAK_CLOCK_BACK": DAY, "SOAK_CLOCK_AFTER": str(after)}


def insane(report, rows):
    """Times that no run has: of some minutes at most, and increasing."""
    times = [row["seconds"] for row in rows[1:]]
    found = [*report["seconds"].values(), *times]
    wrong = [] if all(0 <= seconds < 600 for seconds in found) else [f"found the times {found}"]
    return wrong + ([] if times == sorted(times) else [f"found the times {times} of metrics"])


def during_a_run(soak):
    wrong = []
    soak.succeed([*FULL, "--save", "net"], folder := soak.fresh("clock-unbroken"))
    expected = contents(folder)["net"]
    moments = range(0, 400, 40)
    for after in moments:
        folder = soak.fresh("clock")
        out, _ = soak.succeed([*FULL, "--save", "net", "--metrics", "metrics.jsonl", "--eval-every", "1", "--tensorboard", "board",
                               "--checkpoint", "run.ckpt", "--checkpoint-every", "1"], folder, **back(soak, after))
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        wrong += insane(json.loads(out), rows)
        if contents(folder)["net"] != expected:
            wrong.append(f"after {after} ms: other weights")
    soak.row("clock", "set back by a day during a run", runs=len(moments), wrong=wrong)


def between_runs(soak, times):
    wrong = []
    soak.succeed([*FULL, "--save", "net"], folder := soak.fresh("clock-unbroken"))
    expected = contents(folder)["net"]
    for _ in range(times):
        folder = soak.fresh("clock")
        begun = soak.start([*FULL, "--checkpoint", "run.ckpt", "--checkpoint-every", "1"], folder)
        wait_until(lambda: (folder / "run.ckpt").exists() or begun.poll() is not None)
        begun.send_signal(signal.SIGINT)
        begun.communicate()
        out, _ = soak.succeed([*FULL, "--resume", "run.ckpt", "--save", "net", "--metrics", "metrics.jsonl"], folder, **back(soak, 0))
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        wrong += insane(json.loads(out), rows)
        if contents(folder)["net"] != expected:
            wrong.append("other weights")
    soak.row("clock", "set back between a checkpoint and its resumption", runs=times, wrong=wrong)


def folders(soak):
    """Half of the runs of a table, then all of it a day earlier."""
    command = ["reproduce", "--rows", "stage-0,full-batch-0", "--examples", "64", "--passes", "3", "--out", "runs", "-q", "--seeds"]
    folder = soak.fresh("clock-unbroken")
    soak.succeed([*command, "4"], folder)
    expected = contents(folder)
    folder = soak.fresh("clock")
    soak.succeed([*command, "2"], folder)
    soak.succeed([*command, "4"], folder, **back(soak, 50))
    soak.row("clock", "set back between two halves of reproduce", runs=1, wrong=differences(contents(folder), expected))


def run(soak):
    during_a_run(soak)
    between_runs(soak, 10)
    folders(soak)
