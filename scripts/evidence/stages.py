"""The stages, in order of worth."""

import json
import platform
import re
import shutil
import sys
import tempfile

from evidence.common import HERE, IS_PACKED, Problem, output_of
from evidence.hints import SHAPES, STEP, STEP_NAME, hints, shape_of

RECIPES = ["full-batch", "full-batch-random", "full-batch-muon", "full-batch-1989", "full-batch-softmax"]
RECIPES += ["full-batch-augmentation", "full-batch-modern"]
EXAMPLES = [1_000, 2_000, 4_000, 7_291, 15_000, 30_000, 60_000]
SEEDS = 20


def adapter(evidence):
    """The adapter to measure: by name, so that all stages are on the same one."""
    given = evidence.given
    found = evidence.call("devices", [evidence.programs["gpu-train"], "devices", "--json"], need=0)
    if found is None:
        raise Problem("gpu-train devices failed")
    evidence.index["machine"]["processor"] = re.split(r", \d+ (?:core|thread)", found["cpu"])[0]
    adapters = found["adapters"]
    if given.adapter:
        fits = [one for one in adapters if given.adapter.lower() in one["name"].lower()]
        expected = f'an adapter with "{given.adapter}" in its name'
    elif given.device == "software":
        fits = [one for one in adapters if one["kind"] == "software"]
        expected = "a software adapter"
    else:
        fits = [one for one in adapters if one["name"] == found["chosen"]]
        expected = "a real GPU that answers (--device software measures a software adapter)"
    if not fits:
        names = ", ".join(f"{one['name']} ({one['kind']})" for one in adapters) or "no adapter"
        evidence.runs[-1]["state"], evidence.runs[-1]["reason"] = "failed", f"found {names}, expected {expected}"
        return None
    one = fits[0]
    # A flag that takes a list would split a name at its commas.
    part = max(one["name"].split(","), key=len).strip()
    evidence.on_adapter = ["--adapter", part]
    evidence.environment.update(WGPU_BACKEND=one["backend"], GPU_TRAIN_ADAPTER=one["name"], GPU_TRAIN_REQUIRE_ADAPTER="1")
    evidence.index["adapter"] = one
    if shutil.which("nvidia-smi"):
        fields = "name,driver_version,pcie.link.gen.current,clocks.sm,clocks.max.sm,clocks.max.mem,power.limit,memory.total"
        evidence.call("nvidia-smi", ["nvidia-smi", f"--query-gpu={fields}", "--format=csv"], output=".csv", need=0)
    return None


def tests(evidence):
    """Each kernel, each tensor and whole runs against the reference, then the planted faults."""
    backend = {"vulkan": "_Vulkan", "metal": "_Metal", "dx12": "_Dx12"}[evidence.index["adapter"]["backend"]]
    # With the share of the stage's remaining time that each may take at most, and, for --short, other flags.
    plan = [
        ("kernels", "kernels", 0.5, ["--skip", "found::"], ["sgd", "--skip", "found::"]),
        ("engine", "gpu", 0.6, [], ["a_plain_step"]),
        ("engines-agree", "engines", 0.6, [backend], ["some_steps", "--skip", "::cpu", "--skip", "reference"]),
        ("planted-faults", "kernels", 1, ["found::"], ["found::sgd"]),
    ]
    rows = []
    for name, program, share, flags, few in plan:
        log = evidence.out / f"tests/{name}.jsonl"
        log.parent.mkdir(exist_ok=True)
        command = [evidence.programs[program], *(few if evidence.short else flags), "--format", "json"]
        command += ["--logfile", f"tests/{name}.jsonl"]
        evidence.call(f"tests/{name}", command, output=".txt", need=5, most=share * evidence.left())
        run = evidence.runs[-1]
        row = counted(name, log)
        rows.append(row)
        if row["failures"] or run["state"] == "failed":
            run["state"] = "failed"
            run["last_lines"] = [f"{one['test']}: {one['message']}" for one in row["failures"]] or run["last_lines"]
            failed = f"{len(row['failures'])} of {row['tests']} tests failed" if row["failures"] else run["reason"]
            run["reason"] = failed + (f", while {row['running']} ran" if row["running"] else "")
        elif run["state"] == "done" and row["passed"] == 0:
            run["state"], run["reason"] = "failed", "no test passed"
        if run["state"] == "cut":
            run["reason"] += f": {row['passed']} of {row['tests']} tests passed, the others did not run"
    return rows


