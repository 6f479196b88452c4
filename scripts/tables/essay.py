"""The essay's table, the paper's optimizer, and how recipes were chosen."""

import statistics
import sys

from common import essay_table, essay_tables, interval, read, rows_of, table


def stages():
    """The essay's table, on both sets of digits."""
    names = {
        "stage-0": ("stage 0: tanh, MSE, SGD, 23 epochs", ""),
        "stage-1": ("stage 1: + softmax cross-entropy, 23 epochs", ""),
        "stage-2": ("stage 2: + AdamW, 46 epochs", ""),
        "stage-3": ("stage 3: + shifts by a pixel, 60 epochs", ""),
        "stage-4": ("stage 4: + dropout and ReLU, 80 epochs", ""),
        "full-batch-4": ("stage 4 over the full batch, 400 steps", ""),
        "full-batch": ("**the full batch from the closed-form start, 4 steps**", " (stage 0)"),
        "full-batch-random": ("the full batch from drawn weights, 20 steps", " (stage 0)"),
    }
    tables = essay_tables()
    rows = []
    for name, (title, whose) in names.items():
        ours = [found[name] for found in tables]
        # A stage's own figure: the others aim at stage 0's misses, not at its distribution.
        mark = lambda row: " ◦" if not whose and row["published_inside"] is False else ""
        rows.append([
            title,
            f"{ours[0]['published']['misses']}{whose}",
            *(interval(row["statistics"]) + mark(row) for row in ours),
        ])
    heads = ["test misses of 2,007, mean of 20 seeds ± 95%", "essay", "MNIST as of 1989", "real zip codes (paper: 102)"]
    return table(heads, rows)


def large():
    """The rows with 50,000 training examples; the essay's figures are of its two stages alone."""
    names = {
        "stage-0": "`stage-0`: tanh, MSE, SGD, 100 epochs",
        "stage-4": "`stage-4`: the modern recipe, 80 epochs",
        "full-batch-0": "`full-batch-0`: stage 0 over the full batch, 150 steps",
        "full-batch-4": "`full-batch-4`: stage 4 over the full batch, 400 steps",
    }
    found = essay_table("reproduce-mnist-50000")
    rows = []
    for name, title in names.items():
        statistics, published = found[name]["statistics"], found[name]["published"]
        low, high = statistics["prediction_interval"]
        percent = f" ({published['percent']}%)" if name.startswith("stage") else ""
        rows.append([title, interval(statistics), f"{low:.0f} to {high:.0f}", f"{published['printed_misses']}{percent}"])
    return table(["row", "measured, mean ± 95% of 5 seeds", "one more run", "published"], rows)


def newton():
    """The paper's optimizer and SGD, on both sets of digits."""
    names = {
        "stage-0": "SGD (`reproduction`)",
        "newton-1989": "diagonal Newton (`newton-1989`)",
        "stage-0-plain": "SGD from weights within 2.4/F (`reproduction-plain`)",
        "newton-1989-plain": "diagonal Newton from weights within 2.4/F (`newton-1989-plain`)",
    }
    tables = essay_tables()

    def misses(row):
        return f"{row['statistics']['mean']:.1f} ± {row['statistics']['sd']:.1f}"

    rows = [[title, *(misses(found[name]) for found in tables)] for name, title in names.items()]
    return table(["mean ± sd", "embedded digits", "real zip codes"], rows)


def length(recipe):
    """A recipe's length in words."""
    (unit, count), = recipe["length"].items()
    unit = {"steps": "step", "passes": "epoch"}[unit]
    return f"{count} {unit}{'' if count == 1 else 's'}"


def confirmed(name):
    """The lengths that a search tried, with the error of the best of each when it ran again with new seeds."""
    found = [row["confirmed"] for row in rows_of(f"search-{name}.jsonl") if "confirmed" in row]
    # A third decimal shows on which side of the essay's 4.09% a mean is.
    percent = lambda mean: f"{100 * mean:.{3 if f'{100 * mean:.2f}' == '4.09' else 2}f}%"
    return [f"{length(one['recipe'])} {percent(one['mean'])}" for one in found]


def search():
    """The lengths that were tried on the validation digits; the last is the first that was good enough."""
    rows = []
    for name in ["full-batch", "full-batch-random", "per-example", "per-example-closed-form"]:
        *tried, chosen = confirmed(name)
        rows.append([f"`{name}`", ", ".join([*tried, f"**{chosen}**"]), f"`results/search-{name}.jsonl`"])
    return table(["recipe", "lengths tried, error when confirmed", "log"], rows)


