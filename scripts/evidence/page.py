"""evidence.md, from the index."""


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    cells = [["–" if cell is None else str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines += ["| " + " | ".join(row) + " |" for row in cells]
    return [*lines, ""]


def milliseconds(value):
    return None if value is None else f"{value:.4g} ms"


def percent(value):
    return None if value is None else f"{value:.1%}"


def times(value):
    return None if value is None else f"{value:.3g}"


def mean(value):
    return None if value is None else f"{value:.1f}"


def verdict(index):
    """What was found, in a few sentences."""
    figures = index["figures"]
    says = []
    if figures.get("recipes"):
        row = figures["recipes"][0]
        says.append(
            f"a full-batch step over {row['examples']:,} examples ({row['recipe']}) takes "
            f"{milliseconds(row['step_ms']['median'])}, {percent(row['share_of_peak'])} of the measured peak"
        )
    if figures.get("tests"):
        rows = figures["tests"]
        passed, total = sum(row["passed"] for row in rows), sum(row["tests"] for row in rows)
        says.append(f"{passed:,} of {total:,} tests passed, {sum(len(row['failures']) for row in rows)} failed")
    if figures.get("race"):
        for row in figures["race"]["rows"]:
            if row["kind"] in ("gpu", "software") and row["train_s"]:
                says.append(f"race, {row['recipe']}: {milliseconds(1e3 * row['train_s'])}, {row['misses']:.1f} misses")
    best = {}
    for row in figures.get("peers") or []:
        if row["ratio"]:
            peer = row["name"].split()[0]
            best[peer] = min(row["ratio"], best.get(peer, row["ratio"]))
    says += [f"{peer} takes {times(ratio)} times as long per step" for peer, ratio in best.items()]
    return "; ".join(says) or "nothing was measured"


def page(index):
    """evidence.md."""
    one = index["adapter"]
    name = f"{one['name']} ({one['backend']}, {one['kind']})" if one else "no adapter"
    lines = [f"# gpu-train on {name}", ""]
    if index["short"]:
        lines += ["**Shortened (--short): a check of the procedure, no evidence.**", ""]
    machine, made = index["machine"], index["made_of"]
    said = verdict(index)
    lines += [
        f"{said[0].upper()}{said[1:]}.",
        "",
        f"- Driver: {one['driver']}" if one else "- Driver: –",
        f"- Machine: {machine['processor']}, {machine['cores']} cores, {machine['os']}",
        f"- gpu-train {index['version']}, commit {made['commit']}; {index['date']}; `{index['command']}`, "
        f"{index['seconds']:.0f} s of {60 * index['minutes']:.0f}",
        *[f"- Note: {note}" for note in index["notes"]],
        "",
    ]
    if one:
        offers = [word for word in ("subgroups", "f16", "timestamps") if one[word]]
        limits = ", ".join(f"{key} {value:,}" for key, value in one["limits"].items())
        lines += [f"Features: {', '.join(offers) or 'none'}. Limits: {limits}.", ""]
    lines += stages(index["stages"])
    for name, title, section in SECTIONS:
        found = index["figures"].get(name)
        if found:
            lines += [f"## {title}", "", *section(found)]
    return "\n".join(lines).rstrip() + "\n"


def stages(found):
    rows = [(stage["title"], stage["state"], f"{stage['seconds']:.1f} s", stage["reason"]) for stage in found]
    lines = ["## Stages", "", *table(["stage", "state", "time", "reason"], rows)]
    for run in (run for stage in found for run in stage["runs"] if run["state"] == "failed"):
        lines += [f"**Failed**: {run['name']}: {run['reason']}", "", f"`{run['command']}`", "", "```"]
        lines += [*run["last_lines"], "```", ""]
    return lines


def tests(rows):
    head = ["tests", "passed", "failed", "ignored", "of"]
    return table(head, [(r["name"], r["passed"], len(r["failures"]), r["ignored"], r["tests"]) for r in rows])


def recipes(rows):
    head = ["recipe", "step, median", "p10 – p90", "limit by arithmetic", "share of the peak", "kernels"]
    cells = [
        (
            row["recipe"],
            milliseconds(row["step_ms"]["median"]),
            f"{row['step_ms']['p10']:.4g} – {row['step_ms']['p90']:.4g}",
            milliseconds(row["floor_ms"]),
            percent(row["share_of_peak"]),
            f"`{row['variant']}`",
        )
        for row in rows
    ]
    kernels = [
        (
            row["recipe"],
            kernel["kernel"],
            milliseconds(kernel["ms"]),
            percent(kernel["ms"] / row["step_ms"]["median"]),
            percent(kernel.get("share_of_peak")),
        )
        for row in rows
        for kernel in row["kernels"]
    ]
    return table(head, cells) + table(["recipe", "kernel", "time", "share of the step", "share of the peak"], kernels)


def shapes(rows):
    rows = sorted(rows, key=lambda row: row["step_ms"]["median"] if row["step_ms"] else float("inf"))
    return table(["kernels", "step, median", "share of the peak"], [step(f"`{row['variant']}`", row) for row in rows])


def step(name, row):
    took = milliseconds(row["step_ms"]["median"]) if row["step_ms"] else "does not fit"
    return (name, took, percent(row.get("share_of_peak")))


def examples(found):
    rows = [step(f"{row['examples']:,}", row) for row in found["rows"]]
    lines = table(["examples", "step, median", "share of the peak"], rows)
    for name, fit in [("step", found["step"]), *((fit["kernel"], fit) for fit in found["kernels"])]:
        if fit:
            lines.append(f"- {name}: {fit['fixed_ms']:.4g} ms {fit['us_per_example']:+.4g} µs per example")
    return [*lines, ""]


def starts(rows):
    head = ["start", "process", "set-up", "choosing kernels", "training", "misses"]
    seconds = ("process_s", "setup", "tuning", "train")
    return table(head, [(r["name"], *(f"{r[key]:.3f} s" for key in seconds), r["test_misses"]) for r in rows])


def race(found):
    head = ["contestant", "training, median", "misses, mean", "times as fast as batch 1", "as the essay"]
    rows = [
        (
            row["name"],
            row["train_s"] and milliseconds(1e3 * row["train_s"]),
            mean(row["misses"]),
            times(row["over_per_example"]),
            times(row["over_essay"]),
        )
        for row in found["rows"]
    ]
    return [f"{found['seeds']} seeds.", "", *[f"- {text}" for text in found["verdict"]], "", *table(head, rows)]


def reproduce(rows):
    head = ["row", "steps", "seeds", "misses, mean", "essay"]
    return table(head, [(r["row"], r["steps"], r["seeds"], mean(r["misses"]), r["essay"]) for r in rows])


def peers(rows):
    head = ["program", "device", "step", "times gpu-train's", "status"]
    return table(head, [(r["name"], r["device"], milliseconds(r["step_ms"]), times(r["ratio"]), r["status"]) for r in rows])


def hints(rows):
    return [f"- `{row['kernel']}`: {row['hint']}. `{row['profile']}`" for row in rows]


SECTIONS = [
    ("tests", "Tests", tests),
    ("recipes", "A full-batch step", recipes),
    ("shapes", "Shapes", shapes),
    ("examples", "Numbers of examples", examples),
    ("starts", "First and second start", starts),
    ("race", "The race", race),
    ("reproduce", "Full-batch rows of the table", reproduce),
    ("peers", "Other frameworks on the same work", peers),
    ("hints", "Kernels", hints),
]
