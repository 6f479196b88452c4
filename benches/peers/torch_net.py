"""The net in PyTorch, with several ways to compute its convolutions (see `torch_full_batch.py`)."""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

import work

KNOWN = (
    "h1=conv",
    "h1=unfold",
    "h1=product",
    "h2=grouped",
    "h2=dense",
    "h2=unfold",
    "h2=product",
    "zeropad",
    "channels-last",
    "compile",
)
DEFAULTS = {"h1": "conv", "h2": "grouped"}

Net = dict[str, Tensor]
Layer = Callable[[Tensor, Net], Tensor]


def pad(x: Tensor) -> Tensor:
    return F.pad(x, (2, 2, 2, 2), value=-1.0)


def patches(x: Tensor) -> Tensor:
    """[N, C, S, S] as [N, places, C * 25], padded with -1."""
    n, channels = x.shape[:2]
    folded = pad(x).unfold(2, 5, 2).unfold(3, 5, 2)
    places = folded.shape[2] * folded.shape[3]
    return folded.permute(0, 2, 3, 1, 4, 5).reshape(n, places, channels * 25)


def selection(side: int, device: torch.device) -> Tensor:
    """[tap, below, above]: 1 where a unit's tap reads the unit below, along one axis."""
    tap, below, above = torch.meshgrid(torch.arange(5), torch.arange(side), torch.arange(side // 2), indexing="ij")
    return (below == 2 * above - 2 + tap).float().to(device)


def matrix(kernel: Tensor, select: Tensor) -> Tensor:
    """From all units of [channels, side, side] to all of [maps, side/2, side/2], mostly zeros."""
    large = torch.einsum("mcij,iyr,jxs->cyxmrs", kernel, select, select)
    return large.flatten(3).flatten(0, 2)


def dense(kernel: Tensor) -> Tensor:
    """H2's kernels over all twelve maps, zero where a map is not connected."""
    zeros = kernel.new_zeros(4, 4, 5, 5)
    first, second, third = kernel[:4], kernel[4:8], kernel[8:]
    return torch.cat(
        [
            torch.cat([first, zeros], 1),
            torch.cat([zeros, second], 1),
            torch.cat([third[:, :4], zeros, third[:, 4:]], 1),
        ]
    )


def h1_layer(chosen: dict[str, str], images: Tensor) -> tuple[Tensor, Layer]:
    """The images in the form the layer reads, prepared once, and the layer's sums."""
    kind = chosen["h1"]
    if kind == "unfold":

        def sums(x: Tensor, net: Net) -> Tensor:
            out = x @ net["H1w"].flatten(1).T  # [N, 64, 12]
            return out.transpose(1, 2).unflatten(2, (8, 8)) + net["H1b"]

        return patches(images).contiguous(), sums
    if kind == "product":
        select = selection(16, images.device)

        def sums(x: Tensor, net: Net) -> Tensor:
            shift = (net["H1b"] - net["H1w"].sum((1, 2, 3))[:, None, None]).flatten()
            return torch.addmm(shift, x, matrix(net["H1w"], select)).unflatten(1, (12, 8, 8))

        return images.flatten(1) + 1, sums
    if "zeropad" in chosen:

        def sums(x: Tensor, net: Net) -> Tensor:
            shift = net["H1b"] - net["H1w"].sum((1, 2, 3))[:, None, None]
            return F.conv2d(x, net["H1w"], stride=2, padding=2) + shift

        return images + 1, sums

    def sums(x: Tensor, net: Net) -> Tensor:
        return F.conv2d(pad(x), net["H1w"], stride=2) + net["H1b"]

    return images, sums


def h2_layer(chosen: dict[str, str], device: torch.device) -> Layer:
    kind = chosen["h2"]
    if kind == "unfold":

        def sums(h1: Tensor, net: Net) -> Tensor:
            out = patches(h1) @ dense(net["H2w"]).flatten(1).T  # [N, 16, 12]
            return out.transpose(1, 2).unflatten(2, (4, 4)) + net["H2b"]

        return sums
    if kind == "product":
        select = selection(8, device)

        def sums(h1: Tensor, net: Net) -> Tensor:
            shift = (net["H2b"] - net["H2w"].sum((1, 2, 3))[:, None, None]).flatten()
            return torch.addmm(shift, h1.flatten(1) + 1, matrix(dense(net["H2w"]), select)).unflatten(1, (12, 4, 4))

        return sums
    if kind == "dense" and "zeropad" in chosen:

        def sums(h1: Tensor, net: Net) -> Tensor:
            shift = net["H2b"] - net["H2w"].sum((1, 2, 3))[:, None, None]
            return F.conv2d(h1 + 1, dense(net["H2w"]), stride=2, padding=2) + shift

        return sums
    if kind == "dense":
        return lambda h1, net: F.conv2d(pad(h1), dense(net["H2w"]), stride=2) + net["H2b"]

    def sums(h1: Tensor, net: Net) -> Tensor:
        padded = pad(h1)
        groups = (padded[:, :8], padded[:, 4:], torch.cat([padded[:, :4], padded[:, 8:]], 1))
        outs = [F.conv2d(group, net["H2w"][4 * i : 4 * i + 4], stride=2) for i, group in enumerate(groups)]
        return torch.cat(outs, 1) + net["H2b"]

    return sums


class Problem:
    """Weights, prepared images and targets of a case on a device, and the loss."""

    def __init__(self, case: work.Case, chosen: dict[str, str], device: torch.device) -> None:
        net = {name: torch.from_numpy(value.copy()).to(device) for name, value in case.start.items()}
        channels_last = "channels-last" in chosen
        if channels_last:
            net = {
                name: value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
                for name, value in net.items()
            }
        self.net: Net = {name: value.requires_grad_() for name, value in net.items()}
        self.x, h1_sums = h1_layer(chosen, torch.from_numpy(case.images)[:, None].to(device))
        h2_sums = h2_layer(chosen, device)
        self.y = torch.from_numpy(case.labels if case.cross_entropy else case.targets()).to(device)
        activation = torch.relu if case.relu else torch.tanh

        def loss(net: Net, x: Tensor, y: Tensor) -> Tensor:
            """The sum of these examples' losses."""
            h1 = activation(h1_sums(x, net))
            if channels_last:
                h1 = h1.contiguous(memory_format=torch.channels_last)
            h2 = activation(h2_sums(h1, net))
            h3 = activation(h2.flatten(1) @ net["H3w"] + net["H3b"])
            out = h3 @ net["outw"] + net["outb"]
            if case.cross_entropy:
                return F.cross_entropy(out, y, reduction="sum")
            return (torch.tanh(out) - y).square().sum() / 10

        self.loss = loss


def use(device: str) -> tuple[torch.device, str]:
    """The device of this kind, in f32 throughout, and its name."""
    if device == "cuda" and not torch.cuda.is_available():
        sys.exit("--device cuda: found no CUDA device")
    if device == "mps" and not torch.backends.mps.is_available():
        sys.exit("--device mps: found no Metal device")
    # No TF32.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    names = {"cpu": lambda: f"CPU, {torch.get_num_threads()} threads", "cuda": torch.cuda.get_device_name}
    name = names.get(device, lambda: "Metal")()
    return torch.device(device), name
