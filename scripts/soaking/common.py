"""What all parts of the soak share: starting the program, comparing what it leaves, and counting."""

import hashlib
import json
import os
import pathlib
import platform
import random
import re
import shutil
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
# Fields of records that two runs of the same need not have in common; "train" is a time where it is a number.
TIMES = {"date", "command", "seconds", "mean_seconds", "concurrent_runs", "setup", "tuning", "start", "reading", "standing",
         "verdict", "train", "processor", "machine", "wall"}


class Skipped(Exception):
    """A scenario that this machine cannot run, with the reason."""


class Soak:
    """The program, a folder to work in, and the counts so far."""

    def __init__(self, program, folder, seed, deadline):
        self.program = str(pathlib.Path(program).resolve())
        self.folder = folder
        self.deadline = deadline
        self.random = random.Random(seed)
        self.rows = []
        self.cache = folder / "cache"
        self.adapter = self.software_adapter()

    def environment(self, **others):
        kept = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
        return {**kept, "XDG_CACHE_HOME": str(self.cache), "XDG_DATA_HOME": str(self.folder / "data-home"), **others}

    def start(self, arguments, cwd, **others):
        return subprocess.Popen([self.program, *arguments], cwd=cwd, env=self.environment(**others),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, arguments, cwd, timeout=600, **others):
        """Code, standard output and standard error."""
        process = self.start(arguments, cwd, **others)
        try:
            out, error = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return "hung", "", ""
        return process.returncode, out, error

    def succeed(self, arguments, cwd, **others):
        code, out, error = self.run(arguments, cwd, **others)
        if code != 0:
            raise AssertionError(f"{' '.join(arguments)}: found exit code {code}, expected 0: {error.strip()[-400:]}")
        return out, error

    def software_adapter(self):
        """Name of the software adapter, if there is one."""
        _, out, _ = self.run(["devices"], self.folder)
        lines = [line for line in out.splitlines() if "software)" in line and not line.startswith(" ")]
        return lines[0] if lines else None

    def fresh(self, name):
        """An empty folder of this name."""
        path = self.folder / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def library(self, name):
        """A library for LD_PRELOAD, compiled from NAME.c."""
        if sys.platform != "linux":
            raise Skipped("only on Linux")
        compiler = shutil.which(os.environ.get("CC", "cc"))
        if compiler is None:
            raise Skipped("found no C compiler (cc, or $CC)")
        path = self.folder / f"{name}.so"
        if not path.exists():
            command = [compiler, "-O1", "-Wall", "-shared", "-fPIC", "-o", path, HERE / f"{name}.c"]
            subprocess.run(command, check=True)
        return str(path)

    def is_over(self):
        return time.monotonic() > self.deadline

    def row(self, part, name, **counts):
        """A line about a scenario. `wrong` lists what was not as it should be."""
        wrong = counts.pop("wrong", [])
        self.rows.append({"part": part, "name": name, **counts, "wrong": wrong})
        texts = [f"{count} {what.replace('_', ' ')}" for what, count in counts.items()]
        print(f"{part}: {name}: {', '.join(texts)}" + (f"; {len(wrong)} WRONG" if wrong else ""), flush=True)
        for line in wrong[:10]:
            print(f"  {line}", file=sys.stderr, flush=True)


def without_times(value):
    """A record without what two runs of the same need not have in common."""
    if isinstance(value, dict):
        is_time = lambda name, field: name in TIMES and not (name == "train" and isinstance(field, dict))
        return {name: without_times(field) for name, field in value.items() if not is_time(name, field)}
    if isinstance(value, list):
        return [without_times(one) for one in value]
    # The threads of a device are those that other runs leave free, and change nothing.
    return re.sub(r"\b\d+ threads?\b", "some threads", value) if isinstance(value, str) else value


def header(data):
    """The header of a safetensors file; an error if the file is not whole."""
    length, = struct.unpack("<Q", data[:8])
    head = json.loads(data[8:8 + length])
    ends = [tensor["data_offsets"][1] for name, tensor in head.items() if name != "__metadata__"]
    if len(data) != 8 + length + max(ends):
        raise ValueError(f"found {len(data)} bytes, expected {8 + length + max(ends)}")
    return head


def checkpoint_step(path):
    """The step of a checkpoint; none if there is none."""
    if not path.exists():
        return None
    return json.loads(header(path.read_bytes())["__metadata__"]["gpu-train.checkpoint"])["step"]


def content_of(path):
    """What a file must have in common with that of another run; an error if the file is not whole."""
    data = path.read_bytes()
    if path.suffix == ".json":
        return without_times(json.loads(data))
    if path.suffix == ".jsonl":
        return [without_times(json.loads(line)) for line in data.decode().splitlines()]
    if path.suffix in {".svg", ".html", ".md", ".csv"}:
        # Times are written in them.
        text, end = data.decode(), {".svg": "</svg>\n", ".html": "</html>\n"}.get(path.suffix, "\n")
        if not text.endswith(end):
            raise ValueError(f"found no {end!r} at its end")
        return text.count("<svg") or len(text.splitlines()[0])
    if data[8:9] == b"{":
        checkpoint = "gpu-train.checkpoint" in header(data).get("__metadata__", {})
        return "a checkpoint" if checkpoint else hashlib.sha256(data).hexdigest()
    return "an event file" if ".tfevents." in path.name else hashlib.sha256(data).hexdigest()


def contents(folder):
    """Content of every file of a folder by its name in it; event files, which are named by their time, under one name."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(folder))
            found["events" if ".tfevents." in name else name] = content_of(path)
    return found


def differences(found, expected):
    names = [name for name in sorted(found.keys() | expected.keys()) if found.get(name) != expected.get(name)]
    say = lambda name: "is missing" if name not in found else "is there" if name not in expected else "differs"
    return [f"{name} {say(name)}" for name in names]


def temporaries(folder):
    return [path.name for path in folder.rglob("*") if ".gpu-train-" in path.name]


def digits(folder):
    """Made-up zip-code digits: 100 to train on, 40 to test on."""
    noise = random.Random(7)
    folder.mkdir(parents=True, exist_ok=True)
    for name, count in [("zip.train", 100), ("zip.test", 40)]:
        row = lambda label: f"{label} " + " ".join(
            f"{1 if pixel // 24 == label else noise.uniform(-1, 0):.3f}" for pixel in range(256))
        (folder / name).write_text("".join(row(index % 10) + "\n" for index in range(count)))
    return folder


def mnist(folder):
    """Made-up files of MNIST, of its shapes."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = random.Random(8)
    images = [bytes(noise.choices(range(256), k=784)) for _ in range(50)]
    for name, count in [("train", 60000), ("t10k", 10000)]:
        head = struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(head + b"".join(images) * (count // 50))
        labels = bytes(index % 10 for index in range(count))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, count) + labels)
    return folder


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