def counted(name, log):
    """Results of a test program, from its own log: also of one that was cut, or crashed."""
    row = {"name": name, "tests": 0, "passed": 0, "ignored": 0, "failures": [], "running": None}
    running = {}
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else []:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # a line that was not finished
        if event["type"] == "suite":
            row["tests"] = event.get("test_count", row["tests"])
            continue
        test = event["name"]
        if event["event"] == "started":
            running[test] = True
            continue
        running.pop(test, None)
        if event["event"] == "ok":
            row["passed"] += 1
        elif event["event"] == "ignored":
            row["ignored"] += 1
        else:
            row["failures"].append({"test": test, "message": event.get("stdout", "").strip()[:1_000]})
    row["running"] = ", ".join(running) or None
    return row


def step_row(engine, **head):
    fields = ("variant", "examples", "set_up_s", "tuning_s", "step_ms", "floor_ms", "needed_gflops", "peak_gflops")
    fields += ("copy_gbytes_per_s", "share_of_peak", "dispatches", "kernels")
    return {**head, **{field: engine.get(field) for field in fields}}


def recipes(evidence):
    """A full-batch step of each recipe, the first the one that the peers do as well."""
    few = ["--examples", "200"] if evidence.short else []
    rows = []
    names = [(STEP_NAME, STEP), *((name, ["--recipe", name]) for name in RECIPES)]
    for name, flags in names[:2] if evidence.short else names:
        engine = evidence.bench(f"recipes/{name}", *flags, *few, need=5)
        if engine:
            rows.append(step_row(engine, recipe=name))
    return rows


def shapes(evidence):
    """The step in shapes that differ from the chosen one in one property, and by the layered kernels."""
    chosen = chosen_kernels(evidence)
    wanted = [chosen, "layered"]
    if chosen != "layered":
        shape = shape_of(chosen)
        for key, values in SHAPES.items():
            for value in values:
                other = {**shape, key: str(value)}
                if key == "tile":
                    enough = [lanes for lanes in SHAPES["lanes"] if lanes >= 12 * value]
                    other["lanes"] = str(enough[0])
                if int(other["lanes"]) >= 12 * int(other["tile"]):
                    wanted.append("fused:" + ",".join(f"{name}={other[name]}" for name in shape).removesuffix(",checks=on"))
    wanted = list(dict.fromkeys(wanted))
    few = []
    if evidence.short:
        # Another number of workgroups is no other shader, which would take a software adapter seconds to compile.
        wanted, few = [*wanted[:2], re.sub("groups=[0-9]+", "groups=8", chosen)], ["--examples", "200"]
    rows = []
    for number, kernels in enumerate(wanted):
        engine = evidence.bench(f"shapes/{number:02}", *STEP, "--kernels", kernels, *few)
        run = evidence.runs[-1]
        if engine:
            rows.append(step_row(engine))
        elif any("bytes of workgroup memory" in line for line in run["last_lines"]):
            # A shape that this adapter has no room for is a fact, not a failure.
            run["state"], run["reason"] = "done", None
            rows.append({"variant": kernels, "step_ms": None})
    return rows


def chosen_kernels(evidence):
    rows = evidence.figures.get("recipes")
    if not rows:
        raise Problem("no step was measured")
    return rows[0]["variant"]


