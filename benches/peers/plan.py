"""The contestants: the command of each, and the variants measured by default."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent

OURS = "gpu-train"
FULL_BATCH, BATCH_1, GPU, SOFTWARE = "full-batch-cpu", "batch-1", "full-batch-gpu", "full-batch-software-adapter"
WHOLE_RUN, WHOLE_RUN_GPU = "whole-run-cpu", "whole-run-gpu"
WHOLE_RUNS = (WHOLE_RUN, WHOLE_RUN_GPU)
CATEGORIES = {
    FULL_BATCH: "Full batch on the CPU, ms a step",
    BATCH_1: "Batch 1 on the CPU, µs an example",
    GPU: "Full batch on the GPU, ms a step",
    SOFTWARE: "Full batch on a software Vulkan adapter, ms a step",
    WHOLE_RUN: "The recipe full-batch on the CPU, from its closed-form start to the essay's 82 misses, ms a run",
    WHOLE_RUN_GPU: "The same on the GPU, ms a run",
}


@dataclass(frozen=True)
class Contestant:
    category: str
    peer: str
    variant: str = ""

    @property
    def name(self) -> str:
        return f"{self.peer} {self.variant}".strip()


@dataclass(frozen=True)
class Tools:
    """Paths of the programs and of the work."""

    python: Path
    gpu_train: Path
    burn: Path
    work: Path
    case: str
    adapter: str = ""
    deadline: float = float("inf")  # of time.monotonic()


def command(contestant: Contestant, tools: Tools, seconds: float) -> list[str]:
    category, peer, variant = contestant.category, contestant.peer, contestant.variant
    if peer == OURS and category in WHOLE_RUNS:
        # Five runs of a process, as the peers' runs are of one.
        return [str(tools.gpu_train), "race", "--recipe", "full-batch", "--seeds", "5", "--json"]
    if peer == OURS:
        engine = {FULL_BATCH: "cpu", BATCH_1: "per-example"}.get(category, "gpu")
        command = [str(tools.gpu_train), "bench", "--json", "--seconds", str(seconds), "--engine", engine]
        if category == SOFTWARE:
            command += ["--device", "software"]
        if tools.adapter and category in (GPU, SOFTWARE):
            command += ["--adapter", tools.adapter]
        if category != BATCH_1:
            # The peers' optimizer; examples/peer_work.rs writes their work for the same one.
            command += ["--recipe", "full-batch-adamw"]
            command += ["--loss", "mse"] if tools.case == "tanh-mse" else ["--activation", "relu"]
        return command
    case = {BATCH_1: "reproduction", WHOLE_RUN: "full-batch", WHOLE_RUN_GPU: "full-batch"}.get(category, tools.case)
    shared = [variant, "--work", str(tools.work), "--case", case, "--seconds", str(seconds)]
    if peer == "burn":
        return [str(tools.burn), *shared]
    kind = {BATCH_1: "per_example", WHOLE_RUN: "whole_run", WHOLE_RUN_GPU: "whole_run"}.get(category, "full_batch")
    script = HERE / f"{peer}_{kind}.py"
    # On a Mac JAX has no GPU and reports that.
    gpu = "mps" if sys.platform == "darwin" and peer == "torch" else "cuda"
    device = gpu if category in (GPU, WHOLE_RUN_GPU) else "cpu"
    return [str(tools.python), str(script), *shared, "--device", device]


def several(category: str, peer: str, variants: str) -> list[Contestant]:
    return [Contestant(category, peer, variant) for variant in variants.split()]


# In each list the obvious code comes first; it always runs. By default the variants listed after it run too: they were
# the best in a screening. `--screen` measures every entry of ALL once and uses the best of them instead.
DEFAULT = [
    *several(FULL_BATCH, "torch", "h2=grouped h1=conv+h2=product+malloc h1=product+h2=product+malloc h2=dense+malloc+zeropad"),
    *several(FULL_BATCH, "jax", "h2=grouped h1=patches+h2=product+chunk=1024 h1=patches+h2=product+chunk=256"),
    *several(FULL_BATCH, "burn", "flex+h2=grouped flex+h2=dense flex+h2=dense+chunk=912"),
    *several(BATCH_1, "torch", "h2=grouped+threads=1 update=by-hand+threads=1"),
    *several(BATCH_1, "jax", "h2=grouped+threads=1 h1=patches+h2=patches+threads=1 h1=patches+h2=patches"),
    *several(GPU, "torch", "h2=grouped h2=grouped+compile h2=dense+graph h2=dense+compile+graph"),
    *several(GPU, "jax", "h2=grouped h2=dense h1=patches+h2=patches h1=patches+h2=product"),
    *several(GPU, "burn", "gpu+h2=grouped gpu+h2=dense"),
    *several(SOFTWARE, "burn", "software+h2=grouped+chunk=912 software+h2=dense+chunk=912"),
    *several(WHOLE_RUN, "torch", "h2=grouped h1=conv+h2=product+malloc h1=product+h2=product+malloc h2=dense+malloc+zeropad"),
    *several(WHOLE_RUN, "jax", "h2=grouped h1=patches+h2=product+chunk=1024 h1=patches+h2=product+chunk=256"),
    *several(WHOLE_RUN_GPU, "torch", "h2=grouped h2=dense+compile"),
    *several(WHOLE_RUN_GPU, "jax", "h2=grouped h1=patches+h2=patches"),
]

ALL = DEFAULT + [
    *several(
        FULL_BATCH,
        "torch",
        """
        h2=grouped+malloc h2=grouped+malloc+channels-last h2=grouped+malloc+compile h2=grouped+malloc+chunk=512
        h2=dense h2=dense+malloc h2=dense+malloc+fused h2=dense+malloc+channels-last h2=dense+malloc+compile
        h2=dense+malloc+zeropad+compile h2=dense+malloc+channels-last+compile
        h2=dense+malloc+chunk=256 h2=dense+malloc+chunk=512 h2=dense+malloc+chunk=1024
        h2=dense+malloc+chunk=512+compile h2=dense+malloc+chunk=512+zeropad+compile h2=dense+malloc+chunk=1024+compile
        h1=unfold+h2=unfold+malloc h1=unfold+h2=unfold+malloc+chunk=512+compile
        h1=unfold+h2=dense+malloc h1=conv+h2=product+malloc+chunk=512+compile h1=product+h2=product+malloc+chunk=512
        h1=product+h2=product+malloc+chunk=512+compile
        """,
    ),
    *several(
        FULL_BATCH,
        "jax",
        """
        h2=dense h2=dense+chunk=256 h1=patches+h2=dense h1=patches+h2=dense+zeropad+chunk=256
        h1=patches+h2=patches h1=patches+h2=patches+chunk=256 h1=patches+h2=patches+chunk=317
        h1=product+h2=product h1=product+h2=product+chunk=256 h1=product+h2=product+chunk=1024
        h1=patches+h2=product h1=patches+h2=product+chunk=512 h1=patches+h2=product+chunk=512+malloc
        """,
    ),
    *several(FULL_BATCH, "burn", "flex+h2=grouped+chunk=912 flex+h2=dense+chunk=317"),
    *several(
        BATCH_1,
        "torch",
        """
        h2=grouped h2=dense+threads=1 update=foreach+h2=dense+threads=1 update=foreach+h2=dense+threads=1+compile
        update=functional+h1=unfold+h2=unfold+threads=1+compile
        update=functional+h1=unfold+h2=unfold+threads=1+compile+unroll=5 update=by-hand
        """,
    ),
    *several(BATCH_1, "jax", "h2=dense+threads=1 h1=patches+h2=product+threads=1 h1=product+h2=product+threads=1"),
    *several(GPU, "torch", "h2=dense h2=dense+compile h2=grouped+graph h1=unfold+h2=product+compile+graph"),
    *several(GPU, "torch", "h1=product+h2=product+compile+graph"),
    *several(GPU, "jax", "h1=product+h2=product"),
    *several(SOFTWARE, "burn", "software+h2=grouped software+h2=dense"),
]
