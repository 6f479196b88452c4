"""Whole runs of the recipe `full-batch` in JAX: the closed-form start (`start.py`), then steps of whitened Muon, compiled, all of a run
under lax.scan. Variants as in jax_full_batch.py."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

import contestant
import jax_full_batch
import jax_net
import start
import work
from jax_net import Net

Statistics = dict[str, list[tuple[Array, Array]]]


def rows(layer: str, array: Array) -> Array:
    """A weight tensor as [row, input]."""
    return array.reshape(len(array), -1) if layer in ("H1", "H2") else array.T


def orthogonal(matrix: Array) -> Array:
    """Muon's five iterations of Newton and Schulz."""
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonal(matrix.T).T
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix / (jnp.linalg.norm(matrix) + 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


def updated(net: Net, gradient: Net, momenta: Net, statistics: Statistics, rate: Array, beta: float) -> tuple[Net, Net]:
    net, momenta = dict(net), dict(momenta)
    for layer, groups in statistics.items():
        weights, biases = net[f"{layer}w"], net[f"{layer}b"]
        of_rows = rows(layer, weights)
        by_bias = jnp.split(gradient[f"{layer}b"].reshape(len(of_rows), -1), len(groups))
        moved = [part @ mean for part, (mean, _) in zip(by_bias, groups, strict=True)]
        centred = rows(layer, gradient[f"{layer}w"]) - jnp.concatenate(moved)
        momenta[layer] = beta * momenta[layer] + (1 - beta) * centred
        ahead = jnp.split(beta * momenta[layer] + (1 - beta) * centred, len(groups))
        white = [part @ whitening.T for part, (_, whitening) in zip(ahead, groups, strict=True)]
        parts = jnp.split(orthogonal(jnp.concatenate(white)), len(groups))
        steps = [rate * part @ whitening for part, (_, whitening) in zip(parts, groups, strict=True)]
        of_rows = of_rows - jnp.concatenate(steps)
        kept = [step @ mean.T for step, (mean, _) in zip(steps, groups, strict=True)]
        net[f"{layer}w"] = (of_rows if layer in ("H1", "H2") else of_rows.T).reshape(weights.shape)
        net[f"{layer}b"] = biases + jnp.concatenate(kept).reshape(biases.shape)
    return net, momenta


class WholeRun(jax_full_batch.FullBatch):
    def __init__(self, case: work.Case, chosen: dict[str, str]) -> None:
        super().__init__(case, chosen)
        loss_and_gradient, beta = self.loss_and_gradient, case.recipe["momentum"]

        def one_step(data: tuple[Array, ...], statistics: Statistics, carried: tuple[Net, Net], rate: Array):
            net, momenta = carried
            value, gradient = loss_and_gradient(net, data)
            return updated(net, gradient, momenta, statistics, rate, beta), value

        @jax.jit
        def run(data: tuple[Array, ...], statistics: Statistics, carried: tuple[Net, Net], rates: Array):
            return lax.scan(partial(one_step, data, statistics), carried, rates)

        self.run = run
        self.begin()

    def begin(self) -> None:
        """Computes the start."""
        self.done = 0
        net, self.of_host = start.start(self.case)
        array = partial(jnp.asarray, dtype=jnp.float32)
        self.statistics = {
            layer: [(array(group.mean), array(group.whitening)) for group in groups] for layer, groups in self.of_host.items()
        }
        self.net = {name: array(values) for name, values in net.items()}
        self.momenta = {layer: jnp.zeros_like(rows(layer, self.net[f"{layer}w"])) for layer in self.of_host}

    def gradient(self) -> tuple[float, work.Tensors]:
        self.state = (self.state[0], self.net, *self.state[2:])
        loss, gradient = super().gradient()
        return loss, start.centred(gradient, self.of_host)

    def train(self, steps: int) -> list[float]:
        """Steps of a run, from its start if the one before has ended."""
        if self.done == len(self.case.rates):
            self.begin()
        rates = jnp.array([self.case.rate(self.done + i) for i in range(steps)], jnp.float32)
        (self.net, self.momenta), losses = self.run(self.data, self.statistics, (self.net, self.momenta), rates)
        self.done += steps
        jax.block_until_ready(self.net)
        return losses.tolist()

    def parameters(self) -> work.Tensors:
        self.state = (self.state[0], self.net, *self.state[2:])
        return super().parameters()


def main() -> None:
    given = contestant.arguments(__doc__.splitlines()[0])
    chosen = jax_net.DEFAULTS | contestant.options(given.variant, (*jax_net.KNOWN, "chunk=N"))
    device = jax_net.use(given.device)
    case = start.load(given.work, given.case)
    contestant.run(
        case,
        lambda: WholeRun(case, chosen),
        block=len(case.rates),
        seconds=given.seconds,
        versions={"jax": jax.__version__},
        device=device,
        whole_run=True,
    )


if __name__ == "__main__":
    main()
