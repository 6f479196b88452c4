"""The work of all peers and its check, read from the file that `examples/peer_work.rs` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

NAMES = ("H1w", "H1b", "H2w", "H2b", "H3w", "H3b", "outw", "outb")

# The maps of H1 that each group of four maps of H2 reads.
H2_SOURCES = (
    (0, 1, 2, 3, 4, 5, 6, 7),
    (4, 5, 6, 7, 8, 9, 10, 11),
    (0, 1, 2, 3, 8, 9, 10, 11),
)

Tensors = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """One net and recipe, with the reference's results."""

    name: str
    recipe: Mapping[str, Any]
    images: np.ndarray  # [N, 16, 16], f32
    labels: np.ndarray  # [N], int64
    start: Tensors
    gradient: Tensors
    losses: np.ndarray
    after: Tensors
    rates: np.ndarray
    tolerances: Mapping[str, float]
    drawn: Mapping[str, np.ndarray] | None  # what the closed-form start draws

    @property
    def relu(self) -> bool:
        return self.recipe["activation"] == "relu"

    @property
    def cross_entropy(self) -> bool:
        return self.recipe["loss"] == "cross-entropy"

    def rate(self, step: int) -> float:
        return float(self.rates[step % len(self.rates)])

    def targets(self) -> np.ndarray:
        """+1 for the class and -1 for the others, [N, 10]: the squared error's targets."""
        return np.where(np.arange(10) == self.labels[:, None], 1, -1).astype(np.float32)


def load(path: Path, case: str) -> Case:
    with safe_open(path, framework="np") as file:
        metadata = file.metadata()

        def tensors(kind: str) -> Tensors:
            return {name: file.get_tensor(f"{case}/{kind}/{name}") for name in NAMES}

        return Case(
            name=case,
            recipe=json.loads(metadata["recipes"])[case],
            images=file.get_tensor("images"),
            labels=file.get_tensor("labels").astype(np.int64),
            start=tensors("start"),
            gradient=tensors("gradient"),
            losses=file.get_tensor(f"{case}/losses"),
            after=tensors("after"),
            rates=file.get_tensor(f"{case}/rates"),
            tolerances=json.loads(metadata["tolerances"]),
            drawn=drawn_by(file, case),
        )


def drawn_by(file: Any, case: str) -> Tensors | None:
    prefix = f"{case}/drawn/"
    names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118: it is no dictionary
    return {name.removeprefix(prefix): file.get_tensor(name) for name in names} or None


def off_by(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference relative to the largest expected element; infinite if anything found is not a number."""
    found = np.asarray(found, dtype=np.float64)
    if found.shape != expected.shape or not np.isfinite(found).all():
        return float("inf")
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def judge(differences: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """The result of a check, as (difference, tolerance) by name: `ok`, every difference, and the errors as text."""
    wrong = [f"{name} off by {found:.2g}" for name, (found, allowed) in differences.items() if not found <= allowed]
    return {
        "ok": not wrong,
        "wrong": wrong,
        # JSON has no infinity; null stands for it.
        "differences": {
            name: float(f"{found:.2g}") if np.isfinite(found) else None for name, (found, _) in differences.items()
        },
    }


def check(
    case: Case,
    start: Tensors,
    loss: float,
    gradient: Tensors,
    losses: list[float],
    after: Tensors,
) -> dict[str, Any]:
    """Compares the weights at the start, loss and gradient there, and losses and weights of the first steps."""
    allowed = case.tolerances
    differences = {"loss": (off_by(np.array([loss]), case.losses[:1]), allowed["loss"])}
    # Others start from the file's.
    for name in NAMES if case.drawn else ():
        differences[f"start of {name}"] = (off_by(start[name], case.start[name]), allowed["start"])
    for name in case.gradient:
        differences[f"gradient of {name}"] = (off_by(gradient[name], case.gradient[name]), allowed["gradient"])
    differences["losses of the first steps"] = (off_by(np.array(losses), case.losses), allowed["losses"])
    for name in NAMES:
        differences[f"{name} after the first steps"] = (off_by(after[name], case.after[name]), allowed["after"])
    return judge(differences)
