"""How each operator is said in ONNX: one small function an operator, in a table by name.

A function writes ONNX nodes through its `Call` and returns the name of the value it computed (a list for
several).  What ONNX can't express is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyinfer.formats.onnx.exporting import activations as onnx_activations
from tinyinfer.formats.onnx.exporting import arithmetic as onnx_arithmetic
from tinyinfer.formats.onnx.exporting import convolution as onnx_convolution
from tinyinfer.formats.onnx.exporting import indexing as onnx_indexing
from tinyinfer.formats.onnx.exporting import layout as onnx_layout
from tinyinfer.formats.onnx.exporting import norms as onnx_norms
from tinyinfer.formats.onnx.exporting import pooling as onnx_pooling
from tinyinfer.formats.onnx.exporting import quantized as onnx_quantized
from tinyinfer.formats.onnx.exporting import reduction as onnx_reduction
from tinyinfer.formats.onnx.exporting import resampling as onnx_resampling
from tinyinfer.formats.onnx.exporting import resizing as onnx_resizing
from tinyinfer.formats.onnx.exporting import sampling as onnx_sampling
from tinyinfer.formats.onnx.exporting.activations import epilogue
from tinyinfer.formats.onnx.exporting.writer import Call


def linear(call: Call) -> str:
    """Gemm for a matrix; MatMul and Add for inputs of more dimensions."""
    bias = "bias" in call.weights
    if len(call.shapes[0]) == 2:
        y = call.add("Gemm", call.x, call.param("weight"), *([call.param("bias")] if bias else []), transB=1)
    else:
        y = call.add("MatMul", call.x, call.floats(call.weights["weight"].T))
        y = call.add("Add", y, call.param("bias")) if bias else y
    return epilogue(call, y, call.node.inputs[1:])


def batch_norm(call: Call) -> str:
    """BatchNormalization with running statistics."""
    channels = call.weights["running_mean"].shape
    scale = call.param("weight") if "weight" in call.weights else call.floats(np.ones(channels))
    shift = call.param("bias") if "bias" in call.weights else call.floats(np.zeros(channels))
    statistics = (call.param("running_mean"), call.param("running_var"))
    return epilogue(call, call.add("BatchNormalization", call.x, scale, shift, *statistics, epsilon=call.op.eps))


def add(call: Call) -> str:
    """Add, with a fused epilogue."""
    return epilogue(call, call.add("Add", *call.node.inputs))


def layer_scale(call: Call) -> str:
    """Mul by a factor that broadcasts over the image."""
    factor = call.weights["gamma"].reshape(-1, *[1] * (len(call.shapes[0]) - 2))
    return call.add("Mul", call.x, call.floats(factor))


def scale_shift(call: Call) -> str:
    """Mul and Add of constants that broadcast over the image; what changes nothing is left out."""
    across, y = (-1, *[1] * (len(call.shapes[0]) - 2)), call.x
    for kind, values, neutral in (("Mul", call.op.scale, 1), ("Add", call.op.shift, 0)):
        if any(value != neutral for value in values):
            y = call.add(kind, y, call.floats(np.reshape(values, across)))
    return y


EXPORTERS: dict[str, Callable[[Call], str | list[str]]] = {
    "linear": linear,
    "batch_norm": batch_norm,
    "add": add,
    "layer_scale": layer_scale,
    "scale_shift": scale_shift,
    **onnx_activations.EXPORTERS,
    **onnx_arithmetic.EXPORTERS,
    **onnx_convolution.EXPORTERS,
    **onnx_indexing.EXPORTERS,
    **onnx_layout.EXPORTERS,
    **onnx_norms.EXPORTERS,
    **onnx_pooling.EXPORTERS,
    **onnx_quantized.EXPORTERS,
    **onnx_reduction.EXPORTERS,
    **onnx_resampling.EXPORTERS,
    **onnx_resizing.EXPORTERS,
    **onnx_sampling.EXPORTERS,
}
