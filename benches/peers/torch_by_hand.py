"""One batch-1 update of the reproduction's net in PyTorch with forward, backward and update written by hand: some forty
operations and no autograd. Inside, places come before maps, so that every convolution is one product with patches, and
H2's kernel is dense (zero, and kept at zero, where nothing is connected)."""

from __future__ import annotations

import torch
from torch import Tensor

import work

tanh_backward = torch.ops.aten.tanh_backward


def from_maps(kernel: Tensor) -> Tensor:
    """[maps, channels, 5, 5] as a matrix [5 * 5 * channels, maps]."""
    return kernel.permute(2, 3, 1, 0).reshape(-1, kernel.shape[0])


def places_first(biases: Tensor) -> Tensor:
    return biases.flatten(1).T.contiguous()


class ByHand:
    def __init__(self, case: work.Case) -> None:
        net = {name: torch.from_numpy(value.copy()) for name, value in case.start.items()}
        kernel = torch.zeros(12, 12, 5, 5)
        seen = torch.zeros_like(kernel)
        for group, sources in enumerate(work.H2_SOURCES):
            maps = slice(4 * group, 4 * group + 4)
            kernel[maps, list(sources)] = net["H2w"][maps]
            seen[maps, list(sources)] = 1
        self.seen = from_maps(seen)
        h3w = net["H3w"].reshape(12, 16, 30).transpose(0, 1).reshape(192, 30).contiguous()
        self.weights = [
            from_maps(net["H1w"]),
            places_first(net["H1b"]),
            from_maps(kernel),
            places_first(net["H2b"]),
            h3w,
            net["H3b"],
            net["outw"],
            net["outb"],
        ]
        images = torch.nn.functional.pad(torch.from_numpy(case.images), (2, 2, 2, 2), value=-1.0)
        self.x = images.unfold(1, 5, 2).unfold(2, 5, 2).reshape(-1, 64, 25).unbind()
        self.y = torch.from_numpy(case.targets()).unbind()
        # H1 with its padding, rows × columns × maps, and the patches of it that H2 sees.
        self.padded = torch.full((12, 12, 12), -1.0)
        self.inside = self.padded[2:10, 2:10]
        places = torch.arange(12 * 12 * 12).reshape(12, 12, 12)
        self.strides = ((4, 4, 5, 60), (288, 24, 144, 1))
        self.below = places.as_strided(*self.strides).reshape(-1).contiguous()
        self.d_padded = torch.zeros(12 * 12 * 12)
        self.d_inside = self.d_padded.view(12, 12, 12)[2:10, 2:10]

    def update(self, at: int, rate: float) -> Tensor:
        """One example; returns the differences of its outputs from the targets."""
        h1w, h1b, h2w, h2b, h3w, h3b, outw, outb = self.weights
        x = self.x[at]
        h1 = torch.addmm(h1b, x, h1w).tanh_()
        self.inside.copy_(h1.view(8, 8, 12))
        patches = self.padded.as_strided(*self.strides).reshape(16, 300)
        h2 = torch.addmm(h2b, patches, h2w).tanh_()
        flat = h2.view(192)
        h3 = torch.addmv(h3b, h3w.t(), flat).tanh_()
        out = torch.addmv(outb, outw.t(), h3).tanh_()
        difference = out - self.y[at]

        d_out = tanh_backward(difference, out).mul_(0.2)
        d_h3 = tanh_backward(torch.mv(outw, d_out), h3)
        d_h2 = tanh_backward(torch.mv(h3w, d_h3), flat).view(16, 12)
        self.d_padded.zero_().index_add_(0, self.below, torch.mm(d_h2, h2w.t()).view(-1))
        d_h1 = tanh_backward(self.d_inside.reshape(64, 12), h1)

        outw.addr_(h3, d_out, alpha=-rate)
        outb.sub_(d_out, alpha=rate)
        h3w.addr_(flat, d_h3, alpha=-rate)
        h3b.sub_(d_h3, alpha=rate)
        h2w.addmm_(patches.t(), d_h2, alpha=-rate).mul_(self.seen)
        h2b.sub_(d_h2, alpha=rate)
        h1w.addmm_(x.t(), d_h1, alpha=-rate)
        h1b.sub_(d_h1, alpha=rate)
        return difference

    def parameters(self) -> work.Tensors:
        h1w, h1b, h2w, h2b, h3w, h3b, outw, outb = (value.clone() for value in self.weights)
        kernel = h2w.reshape(5, 5, 12, 12).permute(3, 2, 0, 1)
        groups = [kernel[4 * i : 4 * i + 4, list(sources)] for i, sources in enumerate(work.H2_SOURCES)]
        tensors = {
            "H1w": h1w.reshape(5, 5, 1, 12).permute(3, 2, 0, 1),
            "H1b": h1b.T.reshape(12, 8, 8),
            "H2w": torch.cat(groups),
            "H2b": h2b.T.reshape(12, 4, 4),
            "H3w": h3w.reshape(16, 12, 30).transpose(0, 1).reshape(192, 30),
            "H3b": h3b,
            "outw": outw,
            "outb": outb,
        }
        return {name: value.numpy() for name, value in tensors.items()}


class PerExample:
    """`ByHand` as a contestant."""

    def __init__(self, case: work.Case) -> None:
        torch.set_grad_enabled(False)
        self.net = ByHand(case)
        self.rate = case.rate(0)
        self.done = 0

    def gradient(self) -> tuple[float, work.Tensors]:
        """Gradient, from one update that is then undone. Its rate is so large that the weights do not round the gradient."""
        rate = 1024.0
        before = [value.clone() for value in self.net.weights]
        old = self.net.parameters()
        loss = self.net.update(0, rate).square().mean().item()
        new = self.net.parameters()
        for value, kept in zip(self.net.weights, before, strict=True):
            value.copy_(kept)
        return loss, {name: (old[name] - new[name]) / rate for name in work.NAMES}

    def train(self, steps: int) -> list[float]:
        differences = []
        for _ in range(steps):
            differences.append(self.net.update(self.done % len(self.net.x), self.rate))
            self.done += 1
        return torch.stack(differences).square().mean(1).tolist()

    def parameters(self) -> work.Tensors:
        return self.net.parameters()
