"""Runs in which one write, sync, rename, opening for writing or new folder fails, each in turn."""

import pathlib
import shutil

from .common import contents, differences, digits, mnist, temporaries

FULL = ["--device", "cpu", "--no-baseline", "--recipe", "full-batch-muon"]
SHORT = ["--examples", "64", "--passes", "2"]


class Command:
    """A command whose files are all in the folder that it is started in."""

    def __init__(self, name, arguments, *, before=None, resumes=False, cache=False, old=()):
        self.name, self.arguments, self.before = name, arguments, before
        self.resumes, self.cache, self.old = resumes, cache, old

    def all_arguments(self, folder):
        resume = ["--resume", "run.ckpt"] if self.resumes and (folder / "run.ckpt").exists() else []
        return [*self.arguments, *resume]


def commands(soak):
    made = soak.folder / "made"
    weights, reproduced = made / "net", made / "runs"
    if not made.exists():
        made.mkdir()
        soak.succeed([*FULL, "--steps", "3", "--save", str(weights)], made)
        soak.succeed(["reproduce", "--rows", "stage-0,full-batch-0", "--seeds", "2", *SHORT, "--out", str(reproduced)], made)
    here = str(digits(soak.folder / "digits"))
    copy = lambda folder: shutil.copytree(reproduced, folder / "runs", ignore=shutil.ignore_patterns("report"))
    of_run = ["--save", "net", "--checkpoint", "run.ckpt", "--checkpoint-every", "1", "--metrics", "metrics.jsonl"]
    found = [
        Command("a full batch: checkpoint, metrics, events, weights",
                [*FULL, "--steps", "4", *of_run, "--tensorboard", "board"], resumes=True),
        Command("batch 1: checkpoint, metrics, weights",
                ["--per-example", "--zip-code", here, "--passes", "3", *of_run], resumes=True),
        Command("reproduce, with its report",
                ["reproduce", "--rows", "stage-0,full-batch-0", "--seeds", "2", *SHORT, "--jobs", "2", "--out", "runs"]),
        Command("race", ["race", "--recipe", "full-batch-random", *SHORT, "--seeds", "2", "--out", "race.json"]),
        Command("search", ["search", "--recipe", "full-batch-muon", "--lengths", "2", "--candidates", "3", "--folds", "2",
                           "--zip-code", here, "--work", "work", "--out", "search.jsonl"]),
        Command("report", ["report", "runs", "--out", "pictures"], before=copy),
        Command("export", ["export", "--weights", str(weights), "--onnx", "net.onnx", "--scores", "scores"],
                old=["net.onnx", "scores"]),
        Command("predict --train", ["predict", "--train", "--steps", "2", "--weights", "net"], old=["net"]),
        Command("data prepare", ["data", "prepare", "--mnist", str(mnist(soak.folder / "mnist")), "--out", "data"]),
        Command("bench", ["bench", "--engine", "per-example", "--seconds", "0.05", "--out", "bench.json"]),
    ]
    if soak.adapter is not None:
        # The kernels that compile fastest.
        adapter = ["--device", "software", "--kernels", "layered", "--no-baseline", "--recipe", "full-batch-adamw", "--steps", "1",
                   "--save", "net"]
        found.append(Command("a software adapter, with its caches", adapter, cache=True))
    return found


