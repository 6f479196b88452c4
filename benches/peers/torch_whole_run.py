"""Whole runs of the recipe `full-batch` in PyTorch: the closed-form start (`start.py`), then steps of whitened Muon. Variants as in
torch_full_batch.py, without `fused` and `graph`."""

from __future__ import annotations

import torch
from torch import Tensor

import contestant
import start
import torch_full_batch
import torch_net
import work


def rows(layer: str, tensor: Tensor) -> Tensor:
    """A weight tensor as [row, input]."""
    return tensor.flatten(1) if layer in ("H1", "H2") else tensor.T


def orthogonal(matrix: Tensor) -> Tensor:
    """Muon's five iterations of Newton and Schulz."""
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonal(matrix.T).T
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix / (matrix.norm() + 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


class WholeRun(torch_full_batch.FullBatch):
    def __init__(self, case: work.Case, chosen: dict[str, str], device: torch.device) -> None:
        super().__init__(case, chosen, device)
        self.device = device
        self.begin()

    def begin(self) -> None:
        """Computes the start."""
        self.step = 0
        net, self.of_host = start.start(self.case)
        with torch.no_grad():
            for name, values in net.items():
                self.net[name].copy_(torch.from_numpy(values))
        self.statistics = {
            layer: [(self.tensor(group.mean), self.tensor(group.whitening)) for group in groups]
            for layer, groups in self.of_host.items()
        }
        self.momenta = {layer: torch.zeros_like(rows(layer, self.net[f"{layer}w"])) for layer in self.of_host}

    def gradient(self) -> tuple[float, work.Tensors]:
        loss, gradient = super().gradient()
        return loss, start.centred(gradient, self.of_host)

    def tensor(self, values: start.Array) -> Tensor:
        return torch.from_numpy(values).float().to(self.device)

    @torch.no_grad()
    def update(self, rate: float) -> None:
        beta = self.case.recipe["momentum"]
        for layer, groups in self.statistics.items():
            weights, biases = self.net[f"{layer}w"], self.net[f"{layer}b"]
            by_bias = biases.grad.reshape(len(rows(layer, weights)), -1).chunk(len(groups))
            moved = torch.cat([part @ mean for part, (mean, _) in zip(by_bias, groups, strict=True)])
            gradient = rows(layer, weights.grad) - moved
            self.momenta[layer].lerp_(gradient, 1 - beta)
            ahead = gradient.lerp(self.momenta[layer], beta).chunk(len(groups))
            white = torch.cat([part @ whitening.T for part, (_, whitening) in zip(ahead, groups, strict=True)])
            parts = orthogonal(white).chunk(len(groups))
            steps = [rate * part @ whitening for part, (_, whitening) in zip(parts, groups, strict=True)]
            rows(layer, weights).sub_(torch.cat(steps))
            kept = [step @ mean.T for step, (mean, _) in zip(steps, groups, strict=True)]
            biases += torch.cat(kept).reshape(biases.shape)

    def train(self, steps: int) -> list[float]:
        """Steps of a run, from its start if the one before has ended."""
        if self.step == len(self.case.rates):
            self.begin()
        losses = []
        for _ in range(steps):
            self.optimizer.zero_grad()
            losses.append(self.backward())
            self.update(self.case.rate(self.step))
            self.step += 1
        return torch.stack(losses).tolist()  # waits for the device


def main() -> None:
    given = contestant.arguments(__doc__.splitlines()[0])
    chosen = torch_net.DEFAULTS | contestant.options(given.variant, (*torch_net.KNOWN, "chunk=N"))
    device, name = torch_net.use(given.device)
    case = start.load(given.work, given.case)
    contestant.run(
        case,
        lambda: WholeRun(case, chosen, device),
        block=len(case.rates),
        seconds=given.seconds,
        versions={"torch": torch.__version__},
        device=name,
        whole_run=True,
    )


if __name__ == "__main__":
    main()
