"""Networks that ONNX Runtime has quantised, in both of its forms: the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinyinfer import models
from tinyinfer.formats.onnx.exporting.export import export_onnx
from tinyinfer.formats.onnx.load import load
from tinyinfer.kernels.codegen.cpu import has_vnni
from tinyinfer.model import Model
from tinyinfer.passes.portable.fold_batch_norm import fold_batch_norm

ort = pytest.importorskip("onnxruntime")
quantization = pytest.importorskip("onnxruntime.quantization")

SHAPE = (1, 3, 64, 64)
BETWEEN = {  # what computes and moves between the first step of quantisation and the last
    "quantized_conv2d", "quantized_linear", "quantized_add", "quantized_mul", "lookup", "concat", "split",
    "channel_shuffle", "max_pool2d", "flatten", "quantized_adaptive_avg_pool2d",
}  # fmt: skip


class Pictures(quantization.CalibrationDataReader):
    """A few random ones."""

    def __init__(self, name: str, rng: np.random.Generator) -> None:
        self.left = [{name: rng.normal(size=SHAPE).astype(np.float32)} for _ in range(3)]

    def get_next(self) -> dict[str, np.ndarray] | None:
        return self.left.pop() if self.left else None


@pytest.mark.parametrize("form", list(quantization.QuantFormat))
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("network", ["mobilenet_v3_small", "shufflenet_v2_x0_5", "squeezenet1_1"])
def test_they_run_as_there(network: str, signed: bool, form: object, tmp_path: Path, rng: np.random.Generator) -> None:
    graph = fold_batch_norm(models.create(network).graph)
    export_onnx(graph, tmp_path / "float.onnx", SHAPE, 17)
    name, kinds = graph.inputs[0].name, quantization.QuantType
    quantization.quantize_static(
        tmp_path / "float.onnx", tmp_path / "q.onnx", Pictures(name, rng), quant_format=form,
        activation_type=kinds.QInt8 if signed else kinds.QUInt8, weight_type=kinds.QInt8, per_channel=signed,
        reduce_range=not has_vnni(),  # else it adds pairs of products in 16 bits, which saturate
    )  # fmt: skip
    found, _ = load(tmp_path / "q.onnx")
    inside = [node.op.name for node in found.topological_order()][1:-1]
    if form == quantization.QuantFormat.QDQ or network != "mobilenet_v3_small":  # whose other form keeps HardSwish
        assert set(inside) <= BETWEEN
    x = {name: rng.normal(size=SHAPE).astype(np.float32)}
    (expected,) = ort.InferenceSession(tmp_path / "q.onnx", providers=["CPUExecutionProvider"]).run(None, x)
    (y,) = Model(found, kernels="reference").run(x).values()
    assert np.abs(y - expected).max() < 0.1 * np.std(expected)
