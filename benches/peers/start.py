"""The recipe `full-batch` up to its first step, in NumPy and float64, on the host as gpu-train does it: the closed-form start from the
first training examples, and the statistics of each layer's inputs for whitened Muon."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import work

Array = np.ndarray

# Of each layer: maps or units, groups, damping of the start's covariance, deviation and mean of the sums.
LAYERS = {
    "H1": (12, 1, 0.03, 2.0, 0.0),
    "H2": (12, 3, 0.03, 1.0, 0.5),
    "H3": (30, 1, 0.1, 1.0, 0.5),
    "out": (10, 1, 0.03, None, 0.0),
}
OUTPUT_FACTOR = 6.0


@dataclass(frozen=True)
class Group:
    """Statistics of the inputs that a group of a layer's rows sees."""

    mean: Array  # [position, input]
    whitening: Array  # inverse Cholesky factor, [input, input]


@dataclass(frozen=True)
class Drawn:
    """What the recipe draws from its seed."""

    signs: Array  # [2, 12]: of the rows of H1 and H2
    codes: Array  # [10, 30]: of the classes for H3's units
    diagonal: Array  # keeps eigenvalues apart


def patches(x: Array) -> Array:
    """[N, C, S, S] as [N, position, C * 25], padded with -1."""
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)), constant_values=-1.0)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(2, 3))[:, :, ::2, ::2]
    n, channels, rows, columns = windows.shape[:4]
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n, rows * columns, channels * 25)


def inputs(layer: str, below: Array) -> list[Array]:
    """What each group of a layer's rows sees, [N, position, input]."""
    if layer == "H1":
        return [patches(below)]
    if layer == "H2":
        return [patches(below[:, list(work.H2_SOURCES[group])]) for group in range(3)]
    return [below.reshape(len(below), 1, -1)]


def inverse_factor(covariance: Array, damping: float) -> Array:
    size = len(covariance)
    damped = covariance + damping * np.trace(covariance) / size * np.eye(size)
    return np.linalg.inv(np.linalg.cholesky(damped))


def leading(matrix: Array, count: int, drawn: Array) -> Array:
    """The leading eigenvectors, each a column, with the signs of their products with drawn numbers."""
    size = len(matrix)
    drawn = drawn[:size]
    _, vectors = np.linalg.eigh(matrix + np.diag(1e-6 * np.trace(matrix) / size * drawn))
    found = vectors[:, ::-1][:, :count]
    return found * np.where(drawn @ found < 0, -1.0, 1.0)


def directions(layer: str, covariance: Array, of_classes: Array, shares: Array, drawn: Drawn) -> Array:
    """Directions of a group's rows, [input, row]. `of_classes`: means of centred inputs times class, [class, position, input]."""
    rows, groups, damping, _, _ = LAYERS[layer]
    inverse = inverse_factor(covariance, damping)
    if layer in ("H1", "H2"):
        means = (of_classes / np.sqrt(shares)[:, None, None]).reshape(-1, len(covariance))
        white = inverse @ means.T
        discriminant = inverse.T @ leading(white @ white.T, 1, drawn.diagonal)
        return np.hstack([leading(covariance, rows // groups - 1, drawn.diagonal), discriminant])
    targets = np.eye(10) if layer == "out" else drawn.codes
    return inverse.T @ (inverse @ (of_classes[:, 0].T @ targets))


def fit(layer: str, seen: list[Array], labels: Array, drawn: Drawn, damping: float) -> tuple[Array, Array, list[Group]]:
    """A layer's weights [row, input] and biases [row, position], and the statistics of its groups."""
    _, _, _, deviation, mean_sum = LAYERS[layer]
    is_class = (np.arange(10) == labels[:, None]).astype(np.float64)
    weights, biases, statistics = [], [], []
    for values in seen:
        n, _, size = values.shape
        mean = values.mean(0)
        centred = values - mean
        flat = centred.reshape(-1, size)
        covariance = flat.T @ flat / len(flat)
        of_classes = (is_class.T @ centred.reshape(n, -1) / n).reshape(10, -1, size)
        found = directions(layer, covariance, of_classes, is_class.mean(0), drawn)
        if deviation is None:
            scale = OUTPUT_FACTOR
        else:
            scale = deviation / np.sqrt(np.einsum("ir,ij,jr->r", found, covariance, found, optimize=True))
        rows = (found * scale).T
        if layer in ("H1", "H2"):
            first = sum(map(len, weights))
            rows *= drawn.signs["H1 H2".split().index(layer), first : first + len(rows), None]
        rows = rows.astype(np.float32)
        weights.append(rows)
        biases.append((mean_sum - rows.astype(np.float64) @ mean.T).astype(np.float32))
        statistics.append(Group(mean, inverse_factor(covariance, damping)))
    return np.vstack(weights), np.vstack(biases), statistics


def centred(gradient: work.Tensors, statistics: dict[str, list[Group]]) -> work.Tensors:
    """The weights' gradients by centred inputs, which is what the recipe uses. The rest of a gradient is not determined: where an
    input does not vary, H1's sum is its mean, 0, and rounding decides on which side of ReLU's corner."""
    found = {}
    for layer, groups in statistics.items():
        weights = gradient[f"{layer}w"].astype(np.float64)
        of_rows = weights.T if weights.ndim == 2 else weights.reshape(len(weights), -1)
        by_bias = np.split(gradient[f"{layer}b"].astype(np.float64).reshape(len(of_rows), -1), len(groups))
        moved = [part @ group.mean for part, group in zip(by_bias, groups, strict=True)]
        found[f"{layer}w"] = of_rows - np.vstack(moved)
    return found


def load(path: Path, name: str) -> work.Case:
    """The case, with the gradient that `centred` makes of its own."""
    case = work.load(path, name)
    return replace(case, gradient=centred(case.gradient, start(case)[1]))


def start(case: work.Case) -> tuple[work.Tensors, dict[str, list[Group]]]:
    """The weights to start from, and each layer's statistics at them."""
    assert case.drawn is not None
    drawn = Drawn(**case.drawn)
    examples = case.recipe["curvature_sample"]
    labels = case.labels[:examples]
    below = case.images[:examples, None].astype(np.float64)
    net, statistics = {}, {}
    for layer in LAYERS:
        seen = inputs(layer, below)
        weights, biases, statistics[layer] = fit(layer, seen, labels, drawn, case.recipe["damping"])
        shape = case.start[f"{layer}w"].shape
        net[f"{layer}w"] = (weights.T if len(shape) == 2 else weights).reshape(shape)
        net[f"{layer}b"] = biases.reshape(case.start[f"{layer}b"].shape)
        if layer != "out":
            parts = zip(seen, np.split(weights.astype(np.float64), len(seen)), strict=True)
            sums = np.concatenate([values @ rows.T for values, rows in parts], 2).transpose(0, 2, 1) + biases
            side = int(sums.shape[2] ** 0.5)
            below = np.maximum(sums, 0).reshape(len(sums), -1, side, side)
    return net, statistics