def examples(evidence):
    """The step over sets of other sizes with the same kernels, as a fixed cost and one per example."""
    kernels = chosen_kernels(evidence)
    rows = []
    for count in (100, 200, 400) if evidence.short else EXAMPLES:
        engine = evidence.bench(f"examples/{count}", *STEP, "--kernels", kernels, "--examples", str(count))
        if engine:
            rows.append(step_row(engine))
    found = {"rows": rows, "step": None, "kernels": []}
    if len(rows) >= 3:
        found["step"] = line([(row["examples"], row["step_ms"]["median"]) for row in rows])
        for kernel in rows[0]["kernels"]:
            name = kernel["kernel"]
            points = [(row["examples"], one["ms"]) for row in rows for one in row["kernels"] if one["kernel"] == name]
            found["kernels"].append({"kernel": name, **line(points)})
    return found


def line(points):
    """The straight line with the least squares of relative distances: cost at 0 examples, and per example."""
    weights = [1 / max(y, 1e-9) ** 2 for _, y in points]
    total = sum(weights)
    x = sum(w * point[0] for w, point in zip(weights, points)) / total
    y = sum(w * point[1] for w, point in zip(weights, points)) / total
    covariance = sum(w * (point[0] - x) * (point[1] - y) for w, point in zip(weights, points))
    slope = covariance / sum(w * (point[0] - x) ** 2 for w, point in zip(weights, points))
    return {"fixed_ms": y - slope * x, "us_per_example": 1e3 * slope}


def starts(evidence):
    """A whole training twice: with empty caches of kernels chosen and of the driver's shaders, and again."""
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        caches = {"XDG_CACHE_HOME": cache, "MESA_SHADER_CACHE_DIR": cache, "__GL_SHADER_DISK_CACHE_PATH": cache}
        if sys.platform == "darwin":
            caches["HOME"] = cache
        for name in ("cold", "warm"):
            flags = ["--recipe", "full-batch", "--no-baseline", "--json"]
            found = evidence.train(f"starts/{name}", *flags, need=10, variables=caches)
            if found:
                seconds, misses = found["seconds"], found["test"]["misses"]
                rows.append({"name": name, "process_s": evidence.runs[-1]["seconds"], **seconds, "test_misses": misses})
    return rows


def seeds_that_fit(evidence, seconds):
    """Seeds for which there is time if one takes this many seconds, with a third for safety."""
    return max(1, min(SEEDS, int(evidence.left() / (1.33 * max(seconds, 0.01)))))


def race(evidence):
    """The race over as many seeds as there is time for, up to 20; first over one, to know."""
    short = ["--recipe", "full-batch", "--examples", "200", "--epochs", "1"] if evidence.short else []
    found = evidence.train("race", "race", "--json", "--seeds", "1", *short, "--out", "race.json", need=15)
    if found and not evidence.short:
        seeds = seeds_that_fit(evidence, evidence.runs[-1]["seconds"])
        if seeds > 1:
            more = ["race", "--json", "--seeds", str(seeds), "--out", "race.json"]
            found = evidence.train("race", *more, need=0) or found
        note_seeds(evidence, seeds)
    if not found:
        return None
    rows = []
    for one in found["contestants"]:
        standing = one["standing"]
        median = standing and standing["train"]["median"]
        row = {"name": one["name"], "kind": one["kind"], "recipe": one["recipe_name"], "steps": one["steps"]}
        rows.append({**row, "train_s": median, "misses": standing and standing["misses"]["mean"],
                     "over_per_example": standing and standing["over_per_example"],
                     "over_essay": standing and standing["over_essay"], "failed": len(one["failed"])})
        if one["failed"]:
            evidence.runs[-1]["state"] = "failed"
            evidence.runs[-1]["reason"] = f"{one['name']}: {one['failed'][0]['message']}"
    return {"seeds": len(found["rule"]["seeds"]), "rows": rows, "verdict": found["verdict"], "file": "race.json"}


def note_seeds(evidence, seeds):
    if seeds < SEEDS and evidence.runs[-1]["state"] == "done":
        evidence.runs[-1]["state"] = "cut"
        evidence.runs[-1]["reason"] = f"{seeds} of {SEEDS} seeds: no time for more"


