"""Shared by all parts: where they are, files, and the machine."""

import datetime
import json
import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
IS_PACKED = (HERE / "pack.json").exists()
SUFFIX = ".exe" if os.name == "nt" else ""


class Problem(Exception):
    """A failure to report in one line."""


def output_of(*command):
    try:
        return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")


def write(path, text):
    """Writes a file as a whole or not at all, without the path of the user's folder."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_text(text.replace(str(Path.home()), "~"), encoding="utf-8")
    unfinished.replace(path)


def write_json(path, value):
    write(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")
