"""The reproduction's batch-1 SGD in PyTorch. A variant is a list of the options of `torch_full_batch.py`, but chunk=N,
fused and graph, and

update=optimizer|foreach|functional|by-hand
    autograd and torch.optim.SGD; autograd and one torch._foreach_add_; gradient and update as one function; or
    everything written by hand without autograd (see `torch_by_hand.py`; the other options do not apply)
unroll=N  N updates, one after the other, in one compiled function (with compile and update=functional)
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
from torch import Tensor

import contestant
import torch_by_hand
import torch_net
import work
from torch_net import Net

KINDS = ("update=optimizer", "update=foreach", "update=functional", "update=by-hand")
# Updates per sample: at least some milliseconds.
BLOCK = 200

Updates = Callable[[Net, Tensor, Tensor], tuple[Net, Tensor]]


class PerExample:
    def __init__(self, case: work.Case, chosen: dict[str, str], device: torch.device) -> None:
        problem = torch_net.Problem(case, chosen, device)
        self.net = problem.net
        self.done = 0
        self.rate = case.rate(0)
        self.loss = problem.loss
        self.unroll = int(chosen.get("unroll", 1))
        self.kind = chosen["update"]
        # Split beforehand, one example (or `unroll` of them) per update.
        self.x = problem.x.split(self.unroll)
        self.y = problem.y.split(self.unroll)
        self.optimizer = torch.optim.SGD(self.net.values(), lr=self.rate)
        self.gradient_of = torch.func.grad_and_value(problem.loss)
        if self.kind == "functional":
            self.net = {name: value.detach() for name, value in self.net.items()}
        self.updates: Updates = self.several
        if "compile" in chosen and self.kind == "functional":
            self.updates = torch.compile(self.several, dynamic=False)
        elif "compile" in chosen:
            self.loss = torch.compile(problem.loss, dynamic=False)

    def several(self, net: Net, xs: Tensor, ys: Tensor) -> tuple[Net, Tensor]:
        """The weights after one update per example, and the losses."""
        losses = []
        for x, y in zip(xs.split(1), ys.split(1), strict=True):
            gradient, loss = self.gradient_of(net, x, y)
            net = {name: value - self.rate * gradient[name] for name, value in net.items()}
            losses.append(loss)
        return net, torch.stack(losses)

    def backward(self, at: int) -> Tensor:
        loss = self.loss(self.net, self.x[at], self.y[at])
        loss.backward()
        return loss.detach()

    def gradient(self) -> tuple[float, work.Tensors]:
        if self.kind == "functional":
            gradient, loss = self.gradient_of(self.net, self.x[0][:1], self.y[0][:1])
        else:
            loss = self.backward(0)
            gradient = {name: value.grad for name, value in self.net.items()}
            self.optimizer.zero_grad()
        return loss.item(), {name: value.detach().cpu().numpy().copy() for name, value in gradient.items()}

    def train(self, steps: int) -> list[float]:
        losses = []
        for _ in range(steps // self.unroll):
            # The last call of an epoch may be short. It is left out, so that only one length is compiled.
            at = self.done % (len(self.x) - (self.unroll > 1))
            if self.kind == "functional":
                self.net, loss = self.updates(self.net, self.x[at], self.y[at])
            elif self.kind == "foreach":
                loss = self.backward(at)
                with torch.no_grad():
                    values = list(self.net.values())
                    torch._foreach_add_(values, [value.grad for value in values], alpha=-self.rate)
                for value in values:
                    value.grad = None
            else:
                self.optimizer.zero_grad()
                loss = self.backward(at)
                self.optimizer.step()
            losses.append(loss.reshape(-1))
            self.done += 1
        return torch.cat(losses).tolist()  # waits for the device

    def parameters(self) -> work.Tensors:
        return {name: value.detach().cpu().numpy() for name, value in self.net.items()}


def main() -> None:
    given = contestant.arguments(__doc__.splitlines()[0])
    chosen = {"update": "optimizer"} | torch_net.DEFAULTS
    chosen |= contestant.options(given.variant, (*torch_net.KNOWN, *KINDS, "unroll=N"))
    if "unroll" in chosen and chosen["update"] != "functional":
        sys.exit(f"variant {given.variant}: found unroll, expected it with update=functional")
    device, name = torch_net.use(given.device)
    case = work.load(given.work, given.case)
    if len(case.losses) % int(chosen.get("unroll", 1)) or BLOCK % int(chosen.get("unroll", 1)):
        sys.exit(f"variant {given.variant}: found unroll={chosen['unroll']}, expected a divisor of {len(case.losses)}")

    def make() -> contestant.Contestant:
        by_hand = chosen["update"] == "by-hand"
        return torch_by_hand.PerExample(case) if by_hand else PerExample(case, chosen, device)

    contestant.run(
        case,
        make,
        block=BLOCK,
        seconds=given.seconds,
        versions={"torch": torch.__version__},
        device=name,
    )


if __name__ == "__main__":
    main()
