"""Statistics of the measured times: medians, ratios within a round, the best of a screening, Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, TypeVar

T = TypeVar("T")
Times = Sequence[float | None]  # by round; None where a contestant did not run


def rotated(items: Sequence[T], by: int) -> list[T]:
    """The same in a rotated order, so that no contestant always runs first or always after the same one."""
    by %= max(len(items), 1)
    return [*items[by:], *items[:by]]


def ratio(theirs: Times, ours: Times) -> float | None:
    """Ratio to our time: the median of the ratios within each round, so that a temporary slowdown of the machine, which
    affects the whole round, cancels out."""
    ratios = [a / b for a, b in zip(theirs, ours, strict=True) if a is not None and b is not None]
    return median(ratios) if ratios else None


def spread(times: Times) -> tuple[float, float, float] | None:
    """Least, median and largest over the rounds."""
    known = [time for time in times if time is not None]
    return (min(known), median(known), max(known)) if known else None


def best(screened: Iterable[Mapping[str, Any]], count: int) -> list[str]:
    """For each category and peer, the first listed (the obvious code) and the `count` fastest that passed the check."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for entry in screened:
        groups.setdefault((entry["category"], entry["peer"]), []).append(entry)
    chosen = []
    for group in groups.values():
        fast = sorted((e for e in group if e["time"] is not None), key=lambda e: e["time"])[:count]
        names = dict.fromkeys(e["name"] for e in (group[0], *fast))
        chosen += [f"{group[0]['category']}/{name}" for name in names]
    return chosen


def short(value: float) -> str:
    """Three significant digits, without exponent."""
    digits = max(0, 2 - len(f"{value:.0f}") + 1) if value >= 1 else 3
    return f"{value:,.{digits}f}"


def table(title: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """Markdown; entries with `spread`, `ratio` and `status`."""
    lines = [f"**{title}**", "", "| | median | least – most | times gpu-train's |", "|---|---|---|---|"]
    for entry in entries:
        if entry["spread"] is None:
            lines.append(f"| {entry['name']} | {entry['status']} | | |")
            continue
        least, middle, most = map(short, entry["spread"])
        times = "" if entry["ratio"] is None else short(entry["ratio"])
        lines.append(f"| {entry['name']} | {middle} | {least} – {most} | {times} |")
    return "\n".join(lines)
