"""The reproduction's batch-1 SGD in JAX: updates under lax.scan, a whole epoch compiled as one. A variant is a list of
the options of `jax_full_batch.py`, but chunk=N, and

unroll=N  so many updates a turn of the compiled loop
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


class PerExample:
    def __init__(self, case: work.Case, chosen: dict[str, str]) -> None:
        self.examples = len(case.labels)
        self.done = 0
        x, y, losses = jax_net.net_of(case, chosen)
        self.data = (x[:, None], y[:, None])
        self.net: Net = {name: jnp.asarray(value) for name, value in case.start.items()}
        rate = case.rate(0)
        unroll = int(chosen.get("unroll", 1))

        def loss(net: Net, x: Array, y: Array) -> Array:
            return losses(net, x, y)[0]

        def update(net: Net, example: tuple[Array, Array]) -> tuple[Net, Array]:
            value, gradient = jax.value_and_grad(loss)(net, *example)
            return jax.tree.map(lambda p, g: p - rate * g, net, gradient), value

        @partial(jax.jit, donate_argnums=0)
        def updates(net: Net, data: tuple[Array, Array]) -> tuple[Net, Array]:
            return lax.scan(update, net, data, unroll=unroll)

        self.updates = updates
        self.value_and_grad = jax.jit(jax.value_and_grad(loss))

    def gradient(self) -> tuple[float, work.Tensors]:
        value, gradient = self.value_and_grad(self.net, *(part[0] for part in self.data))
        return float(value), {name: np.asarray(array) for name, array in gradient.items()}

    def train(self, steps: int) -> list[float]:
        """All within one epoch: `steps` divides the rest of it, or starts a new one."""
        first = self.done % self.examples
        if first + steps > self.examples:
            first = 0
        # Avoids a copy of a whole epoch.
        data = self.data if steps == self.examples else tuple(part[first : first + steps] for part in self.data)
        self.net, losses = self.updates(self.net, data)
        jax.block_until_ready(self.net)
        self.done += steps
        return losses.tolist()

    def parameters(self) -> work.Tensors:
        return {name: np.asarray(array) for name, array in self.net.items()}


def main() -> None:
    given = contestant.arguments(__doc__.splitlines()[0])
    chosen = jax_net.DEFAULTS | contestant.options(given.variant, (*jax_net.KNOWN, "unroll=N"))
    device = jax_net.use(given.device)
    case = work.load(given.work, given.case)
    contestant.run(
        case,
        lambda: PerExample(case, chosen),
        block=len(case.labels),
        seconds=given.seconds,
        versions={"jax": jax.__version__},
        device=device,
    )


if __name__ == "__main__":
    main()
