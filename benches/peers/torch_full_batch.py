"""Full-batch steps in PyTorch. A variant is a list of options, so that every combination can be measured:

h1=conv|unfold|product, h2=grouped|dense|unfold|product
    how each convolution is computed: as the reproduction has it (F.pad and F.conv2d, H2 as three convolutions); H2 as
    one convolution with a kernel that is zero where nothing is connected; as patches times a matrix; or as all units
    below times one large matrix that is mostly zeros
zeropad        the padding of -1 by arithmetic (add 1, pad with 0, subtract) instead of a copy
channels-last  that memory format
chunk=N        N examples at a time, gradients added up
compile        torch.compile
fused          AdamW's fused implementation
malloc         the allocator told to keep its memory (set in the environment by the runner)
graph          the whole step as one CUDA graph (CUDA only)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import contestant
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
    "chunk=N",
    "compile",
    "fused",
    "malloc",
    "graph",
)

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


def product_indices(channels: int, maps: int, side: int) -> np.ndarray:
    """For the matrix from all units of [channels, side, side] to all of [maps, side/2, side/2]: where in a flattened
    kernel [maps, channels, 5, 5] each element lies, or one past its end if nothing connects the two."""
    half = side // 2
    c, y, x, m, row, column = np.ogrid[:channels, :side, :side, :maps, :half, :half]
    tap_y, tap_x = y - 2 * row + 2, x - 2 * column + 2
    index = ((m * channels + c) * 5 + tap_y) * 5 + tap_x
    inside = (tap_y >= 0) & (tap_y < 5) & (tap_x >= 0) & (tap_x < 5)
    return np.where(inside, index, maps * channels * 25).reshape(channels * side**2, maps * half**2)


def matrix(kernel: Tensor, indices: Tensor) -> Tensor:
    return torch.cat([kernel.flatten(), kernel.new_zeros(1)])[indices]


def dense(kernel: Tensor) -> Tensor:
    """H2's kernels over all twelve maps, zero where a map is not seen."""
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
    """The images as the layer wants them, prepared once, and the layer's sums."""
    kind = chosen["h1"]
    if kind == "unfold":

        def sums(x: Tensor, net: Net) -> Tensor:
            out = x @ net["H1w"].flatten(1).T  # [N, 64, 12]
            return out.transpose(1, 2).unflatten(2, (8, 8)) + net["H1b"]

        return patches(images).contiguous(), sums
    if kind == "product":
        indices = torch.from_numpy(product_indices(1, 12, 16)).to(images.device)

        def sums(x: Tensor, net: Net) -> Tensor:
            shift = (net["H1b"] - net["H1w"].sum((1, 2, 3))[:, None, None]).flatten()
            return torch.addmm(shift, x, matrix(net["H1w"], indices)).unflatten(1, (12, 8, 8))

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
        indices = torch.from_numpy(product_indices(12, 12, 8)).to(device)

        def sums(h1: Tensor, net: Net) -> Tensor:
            shift = (net["H2b"] - net["H2w"].sum((1, 2, 3))[:, None, None]).flatten()
            return torch.addmm(shift, h1.flatten(1) + 1, matrix(dense(net["H2w"]), indices)).unflatten(1, (12, 4, 4))

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


