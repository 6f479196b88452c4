"""Runs that are killed by SIGKILL at random moments and resumed until they end, with the bytes of an unbroken run."""

import shutil
import signal
import time

from .common import checkpoint_step, contents, differences, digits, temporaries

FULL = ["--device", "cpu", "--no-baseline", "--recipe"]
# Name, share of the kills, command. Trainings have several steps, and a checkpoint after each.
TRAININGS = [
    ("cpu: full-batch-random, whitened Muon", 110, [*FULL, "full-batch-random", "--steps", "40"]),
    ("cpu: full-batch-muon", 110, [*FULL, "full-batch-muon", "--steps", "40"]),
    ("cpu: full-batch-modern, with shifts and dropout", 110, [*FULL, "full-batch-modern", "--steps", "40"]),
    ("cpu: full-batch-adamw", 90, [*FULL, "full-batch-adamw", "--steps", "40"]),
    ("cpu: full-batch-softmax, SGD", 90, [*FULL, "full-batch-softmax", "--steps", "40"]),
    ("per-example: dropout, SGD with momentum", 110,
     ["--per-example", "--recipe", "dropout", "--passes", "12", "--optimizer", "sgd", "--momentum=0.5"]),
    ("per-example: newton-1989", 50, ["--per-example", "--recipe", "newton-1989", "--passes", "8"]),
    ("reference: full-batch, on 100 digits", 60,
     ["--device", "reference", "--no-baseline", "--zip-code", "DIGITS", "--recipe", "full-batch-random", "--steps", "40"]),
    ("gpu: full-batch-muon on a software adapter", 70,
     ["--device", "software", "--no-tune", "--no-baseline", "--recipe", "full-batch-muon", "--steps", "12"]),
]
SHORT = ["--examples", "64"]
# Name, share of the kills, command, the file that is written last.
FOLDERS = [
    ("reproduce", 80,
     ["reproduce", "--rows", "stage-0,stage-4,full-batch-0", "--seeds", "3", *SHORT, "--passes", "150", "--jobs", "2", "--out", "runs"],
     "runs/report/report.html"),
    ("race", 60, ["race", "--recipe", "per-example,full-batch-random", *SHORT, "--passes", "8", "--seeds", "3", "--out", "race.json"],
     "race.svg"),
    ("search", 60,
     ["search", "--recipe", "full-batch-muon", "--lengths", "3", "--candidates", "6", "--folds", "3", "--jobs", "2",
      "--zip-code", "DIGITS", "--work", "work", "--out", "search.jsonl"], None),
]


class Killed:
    """One command, killed over and over."""

    def __init__(self, soak, name, command, last_file=None):
        self.soak, self.name, self.last_file = soak, name, last_file
        here = digits(soak.folder / "digits")
        self.command = [str(here) if word == "DIGITS" else word for word in command]
        self.is_training = name not in {folder[0] for folder in FOLDERS}
        self.counts = {"kills": 0, "kills_before_the_first_checkpoint": 0, "kills_after_the_last": 0, "resumed": 0, "ends": 0}
        self.wrong = []

    def unbroken(self):
        """Contents and seconds of an uninterrupted run."""
        folder = self.soak.fresh("unbroken")
        started = time.monotonic()
        self.soak.succeed([*self.command, *self.flags(folder)], folder)
        took = time.monotonic() - started
        return self.contents(folder), took, checkpoint_step(folder / "run.ckpt")

    def flags(self, folder):
        if not self.is_training:
            return ["-q"]
        resume = ["--resume", "run.ckpt"] if (folder / "run.ckpt").exists() else []
        return ["-q", "--save", "net", "--checkpoint", "run.ckpt", "--checkpoint-every", "1", "--metrics", "metrics.jsonl", *resume]

    def contents(self, folder):
        return contents(folder)

    def progress(self, folder):
        """Something that changes when the run gets on."""
        if not self.is_training:
            return sum(1 for _ in folder.rglob("*.json"))
        try:
            return (folder / "run.ckpt").stat().st_ino
        except FileNotFoundError:
            return 0

    def wait(self, process, folder, whole):
        """Sleeps until a random moment: mostly soon after the run got on, else at any time."""
        draw = self.soak.random
        if draw.random() < 0.3:
            process_ends(process, whole * draw.random())
            return
        before, started = self.progress(folder), time.monotonic()
        while process.poll() is None and self.progress(folder) == before and time.monotonic() - started < 60:
            time.sleep(0.001)
        process_ends(process, 0.03 * draw.random())

    def once(self, folder, whole, steps, kills):
        """Starts or resumes the run, and kills it if there are kills left. Tells whether it ended by itself."""
        self.counts["resumed"] += self.progress(folder) != 0
        process = self.soak.start([*self.command, *self.flags(folder)], folder)
        if kills:
            self.wait(process, folder, whole)
            if not self.is_training and self.soak.random.random() < 0.25:
                # A run in progress is saved, and perhaps killed as it is.
                process.send_signal(signal.SIGTERM)
                process_ends(process, 0.02 * self.soak.random.random())
            process.send_signal(signal.SIGKILL)
        _, error = process.communicate()
        if process.returncode == -signal.SIGKILL:
            self.count(folder, steps)
        elif process.returncode not in ({0, 130, -signal.SIGTERM} if kills else {0}):
            self.wrong.append(f"exit code {process.returncode}: {error.strip()[-300:]}")
        return process.returncode == 0

    def count(self, folder, steps):
        if self.is_training:
            step = checkpoint_step(folder / "run.ckpt")
            key = "kills_before_the_first_checkpoint" if step is None else "kills_after_the_last" if step == steps else "kills"
        else:
            is_over = self.last_file is not None and (folder / self.last_file).exists()
            has_begun = any(folder.rglob(".lock"))
            key = "kills_after_the_last" if is_over else "kills" if has_begun else "kills_before_the_first_checkpoint"
        self.counts[key] += 1

    def run(self, kills):
        expected, whole, steps = self.unbroken()
        folder = self.soak.fresh("killed")
        while (self.counts["kills"] < kills and not self.soak.is_over()) or any(folder.iterdir()):
            left = kills - self.counts["kills"]
            if self.once(folder, whole, steps, left > 0 and not self.soak.is_over()):
                self.counts["ends"] += 1
                self.wrong += differences(self.contents(folder), expected)
                self.wrong += [f"{name} is left" for name in temporaries(folder)]
                shutil.rmtree(folder)
                folder.mkdir()
            if len(self.wrong) > 20:
                break
        self.soak.row("kills", self.name, **self.counts, wrong=self.wrong)


def process_ends(process, seconds):
    """Waits for the end of a process, for some seconds at most."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        time.sleep(min(0.001, seconds))


def run(soak, kills, part_of_name):
    cases = [(*training, None) for training in TRAININGS] + FOLDERS
    of_all = sum(case[1] for case in cases)
    for name, share, command, last_file in cases:
        if part_of_name not in name:
            continue
        if "software" in command and soak.adapter is None:
            print(f"kills: {name}: left out, found no software adapter", flush=True)
            continue
        Killed(soak, name, command, last_file).run(max(1, round(kills * share / of_all)))
