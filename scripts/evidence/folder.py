"""The folder: its index, and the programs that fill it."""

import datetime
import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from evidence.common import HERE, SUFFIX, Problem, cores, output_of, today, write, write_json
from evidence.machine import prepare_vulkan
from evidence.page import page
from evidence.programs import programs, provenance

# Version of the form of evidence.json.
SCHEMA = 1
# Lines that are kept of a program that failed.
LAST_LINES = 20


def last_lines(text):
    # Progress lines overwrite each other.
    lines = [line.rpartition("\r")[2].rstrip() for line in text.splitlines()]
    return [line[:300] for line in lines if line][-LAST_LINES:]


class Evidence:
    """The folder, and the stages that fill it."""

    def __init__(self, given, out):
        self.given = given
        self.short = given.short
        self.out = out
        self.programs = programs(given.profile)
        self.environment = dict(os.environ)
        variables, notes = prepare_vulkan(out)
        self.environment.update(variables)
        # Mesa complains of each device where there is none.
        self.environment.setdefault("XDG_RUNTIME_DIR", str(out))
        self.started = time.monotonic()
        # A few seconds for the pictures and the page.
        self.seconds = 60 * given.minutes
        self.deadline = self.started + 0.97 * self.seconds
        self.end = self.deadline
        # Flags that choose the adapter.
        self.on_adapter = []
        version = output_of(str(self.programs["gpu-train"]), "--version")
        self.index = {
            "schema": SCHEMA,
            "version": version.rpartition(" ")[2] or "unknown",
            "date": today(),
            "command": shlex.join(["gpu-evidence", *sys.argv[1:]]),
            "machine": {
                "processor": platform.processor() or platform.machine() or "unknown",
                "cores": cores(),
                "os": platform.system().lower() or "unknown",
            },
            "made_of": provenance(),
            "short": given.short,
            "minutes": given.minutes,
            "seconds": 0.0,
            "notes": notes,
            "adapter": None,
            "stages": [],
            "figures": {},
        }

    @property
    def figures(self):
        return self.index["figures"]

    def save(self):
        self.index["seconds"] = round(time.monotonic() - self.started, 1)
        write_json(self.out / "evidence.json", self.index)
        write(self.out / "evidence.md", page(self.index))

    def stage(self, name, title, share, body):
        """Runs a stage within its share of all minutes, and within what is left of them."""
        began = time.monotonic()
        self.end = min(self.deadline, began + share * self.seconds)
        self.runs = []
        stage = {"name": name, "title": title, "state": "cut", "reason": "interrupted", "seconds": 0.0, "runs": self.runs}
        self.index["stages"].append(stage)
        print(f"{name:<10}", end=" ", flush=True)
        state, reason = "done", None
        try:
            found = body(self)
            if found is not None:
                self.figures[name] = found
        except Problem as problem:
            reason = str(problem)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            state, reason = "failed", f"output not understood: {error!r}"
        states = [run["state"] for run in self.runs]
        explained = [run for run in self.runs if run["reason"]]
        # Those that were not run, by their first.
        late = [run for run in explained if run["state"] == "not-run"]
        reasons = [f"{run['name']}: {run['reason']}" for run in explained if run not in late[1:]]
        reasons += [f"{len(late) - 1} more not run"] if len(late) > 1 else []
        if "failed" in states:
            state = "failed"
        elif state == "done" and (reason or set(states) - {"done"}):
            state = "cut" if set(states) & {"done", "cut"} else "not-run"
        stage["state"], stage["reason"] = state, reason or "; ".join(reasons) or None
        stage["seconds"] = round(time.monotonic() - began, 2)
        self.save()
        reason = f" ({stage['reason'][:200]})" if stage["reason"] else ""
        print(f"{stage['state']:<8} {stage['seconds']:>7.1f} s{reason}", flush=True)

    def left(self):
        return self.end - time.monotonic()

    def call(self, name, command, need=2.0, most=float("inf"), variables=None, output=".json", grace=0.0):
        """Runs a program for `most` seconds or less and returns the JSON that it prints, or None; with fewer than `need`
        seconds left it is not started."""
        left = min(max(self.left(), grace), most)
        command = [str(word) for word in command]
        shown = [Path(command[0]).name.replace(SUFFIX, ""), *command[1:]]
        if command[0] == sys.executable:
            shown = ["python3", Path(command[1]).name, *command[2:]]
        run = {
            "name": name,
            "command": shlex.join(shown).replace(str(self.out), "OUT").replace(str(HERE), "HERE"),
            "started": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "seconds": 0.0,
            "exit": None,
            "state": "not-run",
            "reason": None,
            "file": None,
            "last_lines": [],
        }
        self.runs.append(run)
        if left < need:
            run["reason"] = f"{max(left, 0):.0f} s left, needs {need:.0f}"
            return None
        path = self.out / f"{name}{output}"
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.name + ".new")
        began = time.monotonic()
        with tempfile.TemporaryFile() as errors, open(unfinished, "wb") as printed:
            try:
                child = subprocess.Popen(
                    command,
                    cwd=self.out,
                    env={**self.environment, **(variables or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=errors,
                    start_new_session=os.name == "posix",
                )
            except OSError as error:
                child, run["state"], run["reason"] = None, "failed", str(error)
            if child:
                run["exit"] = finish(child, left)
            errors.seek(0)
            said = errors.read().decode(errors="replace")
        run["seconds"] = round(time.monotonic() - began, 3)
        printed = unfinished.read_text(encoding="utf-8", errors="replace")
        found = None
        if run["exit"] == 0:
            run["state"] = "done"
            if output == ".json":
                try:
                    found = json.loads(printed)
                except ValueError as error:
                    run["state"], run["reason"] = "failed", f"found no JSON ({error})"
        elif child and run["exit"] is None:
            run["state"], run["reason"] = "cut", f"not done after {run['seconds']:.0f} s"
        elif child:
            run["state"], run["reason"] = "failed", f"exit code {run['exit']}"
        if run["state"] == "done" and printed:
            unfinished.replace(path)
            run["file"] = str(path.relative_to(self.out)).replace(os.sep, "/")
        else:
            unfinished.unlink()
        if run["state"] in ("failed", "cut"):
            run["last_lines"] = last_lines(said or printed)
            error = next((line for line in reversed(run["last_lines"]) if line.startswith("error")), None)
            if error and run["state"] == "failed":
                run["reason"] += f", {error}"
        return found

    def train(self, name, *flags, **options):
        """Runs gpu-train on the adapter."""
        return self.call(name, [self.programs["gpu-train"], *flags, *self.on_adapter], **options)

    def bench(self, name, *flags, need=3.0):
        seconds = "0.05" if self.short else "1"
        command = ["bench", "--engine", "gpu", "--json", "--seconds", seconds, *flags]
        found = self.train(name, *command, need=need)
        return found and found["engines"][0]


def finish(child, seconds):
    """The exit code, or None of a program that had to be ended."""
    try:
        return child.wait(max(seconds, 0.1))
    except subprocess.TimeoutExpired:
        pass
    except KeyboardInterrupt:
        end(child)
        raise
    end(child)
    return None


def end(child):
    """Ends a program and those that it started: first as Ctrl-C would, so that it keeps what it has."""
    ways = [child.terminate, child.kill]
    if os.name == "posix":
        ways = [lambda which=which: os.killpg(child.pid, which) for which in (signal.SIGINT, signal.SIGKILL)]
    for way in ways:
        try:
            way()
            child.wait(5)
        except (subprocess.TimeoutExpired, OSError):
            continue
