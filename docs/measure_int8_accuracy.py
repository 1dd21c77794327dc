"""Measure what 8 bits cost a network, as rows for the table of docs/int8.md.

    python docs/measure_int8_accuracy.py net.npz --calibrate photos/ --pictures photos/ --against onnxruntime

For each way to quantise: signal-to-quantisation-noise of the logits, the number of pictures whose first label is
another than in float32, and top-1 where the pictures are a labelled data set.  ``--against onnxruntime`` adds its
`quantize_static` (QDQ, per channel, uint8 activations) on the same calibration pictures.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import tinyinfer as ti
from tinyinfer.errors import InputError
from tinyinfer.evaluation import datasets
from tinyinfer.evaluation.noise import decibels
from tinyinfer.quantization import METHODS, Pictures, Settings, quantize_model, read_pictures
from tinyinfer.tasks import class_count

Run = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    """Measure what the command line asks for, and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--calibrate", required=True, help="pictures to calibrate on: a folder or a data set")
    parser.add_argument("--pictures", required=True, help="pictures to measure on: a folder or a data set")
    parser.add_argument("--limit", type=int, default=10_000, help="pictures to measure on, at most")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--equalize", action="store_true", help="also with equalised layers")
    parser.add_argument("--against", choices=["onnxruntime"])
    given = parser.parse_args()
    model = ti.load(given.model)
    seen, unseen = read_pictures(given.calibrate, model), read_pictures(given.pictures, model, given.limit)
    truth, labels = logits(model, unseen), labels_of(given.pictures, model, given.limit)
    print("| quantised | SQNR, dB | other first labels | top-1 |\n| --- | ---: | ---: | ---: |")
    print(row("not at all", truth, truth, labels))
    for name, settings in ways(given.methods.split(","), given.equalize):
        print(row(name, truth, logits(quantize_model(model, seen, settings).model, unseen), labels), flush=True)
    if given.against:
        print(row("ONNX Runtime", truth, logits(onnxruntime(model, seen), unseen), labels))


def ways(methods: list[str], equalize: bool) -> Iterator[tuple[str, Settings]]:
    """Names and settings of all that is tried."""
    for per_tensor in (False, True):
        grain = "per tensor" if per_tensor else "per channel"
        for method in methods:
            yield f"{method}, {grain}", Settings(method, per_tensor, bias_correction=False)
            yield f"{method}, {grain}, biases corrected", Settings(method, per_tensor)
            if equalize:
                yield f"{method}, {grain}, equalised, biases corrected", Settings(method, per_tensor, equalize=True)


def row(name: str, truth: np.ndarray, found: np.ndarray, labels: np.ndarray | None) -> str:
    """One line of the table."""
    noise = decibels([truth], [found])
    other = int((truth.argmax(axis=1) != found.argmax(axis=1)).sum())
    top1 = "" if labels is None else f"{np.mean(found.argmax(axis=1) == labels):.2%}"
    return f"| {name} | {'' if noise is None else f'{noise:.1f}'} | {other} of {len(truth)} | {top1} |"


def logits(run: Run, pictures: Pictures) -> np.ndarray:
    """All of them, (pictures, classes)."""
    return np.concatenate([run(x) for x in pictures])


def labels_of(source: str, model: ti.Model, limit: int) -> np.ndarray | None:
    """Labels of a packed data set, whose pictures come in its order; None for a folder."""
    if Path(source).is_dir():
        return None
    try:
        data = datasets.read(source, model.meta.get("labels"), class_count(model.meta, model.outputs))
    except InputError:
        return None
    return np.array([sample.label for sample in data.samples[:limit]])


def onnxruntime(model: ti.Model, pictures: Pictures) -> Run:
    """The network as ONNX Runtime quantises it."""
    import onnxruntime as engine
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = ({model.graph.inputs[0].name: x[i : i + 1]} for x in pictures for i in range(len(x)))

        def get_next(self) -> Any:
            return next(self.left, None)

    with tempfile.TemporaryDirectory() as folder:
        plain, ready, quantized = (str(Path(folder, f"{name}.onnx")) for name in ("plain", "ready", "quantized"))
        ti.export_onnx(model, plain, opset=17)
        quant_pre_process(plain, ready, skip_symbolic_shape=True)
        quantize_static(
            ready, quantized, Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
        session = engine.InferenceSession(quantized, providers=["CPUExecutionProvider"])
    return lambda x: np.asarray(session.run(None, {model.graph.inputs[0].name: x})[0])


if __name__ == "__main__":
    main()
