"""Whole numbers in float32: int8 weights as the real numbers they stand for, and layers that round."""

from __future__ import annotations

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call
from tinyinfer.formats.ncnn.lowering.activations import activated
from tinyinfer.formats.ncnn.lowering.arithmetic import scaled
from tinyinfer.formats.ncnn.lowering.layer_kind import LayerKind, Layers
from tinyinfer.formats.ncnn.reading.parameters import Parameters
from tinyinfer.formats.ncnn.reading.weights import WeightReader


def dequantized(weight: np.ndarray, scales: np.ndarray | None) -> np.ndarray:
    """Weights in float32; int8 ones by the numbers that they were multiplied with, one for every row or for all.

    Raises GraphError for int8 weights without scales.
    """
    if weight.dtype != np.int8:
        return weight
    if scales is None:
        raise GraphError("weight: expected scales for its int8 numbers, found none")
    if weight.size % scales.size:
        raise GraphError(f"scales: expected as many as divide {weight.size} weights, found {scales.size}")
    # a row of zeros has scale 0
    factors = np.divide(1, scales, out=np.zeros_like(scales), where=scales != 0)
    return np.asarray(weight.reshape(scales.size, -1) * factors[:, None], np.float32).ravel()


def _rounded(call: Call, x: str) -> str:
    return call.apply("clamp", call.apply("round", x), min=-127.0, max=127.0)


def _quantize(call: Call, p: Parameters) -> str:
    p.integer("scale_data_size")
    return _rounded(call, scaled(call, call.x, call.attribute("scale"), None))


def _dequantize(call: Call, p: Parameters) -> str:
    p.integer("scale_data_size"), p.integer("bias_data_size")
    return scaled(call, call.x, call.attribute("scale"), call.attribute("bias"))


def _requantize(call: Call, p: Parameters) -> str:
    call.ignore("scale_in_data_size", "scale_out_data_size", "bias_data_size")
    y = scaled(call, call.x, call.attribute("scale_in"), call.attribute("bias"))
    return _rounded(call, scaled(call, activated(call, p, y), call.attribute("scale_out"), None))


def _quantize_weights(p: Parameters, weights: WeightReader) -> dict[str, np.ndarray]:
    return {"scale": weights.plain(p.integer("scale_data_size", 1, least=1))}


def _dequantize_weights(p: Parameters, weights: WeightReader) -> dict[str, np.ndarray]:
    found = {"scale": weights.plain(p.integer("scale_data_size", 1, least=1))}
    size = p.integer("bias_data_size", least=0)
    return found | ({"bias": weights.plain(size)} if size else {})


def _requantize_weights(p: Parameters, weights: WeightReader) -> dict[str, np.ndarray]:
    found = {
        "scale_in": weights.plain(p.integer("scale_in_data_size", 1, least=1)),
        "scale_out": weights.plain(p.integer("scale_out_data_size", 1, least=1)),
    }
    size = p.integer("bias_data_size", least=0)
    return found | ({"bias": weights.plain(size)} if size else {})


LAYERS: Layers = {
    "Dequantize": LayerKind(_dequantize, {0: "scale_data_size", 1: "bias_data_size"}, _dequantize_weights),
    "Quantize": LayerKind(_quantize, {0: "scale_data_size"}, _quantize_weights),
    "Requantize": LayerKind(
        _requantize,
        {0: "scale_in_data_size", 1: "scale_out_data_size", 2: "bias_data_size", 3: "activation_type",
         4: "activation_params"},
        _requantize_weights,
    ),
}  # fmt: skip
