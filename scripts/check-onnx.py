#!/usr/bin/env python3
"""Runs an exported model in ONNX Runtime and compares it with gpu-train's reference.

    scripts/check-onnx.py MODEL.onnx SCORES.safetensors

SCORES is the file that `gpu-train export --scores` writes for the same net. Needs Python's onnx, onnxruntime and safetensors.
Prints one line and exits 0 if the model is valid and gives the same scores for every image.
Without arguments it only reports, by its exit code, whether its packages are installed.
"""

import sys

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file

# Relative to the largest score. f32 sums of 200 addends stay an order of magnitude below it; a wrong tap is far above.
TOLERANCE = 1e-5


def largest_difference(what, got, want):
    difference = np.abs(got - want).max()
    # Written so that NaN fails.
    if not difference <= TOLERANCE * max(1, np.abs(want).max()):
        sys.exit(f"{what}: found a difference of {difference:.3e} from the reference")
    return difference


def main():
    if not sys.argv[1:]:
        return  # the packages are installed
    path, scores = sys.argv[1:]
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    work = load_file(scores)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    outputs = [output.name for output in session.get_outputs()]
    got = dict(zip(outputs, session.run(None, {"image": work["images"]})))
    want = work["scores"]
    difference = largest_difference("scores", got["scores"], want)
    # Any number of examples: one image gives the same scores alone as in the batch.
    (alone,) = session.run(["scores"], {"image": work["images"][7:8]})
    largest_difference("one image alone", alone, want[7:8])
    if "probabilities" in got:
        shares = np.exp(want - want.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        largest_difference("probabilities", got["probabilities"], shares)
    misses = int((got["scores"].argmax(axis=1) != work["labels"]).sum())
    expected = int((want.argmax(axis=1) != work["labels"]).sum())
    if misses != expected:
        sys.exit(f"{path}: found {misses} misses, expected the reference's {expected}")
    functions = {prop.key: prop.value for prop in model.metadata_props}["gpu-train.functions"]
    print(
        f"{functions}: {len(want)} images, {misses} misses, scores within {difference:.1e} of the reference"
        f" (largest {np.abs(want).max():.3g}); onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}"
    )


main()
