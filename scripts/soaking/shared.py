"""Two programs on one folder, one cache, one checkpoint, one file."""

import hashlib
import signal
import time

from .common import checkpoint_step, contents, temporaries

AT_WORK = "at work"
FULL = ["--device", "cpu", "--no-baseline", "--recipe", "full-batch-muon"]


def wait_until(holds, seconds=30):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.002)


def refused(code, error, part):
    lines = [line for line in error.splitlines() if line.strip()]
    is_right = code == 1 and len(lines) == 1 and part in error
    return [] if is_right else [f"found exit code {code} and {lines}, expected 1 and a line with {part!r}"]


def folders(soak, times):
    short = ["--examples", "64", "--passes", "400"]
    for name, command, inside in [
        ("one folder of reproduce", ["reproduce", "--rows", "stage-0", "--seeds", "4", *short, "--out", "runs"], "runs"),
        ("one folder of race", ["race", "--recipe", "per-example", *short, "--seeds", "3", "--out", "race.json"], "race-runs"),
        ("one folder of search", ["search", "--recipe", "full-batch-muon", "--lengths", "3", "--candidates", "6", "--folds", "3",
                                  "--work", "work", "--out", "search.jsonl"], "work"),
    ]:
        wrong, count = [], 0
        for _ in range(times):
            folder = soak.fresh("shared")
            first = soak.start([*command, "-q"], folder)
            wait_until(lambda: any((folder / inside).glob("experiment.json")) or any((folder / inside).glob("*-*.json")))
            code, _, error = soak.run([*command, "-q"], folder)
            if first.poll() is None:
                wrong += refused(code, error, AT_WORK)
                count += 1
            _, error = first.communicate()
            if first.returncode != 0:
                wrong.append(f"the first one: {error.strip()[-200:]}")
        soak.row("shared", name, second_ones_refused=count, wrong=wrong if count else [*wrong, "none was refused"])


def one_checkpoint(soak, times):
    run = [*FULL, "--steps", "60", "-q", "--checkpoint-every", "1"]
    folder = soak.fresh("shared")
    soak.succeed([*run, "--checkpoint", "unbroken.ckpt", "--save", "unbroken"], folder)
    expected, wrong = contents(folder)["unbroken"], []
    for index in range(times):
        checkpoint, save = f"{index}.ckpt", f"{index}.net"
        first = soak.start([*run, "--checkpoint", checkpoint, "--save", save], folder)
        wait_until(lambda: checkpoint_step(folder / checkpoint) is not None)
        for flags in (["--checkpoint", checkpoint], ["--resume", checkpoint]):
            code, _, error = soak.run([*run, *flags, "--save", "second"], folder)
            if first.poll() is None:
                wrong += refused(code, error, AT_WORK)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        soak.succeed([*run, "--resume", checkpoint, "--save", save], folder)
        if contents(folder)[save] != expected:
            wrong.append("the killed run was resumed to other weights")
    wrong += [f"{name} is left" for name in temporaries(folder)]
    soak.row("shared", "one checkpoint, one after the other", runs=times, wrong=wrong)


def at_once(soak, times):
    """Two runs that begin a checkpoint at the same moment."""
    run = [*FULL, "--steps", "12", "-q", "--checkpoint-every", "1"]
    wrong, finished, refusals = [], 0, 0
    for _ in range(times):
        folder = soak.fresh("shared")
        both = [soak.start([*run, "--checkpoint", "run.ckpt", "--save", name], folder) for name in ("one", "two")]
        errors = [process.communicate()[1] for process in both]
        codes = [process.returncode for process in both]
        finished += codes.count(0)
        refusals += codes.count(1)
        if sorted(codes) != [0, 1]:
            wrong.append(f"found exit codes {codes}, expected one 0 and one 1: {errors}")
        elif not any("run.ckpt: found" in error for error in errors):
            wrong.append(f"found {errors}, expected a line about run.ckpt")
        if checkpoint_step(folder / "run.ckpt") != 12:
            wrong.append("found no checkpoint of the end")
        wrong += [f"{name} is left" for name in temporaries(folder)]
    soak.row("shared", "one new checkpoint at the same moment", finished=finished, refused=refusals, wrong=wrong)


def one_file_of_weights(soak, times):
    wrong = []
    for _ in range(times):
        folder = soak.fresh("shared")
        both = [soak.start([*FULL, "--steps", "3", "-q", "--save", "net"], folder) for _ in range(2)]
        for process in both:
            _, error = process.communicate()
            if process.returncode != 0:
                wrong.append(error.strip()[-200:])
        wrong += [f"{name} is left" for name in temporaries(folder)]
        if contents(folder).keys() != {"net"}:
            wrong.append("found no weights")
    soak.row("shared", "one file of weights", runs=2 * times, wrong=wrong)


def one_cache(soak, times):
    """Both store the pipelines that they have compiled. (Kernels are not measured on a software adapter.)"""
    if soak.adapter is None:
        print("shared: one cache: left out, found no software adapter", flush=True)
        return
    run = ["--device", "software", "--no-baseline", "--recipe", "full-batch-muon", "--steps", "1", "-q"]
    wrong = []
    for _ in range(times):
        folder, cache = soak.fresh("shared"), soak.fresh("shared/cache")
        both = [soak.start(run, folder, XDG_CACHE_HOME=str(cache)) for _ in range(2)]
        for process in both:
            _, error = process.communicate()
            if process.returncode != 0:
                wrong.append(error.strip()[-200:])
        files = list((cache / "gpu-train").iterdir())
        for path in files:
            data = path.read_bytes()
            if hashlib.sha256(data[32:]).digest() != data[:32]:
                wrong.append(f"{path.name} is not whole")
        wrong += [] if files else ["found no cache"]
        wrong += [f"{name} is left" for name in temporaries(folder)]
        soak.succeed(run, folder, XDG_CACHE_HOME=str(cache))
    soak.row("shared", "one cache of pipelines", runs=3 * times, wrong=wrong)


def run(soak):
    folders(soak, 3)
    one_checkpoint(soak, 10)
    at_once(soak, 20)
    one_file_of_weights(soak, 10)
    one_cache(soak, 5)
