"""Operators on 8-bit codes in ONNX: the operator of real numbers between DequantizeLinear and QuantizeLinear.

Engines that compute with integers know this form, and compute it so; others compute the real numbers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np

from tinyinfer.formats.onnx.exporting import pooling, resampling
from tinyinfer.formats.onnx.exporting.activations import PLAIN, epilogue
from tinyinfer.formats.onnx.exporting.convolution import convolution
from tinyinfer.formats.onnx.exporting.writer import Call
from tinyinfer.graph import Quant
from tinyinfer.ops.activation.activation import apply_activation
from tinyinfer.ops.convolution.conv_transpose2d import exchanged
from tinyinfer.ops.movement.pad import Pad
from tinyinfer.ops.pooling.adaptive_pooling import AdaptiveAvgPool2d
from tinyinfer.ops.quantized.lookup import table_of

NUMBERS = Quant((1.0,), (0,))
"""What codes stand for that stand for nothing else."""


def dequantized(call: Call, x: str, scale: float, zero_point: int, dtype: str) -> str:
    """The real numbers that codes stand for."""
    return call.add("DequantizeLinear", x, call.floats(scale), call.constant(np.asarray(zero_point, dtype)))


def quantized(call: Call, y: str, scale: float, zero_point: int, dtype: str) -> str:
    """The codes of real numbers."""
    return call.add("QuantizeLinear", y, call.floats(scale), call.constant(np.asarray(zero_point, dtype)))


def _input(call: Call, index: int, role: str) -> str:
    """An input as real numbers, by the scale and zero point that the operator reads it with."""
    scale, zero_point = getattr(call.op, f"{role}_scale"), getattr(call.op, f"{role}_zero_point")
    return dequantized(call, call.node.inputs[index], scale, zero_point, call.dtypes[index])


def _finished(call: Call, y: str, residual: tuple[str, ...] = ()) -> str:
    """Real numbers after the residual and the activation, as codes unless the operator leaves them real."""
    if residual and call.op.inner_scale is not None:
        inner = call.op.inner.scale, call.op.inner.zero_point, call.op.dtype
        y = dequantized(call, quantized(call, y, *inner), *inner)
    y = epilogue(call, y, residual)
    return y if call.op.dtype == "float32" else quantized(call, y, call.op.scale, call.op.zero_point, call.op.dtype)


def _weight(call: Call, axis: int = 0) -> str:
    """The weight as real numbers, by a scale for each output channel, which are its indices along an axis."""
    zero_point = np.full(call.weights["weight_scale"].shape, call.op.weight_zero_point, call.weights["weight"].dtype)
    return call.add(
        "DequantizeLinear", call.param("weight"), call.param("weight_scale"), call.constant(zero_point), axis=axis
    )


def _bias(call: Call) -> list[str]:
    """The bias, if there is one, as real numbers: its unit is that of the sums of products."""
    if "bias" not in call.weights:
        return []
    unit = np.float64(call.op.input_scale) * call.weights["weight_scale"]
    zero_point = call.constant(np.zeros(unit.shape, np.int32))
    return [call.add("DequantizeLinear", call.param("bias"), call.floats(unit), zero_point, axis=0)]


def _residual(call: Call) -> tuple[str, ...]:
    return (_input(call, 1, "residual"),) if len(call.node.inputs) > 1 else ()


def quantized_conv2d(call: Call) -> str:
    """Conv of real numbers."""
    x = _input(call, 0, "input")
    y = convolution(call, call.op.layer, x, _weight(call), *_bias(call))
    return _finished(call, y, _residual(call))


def quantized_conv_transpose2d(call: Call) -> str:
    """ConvTranspose of real numbers; no axis of the weight of several groups has a scale for each of its outputs."""
    op, x = call.op, _input(call, 0, "input")
    if op.groups == 1:
        weight = _weight(call, axis=1)
    else:
        steps = exchanged(call.weights["weight"].astype(np.float32) - op.weight_zero_point, op.groups)
        weight = call.floats(exchanged(steps * call.weights["weight_scale"].reshape(-1, 1, 1, 1), op.groups))
    return _finished(call, resampling.transposed_convolution(call, op.layer, x, weight, *_bias(call)))


def quantized_prelu(call: Call) -> str:
    """PRelu of real numbers."""
    slope = call.weights["weight"].reshape(-1, *[1] * (len(call.shapes[0]) - 2))
    return _finished(call, call.add("PRelu", _input(call, 0, "input"), call.floats(slope)))


def quantized_linear(call: Call) -> str:
    """Gemm for a matrix; MatMul and Add for inputs of more dimensions."""
    x, weight, bias = _input(call, 0, "input"), _weight(call), _bias(call)
    if len(call.shapes[0]) == 2:
        return _finished(call, call.add("Gemm", x, weight, *bias, transB=1), _residual(call))
    y = call.add("MatMul", x, call.add("Transpose", weight, perm=(1, 0)))
    return _finished(call, call.add("Add", y, *bias) if bias else y, _residual(call))


def quantized_pool(call: Call) -> str:
    """The pool of real numbers."""
    op = call.op.pool
    if isinstance(op, AdaptiveAvgPool2d):
        op = AdaptiveAvgPool2d(op.output_size)
    node = call.node.replace(op=op, inputs=(_input(call, 0, "input"),))
    y = pooling.EXPORTERS[op.name](dataclasses.replace(call, node=node, dtypes=["float32"], quants=[None]))
    assert isinstance(y, str)
    return _finished(call, y)


def _arithmetic(kind: str) -> Callable[[Call], str]:
    def write(call: Call) -> str:
        return _finished(call, call.add(kind, _input(call, 0, "a"), _input(call, 1, "b")))

    return write


def lookup(call: Call) -> str:
    """Other scales alone or an activation, where the table holds that; Gather from any other table."""
    table, codes = call.weights["table"], call.quants[0]
    if codes is not None and codes.axis is None and call.op.scale is not None:
        out = Quant((call.op.scale,), (call.op.zero_point,))
        for name in (None, *PLAIN):
            known = table_of(partial(apply_activation, name), codes, call.dtypes[0], out, str(table.dtype))
            if np.array_equal(known, table):
                x = dequantized(call, call.x, codes.scale[0], codes.zero_point[0], call.dtypes[0])
                y = x if name is None else PLAIN[name](call, x)
                return quantized(call, y, call.op.scale, call.op.zero_point, str(table.dtype))
    index = call.add("Cast", call.x, to=6)  # int32
    if call.dtypes[0] == "int8":
        index = call.add("Add", index, call.constant(np.asarray(128, np.int32)))
    return call.add("Gather", call.param("table"), index)


def over_real_numbers(call: Call, write: Callable[[Call], str | list[str]]) -> str | list[str]:
    """Any other operator on codes: written for real numbers, with the codes' own scale on both sides.

    That is the form that engines look for; where elements are only moved or chosen it changes none of them.
    """
    quants, out_quants = ([quant or NUMBERS for quant in found] for found in (call.quants, call.out_quants))
    inputs = tuple(
        dequantized(call, value, quant.scale[0], quant.zero_point[0], dtype)
        for value, quant, dtype in zip(call.node.inputs, quants, call.dtypes, strict=True)
    )
    op = call.op
    if isinstance(op, Pad):
        op = dataclasses.replace(op, value=(op.value - quants[0].zero_point[0]) * quants[0].scale[0])
    real = dataclasses.replace(
        call,
        node=call.node.replace(op=op, inputs=inputs),
        dtypes=["float32"] * len(inputs),
        quants=[None] * len(inputs),
    )
    values = write(real)
    values = [values] if isinstance(values, str) else values
    return [
        quantized(call, value, quant.scale[0], quant.zero_point[0], call.dtypes[0])
        for value, quant in zip(values, out_quants, strict=True)
    ]


EXPORTERS: dict[str, Callable[[Call], str]] = {
    "quantized_conv2d": quantized_conv2d,
    "quantized_conv_transpose2d": quantized_conv_transpose2d,
    "quantized_linear": quantized_linear,
    "quantized_prelu": quantized_prelu,
    "quantized_add": _arithmetic("Add"),
    "quantized_sub": _arithmetic("Sub"),
    "quantized_mul": _arithmetic("Mul"),
    "quantized_avg_pool2d": quantized_pool,
    "quantized_adaptive_avg_pool2d": quantized_pool,
    "lookup": lookup,
}
