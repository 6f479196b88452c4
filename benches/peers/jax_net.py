"""The net in JAX, channels last inside, with several ways to compute its convolutions (see `jax_full_batch.py`)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax

import work

KNOWN = (
    "h1=conv",
    "h1=patches",
    "h1=product",
    "h2=grouped",
    "h2=dense",
    "h2=patches",
    "h2=product",
    "zeropad",
)
DEFAULTS = {"h1": "conv", "h2": "grouped"}

Net = dict[str, Array]
Sums = Callable[[Array, Net], Array]


def pad(x: Array) -> Array:
    return jnp.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=-1.0)


def conv(x: Array, kernel: Array, padding: int = 0) -> Array:
    """The kernel is as in PyTorch, [maps, channels, 5, 5]."""
    return lax.conv_general_dilated(
        x,
        kernel.transpose(2, 3, 1, 0),
        window_strides=(2, 2),
        padding=((padding, padding), (padding, padding)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def patches(x: Array) -> Array:
    """[N, S, S, C] as [N, S/2, S/2, 25 * C], padded with -1: 25 strided slices, concatenated."""
    side = x.shape[1]
    padded = pad(x)
    slices = [padded[:, y : y + side : 2, x : x + side : 2] for y in range(5) for x in range(5)]
    return jnp.concatenate(slices, axis=-1)


def as_matrix(kernel: Array) -> Array:
    """[maps, channels, 5, 5] as the matrix that multiplies the patches."""
    return kernel.transpose(2, 3, 1, 0).reshape(-1, kernel.shape[0])


def dense(kernel: Array) -> Array:
    """H2's kernels over all twelve maps, zero where a map is not connected."""
    zeros = jnp.zeros((4, 4, 5, 5))
    first, second, third = kernel[:4], kernel[4:8], kernel[8:]
    rows = ([first, zeros], [zeros, second], [third[:, :4], zeros, third[:, 4:]])
    return jnp.concatenate([jnp.concatenate(row, axis=1) for row in rows])


def large_matrix(kernel: Array, side: int) -> Array:
    """The matrix from all units of [side, side, channels] to all of [side/2, side/2, maps], mostly zeros."""
    maps, channels = kernel.shape[:2]
    half = side // 2
    # select[tap, below, above] is 1 where a unit's tap reads the unit below.
    taps, below, above = jnp.ogrid[:5, :side, :half]
    select = (below == 2 * above - 2 + taps).astype(jnp.float32)
    large = jnp.einsum("mcij,iyr,jxs->yxcrsm", kernel, select, select, precision="highest")
    return large.reshape(side * side * channels, half * half * maps)


def biases(values: Array) -> Array:
    """A bias per unit, [maps, S, S], in the order of the activations."""
    return values.transpose(1, 2, 0)


def h1_layer(chosen: dict[str, str], images: Array) -> tuple[Array, Sums]:
    """The images ([N, 16, 16]) in the form the layer reads, prepared once, and the layer's sums."""
    x = images[..., None]
    kind = chosen["h1"]
    if kind == "patches":
        return patches(x), lambda x, net: x @ as_matrix(net["H1w"]) + biases(net["H1b"])
    if kind == "product":

        def sums(x: Array, net: Net) -> Array:
            shift = biases(net["H1b"]) - net["H1w"].sum((1, 2, 3))
            return (x @ large_matrix(net["H1w"], 16)).reshape(-1, 8, 8, 12) + shift

        return x.reshape(len(x), -1) + 1, sums
    if "zeropad" in chosen:

        def sums(x: Array, net: Net) -> Array:
            return conv(x, net["H1w"], 2) + biases(net["H1b"]) - net["H1w"].sum((1, 2, 3))

        return x + 1, sums
    return x, lambda x, net: conv(pad(x), net["H1w"]) + biases(net["H1b"])


def h2_layer(chosen: dict[str, str]) -> Sums:
    kind = chosen["h2"]
    if kind == "patches":
        return lambda h1, net: patches(h1) @ as_matrix(dense(net["H2w"])) + biases(net["H2b"])
    if kind == "product":

        def sums(h1: Array, net: Net) -> Array:
            shift = biases(net["H2b"]) - net["H2w"].sum((1, 2, 3))
            flat = (h1 + 1).reshape(len(h1), -1)
            return (flat @ large_matrix(dense(net["H2w"]), 8)).reshape(-1, 4, 4, 12) + shift

        return sums
    if kind == "dense" and "zeropad" in chosen:

        def sums(h1: Array, net: Net) -> Array:
            return conv(h1 + 1, dense(net["H2w"]), 2) + biases(net["H2b"]) - net["H2w"].sum((1, 2, 3))

        return sums
    if kind == "dense":
        return lambda h1, net: conv(pad(h1), dense(net["H2w"])) + biases(net["H2b"])

    def sums(h1: Array, net: Net) -> Array:
        padded = pad(h1)
        kernels = jnp.split(net["H2w"], 3)
        outs = [conv(padded[..., jnp.array(seen)], k) for seen, k in zip(work.H2_SOURCES, kernels, strict=True)]
        return jnp.concatenate(outs, axis=-1) + biases(net["H2b"])

    return sums


def net_of(case: work.Case, chosen: dict[str, str]) -> tuple[Array, Array, Callable[[Net, Array, Array], Array]]:
    """Prepared images, targets, and a function from net, images and targets to the loss of each example."""
    x, h1_sums = h1_layer(chosen, jnp.asarray(case.images))
    h2_sums = h2_layer(chosen)
    y = jnp.asarray(case.targets())
    activation = jax.nn.relu if case.relu else jnp.tanh

    def losses(net: Net, x: Array, y: Array) -> Array:
        h1 = activation(h1_sums(x, net))
        h2 = activation(h2_sums(h1, net))
        # H3's weights expect (map, row, column).
        h3w = net["H3w"].reshape(12, 16, 30).transpose(1, 0, 2).reshape(192, 30)
        h3 = activation(h2.reshape(len(h2), 192) @ h3w + net["H3b"])
        out = h3 @ net["outw"] + net["outb"]
        if case.cross_entropy:
            return -(jax.nn.log_softmax(out) * (y > 0)).sum(-1)
        return jnp.square(jnp.tanh(out) - y).mean(-1)

    return x, y, losses


def use(device: str) -> str:
    """Computes on the first device of this kind, in f32 throughout, and returns its name."""
    jax.config.update("jax_default_matmul_precision", "highest")  # no TF32
    try:
        found = jax.devices(device)[0]
    except RuntimeError as error:
        sys.exit(f"--device {device}: {str(error).splitlines()[0]}")
    jax.config.update("jax_default_device", found)
    return f"{found.device_kind}, {os.cpu_count()} cores" if device == "cpu" else found.device_kind
