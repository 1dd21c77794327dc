"""Whole numbers: int8 weights and the scales of what they are multiplied with, and layers that round."""

from __future__ import annotations

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call
from tinyinfer.formats.ncnn.lowering.activations import activated
from tinyinfer.formats.ncnn.lowering.arithmetic import scaled
from tinyinfer.formats.ncnn.lowering.layer_kind import LayerKind, Layers
from tinyinfer.formats.ncnn.reading.parameters import Parameters
from tinyinfer.formats.ncnn.reading.weights import WeightReader
from tinyinfer.graph import Quant
from tinyinfer.passes.portable.integer_arithmetic.codes import Codes

SMALLEST = float(np.finfo(np.float32).tiny)


def dequantized(weight: np.ndarray, scales: np.ndarray | None) -> np.ndarray:
    """Weights in float32; int8 ones by the numbers that they were multiplied with, one for every row or for all.

    Raises GraphError for int8 weights without scales.
    """
    if weight.dtype != np.int8:
        return weight
    if scales is None:
        raise GraphError("weight: expected scales for its int8 numbers, found none")
    _check(scales, "scales", least=0)  # a row of zeros has scale 0
    if weight.size % scales.size:
        raise GraphError(f"scales: expected as many as divide {weight.size} weights, found {scales.size}")
    return np.asarray(weight.reshape(scales.size, -1) * _factors(scales, 0)[:, None], np.float32).ravel()


def _factors(scales: np.ndarray, of_zero: float) -> np.ndarray:
    """What a unit is worth, where the file has what numbers were multiplied with."""
    return np.asarray(np.divide(1, scales, out=np.full_like(scales, of_zero), where=scales != 0))


def _check(scales: np.ndarray, what: str, least: float = SMALLEST) -> None:
    wrong = scales[~(np.isfinite(scales) & (scales >= least))]
    if wrong.size:
        raise GraphError(f"{what}: expected finite numbers above 0, found {wrong[0]}")


def with_codes(
    weight: np.ndarray, scales: np.ndarray | None, input_scale: np.ndarray, output_scale: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """What is kept of the weights that a layer has as int8, as attributes of its node; nothing of others."""
    if weight.dtype != np.int8 or scales is None:
        return {}
    _check(input_scale, "scale of the input")
    found = {"codes": weight, "code_scales": scales, "input_scale": input_scale}
    if output_scale is not None:
        _check(output_scale, "scale of the output")
        found["output_scale"] = output_scale
    return found


def accounted(call: Call) -> None:
    """Leave what `with_codes` has kept to layers that are computed in float32, which is said."""
    call.ignore("codes", "code_scales", "input_scale", "output_scale")
    call.note("its int8 weights are computed with in float32")


def weight_of(call: Call) -> str | np.ndarray:
    """A layer's weight, outputs first, with the integers that it was made of if the network is to use them."""
    weight: np.ndarray = call.attribute("weight")
    codes, scales = call.attribute("codes"), call.attribute("code_scales")
    if codes is None or call.importer.dequantize:
        return weight
    value, outputs = call.importer.constant(f"{call.name}.weight", weight), len(weight)
    worth = np.repeat(_factors(scales, 1), outputs // scales.size)
    numbers = codes.reshape(scales.size, -1) * (scales != 0).astype(np.int8)[:, None]
    quant = Quant(tuple(worth.tolist()), (0,), 0)
    call.importer.codes.add(value, Codes(value, numbers.reshape(weight.shape), quant))
    return value


def rounded(call: Call, x: str, scale: str) -> str:
    """x as the int8 codes can say it that an attribute has a scale for; itself where there is none."""
    factor = call.attribute(scale)
    if factor is None:
        return x
    if call.importer.dequantize:
        call.note("its int8 weights are computed with in float32")
        return x
    worth = float(np.float32(1) / np.float32(factor[0]))
    return call.apply("dequantize_linear", call.apply("quantize_linear", x, scale=worth, dtype="int8"), scale=worth)


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
