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
threads=N      so many threads
malloc         the allocator told to keep its memory
graph          the whole step as one CUDA graph (CUDA only)
"""

from __future__ import annotations

import sys

import torch
from torch import Tensor

import contestant
import torch_net
import work


class FullBatch:
    def __init__(self, case: work.Case, chosen: dict[str, str], device: torch.device) -> None:
        self.case = case
        self.step = 0
        problem = torch_net.Problem(case, chosen, device)
        self.net = problem.net
        examples = len(case.labels)
        size = int(chosen.get("chunk", examples))
        self.chunks = list(zip(problem.x.split(size), problem.y.split(size), strict=True))

        def loss(x: Tensor, y: Tensor, net: torch_net.Net) -> Tensor:
            """The contribution of these examples to the mean loss."""
            return problem.loss(net, x, y) / examples

        self.loss = torch.compile(loss, dynamic=False) if "compile" in chosen else loss
        recipe = case.recipe
        graph = "graph" in chosen
        # A graph replays its constants, so a rate that changes must be a tensor.
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
        """Records a step, then undoes the changes of the steps around the recording (a rate of 0 moves no weight)."""
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
        # A graph's gradients have their own memory, which each replay overwrites; here it is only cleared.
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
    known = (*torch_net.KNOWN, "chunk=N", "fused", "graph")
    chosen = torch_net.DEFAULTS | contestant.options(given.variant, known)
    if "graph" in chosen and given.device != "cuda":
        sys.exit(f"variant {given.variant}: found --device {given.device}, expected cuda")
    device, name = torch_net.use(given.device)
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