class Failing:
    """One command, and the library that lets a call fail."""

    def __init__(self, soak, command, library):
        self.soak, self.command, self.library = soak, command, library
        self.wrong = []

    def folder(self, name):
        folder = self.soak.fresh(name)
        for file in self.command.old:
            (folder / file).write_text("old")
        if self.command.before is not None:
            self.command.before(folder)
        return folder

    def run(self, folder, fails=None, short=False):
        """Code, standard error, and the calls as (name, path)."""
        log = self.soak.folder / "calls"
        log.unlink(missing_ok=True)
        # Without the driver's own cache, whose failures are none of the program's.
        others = {"XDG_CACHE_HOME": str(folder / "cache"), "MESA_SHADER_CACHE_DISABLE": "true"} if self.command.cache else {}
        if fails is not None:
            others |= {"LD_PRELOAD": self.library, "SOAK_FOLDER": str(folder.resolve()), "SOAK_LOG": str(log),
                       "SOAK_FAIL": str(fails), "SOAK_SHORT": str(int(short))}
        code, _, error = self.soak.run([*self.command.all_arguments(folder), "-q"], folder, **others)
        lines = log.read_text().splitlines() if log.exists() else []
        return code, error, [line.split(" ", 2)[1:] for line in lines]

    def one(self, number, short, expected):
        """Lets a call fail. Tells how the program took it: `refused`, `went on`, or nothing if there was no such call."""
        folder = self.folder("failing")
        before = contents_or_old(folder, self.command.old)
        code, error, calls = self.run(folder, number, short)
        if len(calls) < number:
            return None
        call, path = calls[number - 1]
        complain = lambda what: self.wrong.append(f"{call} {pathlib.Path(path).name} ({number}): {what}")
        lines = [line for line in error.splitlines() if line.strip()]
        if code == 0:
            if not self.may_go_on(call, path):
                complain("found exit code 0, expected 1")
        elif code != 1 or len(lines) != 1 or not lines[0].startswith("error: ") or target(path) not in lines[0]:
            complain(f"found exit code {code} and {lines}, expected 1 and a line with {target(path)}")
        for name in temporaries(folder):
            complain(f"{name} is left")
        try:
            found = contents_or_old(folder, self.command.old)
        except (ValueError, KeyError, IndexError) as problem:
            complain(f"a file is not whole: {problem}")
            found = {}
        for name in self.command.old:
            if found.get(name) not in (before[name], expected[name]):
                complain(f"{name} is neither the old nor the new one")
        code, error, _ = self.run(folder)
        if code != 0:
            complain(f"without a failure, found exit code {code}: {error.strip()[-200:]}")
        else:
            for difference in differences(comparable(contents(folder)), expected):
                complain(f"without a failure, {difference}")
        return "refused" if len(lines) else "went on"

    def may_go_on(self, call, path):
        """A synced folder is best effort, and so is the cache."""
        is_folder = not pathlib.Path(path).suffix and pathlib.Path(path).is_dir() or path.endswith("/.")
        return (call == "fsync" and is_folder) or (self.command.cache and "/cache" in path)

    def all(self, most):
        folder = self.folder("failing")
        code, error, calls = self.run(folder, 0)
        if code != 0 or not calls:
            self.wrong.append(f"unbroken: found exit code {code} and {len(calls)} calls: {error.strip()[-200:]}")
        expected = comparable(contents(folder))
        count = min(most, len(calls))
        numbers = sorted({1 + index * len(calls) // max(count, 1) for index in range(count)})
        results = []
        for number in numbers:
            if self.soak.is_over():
                break
            results.append(self.one(number, number % 2 == 0, expected))
        counts = {"calls": len(calls), "runs": len(results) - results.count(None), "refused": results.count("refused"),
                  "went_on": results.count("went on")}
        self.soak.row("writes", self.command.name, **counts, wrong=self.wrong)


def target(path):
    """Name of the file that a call is for: a temporary file becomes another."""
    name = pathlib.Path(path).name
    return name[1:].split(".gpu-train-")[0] if ".gpu-train-" in name else name


def comparable(found):
    """Without what differs from run to run: a benchmark's figures, events, which a second run adds to, and caches."""
    return {name: None if name in {"bench.json", "events"} else content for name, content in found.items()
            if not name.startswith("cache/")}


def contents_or_old(folder, old):
    """Contents, and the text of files that may be old ones."""
    is_old = lambda name: (folder / name).exists() and (folder / name).read_bytes() == b"old"
    olds = {name: "old" for name in old if is_old(name)}
    aside = {}
    for name in olds:
        aside[name] = (folder / name).read_bytes()
        (folder / name).unlink()
    found = contents(folder)
    for name, data in aside.items():
        (folder / name).write_bytes(data)
    return found | olds


def run(soak, most):
    library = soak.library("failing-writes")
    for command in commands(soak):
        Failing(soak, command, library).all(most)
