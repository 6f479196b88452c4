"""What the tables share: the files of results/, Markdown, numbers."""

import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RESULTS = ROOT / "results"


def read(name):
    return json.loads((RESULTS / name).read_text())


def rows_of(name):
    return [json.loads(line) for line in (RESULTS / name).read_text().splitlines()]


def table(heads, rows):
    line = lambda cells: "|" + "".join(f" {cell} |" if cell else " |" for cell in cells) + "\n"
    return line(heads) + "|" + "---|" * len(heads) + "\n" + "".join(map(line, rows))


def digits(value, count=3):
    """A number with this many significant digits, and no exponent."""
    whole = f"{value:.{count}g}"
    return f"{float(whole):,.0f}" if "e" in whole or float(whole) >= 10 ** (count - 1) else with_zeros(whole, count)


def with_zeros(text, count):
    shown = len(text.replace(".", "").lstrip("0"))
    return text if shown >= count else (text if "." in text else text + ".") + "0" * (count - shown)


def interval(statistics):
    low, high = statistics["mean_interval"]
    return f"{statistics['mean']:.1f} ± {(high - low) / 2:.1f}"


def essay_table(folder):
    """The rows of the essay's table in this folder, by name."""
    return {row["row"]: row for row in read(f"{folder}/table.json")["rows"]}


def essay_tables():
    """The same on both sets of digits."""
    return [essay_table(f"reproduce{digits}") for digits in ["", "-zip-code"]]


def contestants(category, name):
    """The contestants of a category whose names begin with this one, in the rounds with other frameworks; the fastest first."""
    found = read("peers-cpu.json")["contestants"]
    found = [one for one in found if one["category"] == category and one["name"].startswith(name)]
    return sorted(found, key=lambda one: one["spread"][1])


def times(ratio):
    """A ratio, with a decimal below 10."""
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"