def searches():
    """The searches for the full-batch forms of the essay's stages."""
    commands = {
        "full-batch-1989": "--lengths 60,80,100,120,150 --target 4.09 --candidates 64",
        "full-batch-softmax": "--lengths 200 --candidates 24",
        "full-batch-adamw": "--lengths 150 --candidates 24",
        "full-batch-augmentation": "--lengths 300 --candidates 24",
        "full-batch-modern": "--lengths 400 --candidates 24 --vary learning-rate=0.005..0.03 --vary weight-decay=0.05..1.5",
    }
    rows = []
    for name, arguments in commands.items():
        *tried, chosen = confirmed(name)
        rows.append([f"`{name}`", f"`--recipe {name} {arguments}`", ", ".join([*tried, f"**{chosen}**"])])
    return table(["recipe", "command", "error when confirmed"], rows)


# Why a row differs from the published figure, by digits and row.
NEWER = "Shifts, dropout or another optimizer, which the paper had not: fewer misses are to be expected."
REASONS = {
    ("", "full-batch-0"): "A different optimizer, with a learning-rate decay that was searched for; the essay's SGD had neither. Its "
    "length was chosen by validation digits that are harder than the test set.",
    ("", "full-batch-muon"): "ReLU, Muon and a searched decay against stage 0's SGD; the row is about time, and is compared with stage "
    "0's figure because that is its target.",
    ("", "per-example-closed-form"): "Chosen by a validation set that is harder than the test set: fewer epochs would be enough, but only "
    "the test set could show that.",
    ("-zip-code", "stage-0"): "On the paper's digits the essay's stage 0 is worse than the paper. Initial weights within 2.4/F close a "
    "third of the gap (stage-0-plain); the rest is unexplained.",
    ("-zip-code", "stage-1"): "As stage 0.",
    ("-zip-code", "stage-2"): "As stage 0, but closer.",
    ("-zip-code", "stage-3"): NEWER,
    ("-zip-code", "stage-4"): NEWER,
    ("-zip-code", "stage-0-plain"): "As stage 0, but closer.",
    ("-zip-code", "full-batch-1"): "As on MNIST: plain SGD with momentum gets no lower in 200 full-batch steps.",
    ("-zip-code", "full-batch-3"): NEWER,
    ("-zip-code", "full-batch-4"): NEWER,
}


def deviations():
    """Rows whose published figure is outside the interval of one more run; each needs a reason, and each reason a row."""
    rows, used = [], set()
    for digits, title in {"": "MNIST as of 1989", "-zip-code": "zip codes"}.items():
        for row in read(f"reproduce{digits}/table.json")["rows"]:
            if row["published_inside"] is not False:
                continue
            used.add((digits, row["row"]))
            found, reason = row["statistics"], REASONS.get((digits, row["row"]))
            if reason is None:
                sys.exit(f"scripts/tables/essay.py: found no reason for {row['row']} of reproduce{digits}, expected one in REASONS")
            low, high = found["prediction_interval"]
            misses = f"{row['published']['misses']}"
            rows.append([title, f"`{row['row']}`", interval(found), f"{low:.0f} to {high:.0f}", misses, reason.format(**found)])
    if unused := set(REASONS) - used:
        sys.exit(f"scripts/tables/essay.py: found reasons without a row: {sorted(unused)}")
    return table(["digits", "row", "measured, mean ± 95%", "one more run", "published", "reason"], rows)


def newton_epochs(digits):
    """Misses of the paper's optimizer and SGD by epoch, means over the seeds and at the end the standard deviation."""
    names = {
        "--recipe reproduction": "SGD, η 0.03 (`reproduction`)",
        "--recipe newton-1989": "**diagonal Newton** (`newton-1989`)",
        "--recipe newton-1989 --learning-rate 0.00028 --damping 0.009": "the same, η 0.00028, μ 0.009",
        "--recipe reproduction --init plain": "SGD, `--init plain`",
        "--recipe newton-1989 --init plain": "diagonal Newton, `--init plain`",
        "--recipe reproduction --activation scaled-tanh": "SGD, `--activation scaled-tanh`",
        "--recipe newton-1989 --activation scaled-tanh": "diagonal Newton, `--activation scaled-tanh`",
        "--recipe reproduction --init plain --activation scaled-tanh": "SGD, both",
        "--recipe newton-1989 --init plain --activation scaled-tanh": "diagonal Newton, both",
    }
    found = read("newton-epochs.json")
    rows = []
    for row in found["rows"]:
        if row["digits"] == digits:
            *middle, end = zip(*row["test_misses"])
            spread = lambda misses: f"{statistics.mean(misses):.1f} ± {statistics.stdev(misses):.1f}"
            means = [f"{statistics.mean(misses):.0f}" for misses in middle]
            rows.append([names[row["arguments"]], *means, spread(end), spread(row["train_misses"])])
    first, *later = found["epochs"]
    head = {"embedded": "embedded digits", "zip-code": "real zip codes"}[digits]
    return table([head, f"epoch {first}", *map(str, later), f"training misses, {later[-1]}"], rows)


FIGURES = {
    "stages": stages,
    "large": large,
    "deviations": deviations,
    "newton": newton,
    "newton-epochs": lambda: newton_epochs("embedded"),
    "newton-epochs-zip-code": lambda: newton_epochs("zip-code"),
    "search": search,
    "searches": searches,
}