class FullBatch:
    def __init__(self, case: work.Case, chosen: dict[str, str], device: torch.device) -> None:
        self.case = case
        self.device = device
        self.step = 0
        net = {name: torch.from_numpy(value.copy()).to(device) for name, value in case.start.items()}
        images = torch.from_numpy(case.images)[:, None].to(device)
        if "channels-last" in chosen:
            net = {
                name: value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
                for name, value in net.items()
            }
        self.net = {name: value.requires_grad_() for name, value in net.items()}
        x, h1_sums = h1_layer(chosen, images)
        h2_sums = h2_layer(chosen, device)
        y = torch.from_numpy(case.labels if case.cross_entropy else case.targets()).to(device)
        size = int(chosen.get("chunk", 0)) or len(case.labels)
        self.chunks = list(zip(x.split(size), y.split(size), strict=True))
        activation = torch.relu if case.relu else torch.tanh
        examples = len(case.labels)
        channels_last = "channels-last" in chosen

        def loss(x: Tensor, y: Tensor, net: Net) -> Tensor:
            """These examples' share of the mean loss."""
            h1 = activation(h1_sums(x, net))
            if channels_last:
                h1 = h1.contiguous(memory_format=torch.channels_last)
            h2 = activation(h2_sums(h1, net))
            h3 = activation(h2.flatten(1) @ net["H3w"] + net["H3b"])
            out = h3 @ net["outw"] + net["outb"]
            if case.cross_entropy:
                return F.cross_entropy(out, y, reduction="sum") / examples
            return (torch.tanh(out) - y).square().sum() / (10 * examples)

        self.loss = torch.compile(loss, dynamic=False) if "compile" in chosen else loss
        recipe = case.recipe
        graph = "graph" in chosen
        # A graph replays its constants: a rate that changes has to be a tensor.
        self.rate = torch.zeros((), device=device)
        self.optimizer = torch.optim.AdamW(
            self.net.values(),
            lr=self.rate if graph else 0.0,
            betas=(recipe["beta1"], recipe["beta2"]),
            eps=recipe["epsilon"],
            weight_decay=recipe["weight_decay"],
            fused=True if "fused" in chosen else None,
            capturable=graph,
        )
        self.graph = self.capture() if graph else None

    def backward(self) -> Tensor:
        """Leaves the gradient in the parameters and returns the loss."""
        total = None
        for x, y in self.chunks:
            loss = self.loss(x, y, self.net)
            loss.backward()
            total = loss.detach() if total is None else total + loss.detach()
        assert total is not None
        return total

    def one_step(self) -> Tensor:
        self.optimizer.zero_grad()
        loss = self.backward()
        self.optimizer.step()
        return loss

    def capture(self) -> torch.cuda.CUDAGraph:
        """Records a step, then undoes what the steps around the recording changed (the rate of 0 moves no weight)."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.one_step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad()
        with torch.cuda.graph(graph):
            self.graph_loss = self.backward()
            self.optimizer.step()
        for state in self.optimizer.state.values():
            for value in state.values():
                value.zero_()
        return graph

    def gradient(self) -> tuple[float, work.Tensors]:
        # A graph's gradients have their own memory, which each replay writes anew: here it is only cleared.
        self.optimizer.zero_grad(set_to_none=self.graph is None)
        loss = self.backward().item()
        gradient = {name: value.grad.detach().cpu().numpy().copy() for name, value in self.net.items()}
        return loss, gradient

    def train(self, steps: int) -> list[float]:
        losses = []
        for _ in range(steps):
            rate = self.case.rate(self.step)
            if self.graph is None:
                for group in self.optimizer.param_groups:
                    group["lr"] = rate
                losses.append(self.one_step())
            else:
                self.rate.fill_(rate)
                self.graph.replay()
                losses.append(self.graph_loss.clone())
            self.step += 1
        return torch.stack(losses).tolist()  # waits for the device

    def parameters(self) -> work.Tensors:
        return {name: value.detach().cpu().numpy() for name, value in self.net.items()}


def main() -> None:
    given = contestant.arguments(__doc__.splitlines()[0])
    chosen = {"h1": "conv", "h2": "grouped"} | contestant.options(given.variant, KNOWN)
    if "malloc" in chosen and "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        sys.exit("variant with malloc: found no MALLOC_MMAP_THRESHOLD_ in the environment")
    if given.device == "cuda" and not torch.cuda.is_available():
        sys.exit("--device cuda: found no CUDA device")
    if given.threads:
        torch.set_num_threads(given.threads)
    # f32 throughout: no TF32.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    device = torch.device(given.device)
    name = torch.cuda.get_device_name() if given.device == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    case = work.load(given.work, given.case)
    contestant.run(
        case,
        lambda: FullBatch(case, chosen, device),
        block=1 if given.device == "cpu" else 20,
        seconds=given.seconds,
        versions={"torch": torch.__version__},
        device=name,
    )


if __name__ == "__main__":
    main()
