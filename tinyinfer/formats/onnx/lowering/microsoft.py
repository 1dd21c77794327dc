"""ONNX Runtime's own operators on quantised numbers, of domain com.microsoft.

Each is the operator of real numbers between a DequantizeLinear and a QuantizeLinear, which is how its documentation
(docs/ContribOperators.md) says what it computes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.onnx.lowering.global_pooling import global_pool
from tinyinfer.formats.onnx.lowering.matmul import multiply
from tinyinfer.formats.onnx.lowering.pooling import average_pool
from tinyinfer.formats.onnx.lowering.quantization import (
    dequantize,
    dequantize_linear,
    dynamic_quantize_linear,
    quantize,
    quantize_linear,
)

DOMAIN = "com.microsoft"


def _real(call: Call, first: int, at: int = 1) -> str:
    """Input ``first`` as real numbers, by the scale and the zero point behind it."""
    return dequantize(call, call.value(first), call.value(first + 1), _optional(call, first + 2), at=at)


def _optional(call: Call, index: int) -> str | None:
    return call.value(index) if call.has(index) else None


def _codes(call: Call, y: str, scale: int) -> str:
    """Real numbers as codes, by the scale at this input and the zero point behind it."""
    zero = _optional(call, scale + 1)
    return quantize(call, y, call.value(scale), zero, call.type().dtype if zero is None else "")


def arithmetic(op: str) -> Lowering:
    """QLinearAdd and QLinearMul."""

    def lower(call: Call) -> str:
        return _codes(call, call.apply(op, _real(call, 0), _real(call, 3)), 6)

    return lower


def function(op: str, *, renamed: dict[str, tuple[str, float]] | None = None) -> Lowering:
    """A function of each element; ``renamed`` has our attributes by name, as ONNX Runtime's name and default."""

    def lower(call: Call) -> str:
        attrs = {ours: call.attribute(*theirs) for ours, theirs in (renamed or {}).items()}
        return _codes(call, call.apply(op, _real(call, 0), **attrs), 3)

    return lower


def pool(over: Callable[[Call], str]) -> Lowering:
    """QLinearAveragePool and QLinearGlobalAveragePool, of images whose channels come first."""

    def lower(call: Call) -> str:
        if call.attribute("channels_last", 0):
            call.refuse("channels_last is not supported")
        return _codes(call, over(on_real_numbers(call)), 3)

    return lower


def on_real_numbers(call: Call) -> Call:
    """The same node over its first input as real numbers."""
    real = Call(call.node, [_real(call, 0)], call.importer)
    real.unread = call.unread
    return real


def concat(call: Call) -> str:
    """QLinearConcat: scale and zero point of the result, then those of each input behind it."""
    values = [_real(call, first) for first in range(2, len(call.inputs), 3)]
    y = call.apply("concat", *values, dim=call.needed("axis")) if len(values) > 1 else values[0]
    return quantize(call, y, call.value(0), call.value(1))


def softmax(call: Call) -> str:
    """QLinearSoftmax: along one axis, or in opsets before 13 along all from it on."""
    opset, at = call.attribute("opset", 13), call.attribute("axis", -1)
    rank = len(call.shape())
    if opset < 13 and at % rank != rank - 1:
        call.refuse("along several axes is not supported")
    return _codes(call, call.apply("softmax", _real(call, 0), dim=at), 3)


def gemm(call: Call) -> str:
    """QGemm: alpha A B + C in units of the products; without a scale of the result it stays real."""
    a, b = _real(call, 0), _real(call, 3, at=0 if call.attribute("transB", 0) else 1)
    for index in (0, 3):
        if len(call.shape(index)) != 2:
            raise GraphError(f"input {index}: expected a matrix, found shape {call.type(index)}")
    a = call.apply("permute", a, dims=(1, 0)) if call.attribute("transA", 0) else a
    b = call.apply("permute", b, dims=(1, 0)) if call.attribute("transB", 0) else b
    y, alpha = multiply(call, a, b), call.attribute("alpha", 1.0)
    if call.has(6):
        unit = call.apply("mul", call.value(1), call.value(4))
        y = call.apply("add", y, dequantize(call, call.value(6), unit, None, at=-1))
    y = y if alpha == 1 else call.apply("mul", y, call.constant(alpha, np.float32))
    return _codes(call, y, 7) if call.has(7) else y


def dynamic_quantize_matmul(call: Call) -> str:
    """DynamicQuantizeMatMul: A by the scale and zero point that its values need, B by those of the file."""
    codes, scale, zero = dynamic_quantize_linear(call)
    a = dequantize(call, codes, scale, zero)
    b = dequantize(call, call.value(1), call.value(2), _optional(call, 3), at=-1)
    return _with_bias(call, multiply(call, a, b), 4)


def matmul_integer_to_float(call: Call) -> str:
    """MatMulIntegerToFloat: the product of what two matrices of codes stand for."""
    a = dequantize(call, call.x, call.value(2), _optional(call, 4), at=-2)
    b = dequantize(call, call.value(1), call.value(3), _optional(call, 5), at=-1)
    return _with_bias(call, multiply(call, a, b), 6)


def _with_bias(call: Call, y: str, index: int) -> str:
    return call.apply("add", y, call.value(index)) if call.has(index) else y


LOWERINGS: dict[str, Lowering] = {
    "QuantizeLinear": quantize_linear,
    "DequantizeLinear": dequantize_linear,
    "QLinearAdd": arithmetic("add"),
    "QLinearMul": arithmetic("mul"),
    "QLinearSigmoid": function("sigmoid"),
    "QLinearLeakyRelu": function("leaky_relu", renamed={"negative_slope": ("alpha", 0.01)}),
    "QLinearAveragePool": pool(average_pool),
    "QLinearGlobalAveragePool": pool(global_pool("adaptive_avg_pool2d", "mean")),  # type: ignore[arg-type]
    "QLinearConcat": concat,
    "QLinearSoftmax": softmax,
    "QGemm": gemm,
    "DynamicQuantizeMatMul": dynamic_quantize_matmul,
    "MatMulIntegerToFloat": matmul_integer_to_float,
}
