"""Full-batch steps in JAX, compiled, several per call under lax.scan. A variant is a list of options:

h1=conv|patches|product, h2=grouped|dense|patches|product
    how each convolution is computed: lax.conv (H2 as three); H2 as one convolution with a kernel that is zero where
    nothing is connected; as patches times a matrix; or as all units below times one large matrix that is mostly zeros
zeropad    the padding of -1 by arithmetic (add 1, pad with 0, subtract) instead of a copy
chunk=N    N examples at a time under lax.scan, gradients added up; the last chunk is filled with examples of weight 0
threads=N  so many threads
malloc     the allocator told to keep its memory
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

import contestant
import jax_net
import work
from jax_net import Net

State = tuple[Array, Net, Net, Net]  # steps done, weights, first and second moments


def chunked(x: Array, size: int) -> Array:
    """[N, …] as [chunks, size, …], filled with zeros."""
    chunks = -(-len(x) // size)
    filled = jnp.pad(x, ((0, chunks * size - len(x)), *((0, 0),) * (x.ndim - 1)))
    return filled.reshape(chunks, size, *x.shape[1:])


class FullBatch:
    def __init__(self, case: work.Case, chosen: dict[str, str]) -> None:
        self.case = case
        x, y, losses = jax_net.net_of(case, chosen)
        examples = len(case.labels)
        size = int(chosen.get("chunk", examples))
        # Arguments of the compiled function, not constants: folding constants would take minutes.
        self.data = tuple(chunked(part, size) for part in (x, y, jnp.full(examples, 1 / examples)))

        def loss(net: Net, x: Array, y: Array, weights: Array) -> Array:
            return losses(net, x, y) @ weights

        def loss_and_gradient(net: Net, data: tuple[Array, ...]) -> tuple[Array, Net]:
            if len(data[0]) == 1:
                return jax.value_and_grad(loss)(net, *(part[0] for part in data))

            def add(total: tuple[Array, Net], chunk: tuple[Array, ...]) -> tuple[tuple[Array, Net], None]:
                share = jax.value_and_grad(loss)(net, *chunk)
                return jax.tree.map(jnp.add, total, share), None

            zero = (jnp.zeros(()), jax.tree.map(jnp.zeros_like, net))
            return lax.scan(add, zero, data)[0]

        recipe = case.recipe
        beta1, beta2 = recipe["beta1"], recipe["beta2"]

        def one_step(data: tuple[Array, ...], state: State, rate: Array) -> tuple[State, Array]:
            step, net, first, second = state
            value, gradient = loss_and_gradient(net, data)
            first = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, first, gradient)
            second = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, second, gradient)
            step = step + 1
            step_size = rate / (1 - beta1**step)
            root = jnp.sqrt(1 - beta2**step)

            def moved(p: Array, m: Array, v: Array) -> Array:
                denominator = jnp.sqrt(v) / root + recipe["epsilon"]
                return p * (1 - rate * recipe["weight_decay"]) - step_size * m / denominator

            return (step, jax.tree.map(moved, net, first, second), first, second), value

        @partial(jax.jit, donate_argnums=1)
        def steps(data: tuple[Array, ...], state: State, rates: Array) -> tuple[State, Array]:
            return lax.scan(partial(one_step, data), state, rates)

        self.steps = steps
        self.loss_and_gradient = jax.jit(loss_and_gradient)
        net = {name: jnp.asarray(value) for name, value in case.start.items()}
        zeros = jax.tree.map(jnp.zeros_like, net)
        self.state: State = (jnp.zeros(()), net, zeros, jax.tree.map(jnp.zeros_like, net))

    def gradient(self) -> tuple[float, work.Tensors]:
        value, gradient = self.loss_and_gradient(self.state[1], self.data)
        return float(value), {name: np.asarray(array) for name, array in gradient.items()}

    def train(self, steps: int) -> list[float]:
        done = int(self.state[0])
        rates = jnp.array([self.case.rate(done + i) for i in range(steps)], jnp.float32)
        self.state, losses = self.steps(self.data, self.state, rates)
        jax.block_until_ready(self.state)
        return losses.tolist()

    def parameters(self) -> work.Tensors:
        return {name: np.asarray(array) for name, array in self.state[1].items()}


def main() -> None:
    given = contestant.arguments(__doc__.splitlines()[0])
    chosen = jax_net.DEFAULTS | contestant.options(given.variant, (*jax_net.KNOWN, "chunk=N"))
    device = jax_net.use(given.device)
    case = work.load(given.work, given.case)
    contestant.run(
        case,
        lambda: FullBatch(case, chosen),
        block=2 if given.device == "cpu" else 20,
        seconds=given.seconds,
        versions={"jax": jax.__version__},
        device=device,
    )


if __name__ == "__main__":
    main()