def reproduce(evidence):
    """The full-batch rows of the essay's table."""
    rows = ["full-batch-0", "full-batch-1", "full-batch-2", "full-batch-3", "full-batch-4", "full-batch-random", "full-batch"]
    flags = ["--rows", ",".join(rows)]
    if evidence.short:
        flags = ["--rows", "full-batch", "--examples", "200", "--epochs", "1"]
    command = ["reproduce", "--json", *flags, "--out", "reproduce"]
    found = evidence.train("reproduce/printed", *command, "--seeds", "1", need=10)
    if found and not evidence.short:
        # Finished runs are kept: only the other seeds are run.
        seeds = 1 + min(SEEDS - 1, seeds_that_fit(evidence, evidence.runs[-1]["seconds"]))
        found = evidence.train("reproduce/printed", *command, "--seeds", str(seeds), need=0) or found
        note_seeds(evidence, seeds)
    if not found:
        return None
    return [
        {
            "row": row["row"],
            "steps": row["steps"],
            "seeds": len(row["seeds"]),
            "misses": row["statistics"] and row["statistics"]["mean"],
            "essay": row["published"] and row["published"]["misses"],
        }
        for row in found["rows"]
    ]


def peers(evidence):
    """PyTorch and JAX on the same GPU, where they are installed; gpu-train in the same round."""
    if sys.version_info < (3, 10):
        raise Problem(f"benches/peers needs Python 3.10, found {platform.python_version()}")
    python = str(evidence.given.python or sys.executable)
    software = evidence.index["adapter"]["kind"] == "software"
    probe = "import importlib.util as u; print(*[name for name in ('torch', 'jax') if u.find_spec(name)])"
    there = output_of(python, "-c", probe).split()
    if software:
        only = "full-batch-software-adapter/burn software+h2=grouped"
    elif there:
        only = ",".join(f"full-batch-gpu/{name}" for name in there)
    else:
        raise Problem(f"found neither torch nor jax in {python} (--python names another)")
    folder = HERE / "peers" if IS_PACKED else HERE.parent / "benches/peers"
    command = [sys.executable, folder / "run", "--rounds", "1", "--seconds", "0.05" if evidence.short else "1"]
    command += ["--only", only, "--python", python, "--gpu-train", evidence.programs["gpu-train"]]
    command += ["--work", evidence.programs["work"], "--adapter", evidence.on_adapter[1]]
    # The time to write what there is.
    command += ["--time", f"{max(evidence.left() - 5, 1):.0f}", "--out", "peers.json"]
    evidence.call("peers", command, need=20, output=".md")
    if evidence.runs[-1]["state"] != "done":
        return None
    found = json.loads((evidence.out / "peers.json").read_text(encoding="utf-8"))
    if found["left_out"]:
        evidence.runs[-1]["state"], evidence.runs[-1]["reason"] = "failed", str(found["left_out"])
    rows = []
    for one in found["contestants"]:
        spread = one["spread"]
        rows.append({"name": one["name"], "device": one["device"], "status": one["status"],
                     "step_ms": spread and spread[1], "ratio": one["ratio"]})
    return rows


def pictures(evidence):
    """The program's own pictures of what there is."""
    sources = ["reproduce"] if (evidence.out / "reproduce/table.json").exists() else []
    command = [evidence.programs["gpu-train"], "report", *sources, "--gpu", ".", "--out", "report"]
    evidence.call("report/files", command, output=".txt", grace=5)


STAGES = [
    ("adapter", "Adapter, driver and limits", 0.1, adapter),
    ("tests", "Kernel and engine tests on the adapter", 0.3, tests),
    ("recipes", "A full-batch step per recipe", 0.2, recipes),
    ("shapes", "Shapes of the fused kernel", 0.12, shapes),
    ("examples", "Numbers of examples", 0.1, examples),
    ("starts", "First and second start", 0.1, starts),
    ("race", "The race", 0.3, race),
    ("reproduce", "Full-batch rows of the table", 0.3, reproduce),
    ("peers", "PyTorch and JAX on the same GPU", 0.5, peers),
    ("hints", "A profile hint per kernel", 0.1, hints),
    ("pictures", "Pictures", 0.1, pictures),
]
