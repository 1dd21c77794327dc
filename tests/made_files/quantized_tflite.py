"""Quantised TFLite files of one operator each, with the operators that they become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tflite_writer import Network

SAME, VALID = 0, 1
IMAGE = (2, 9, 8, 6)  # NHWC
CONV = {"padding": SAME, "stride_w": 1, "stride_h": 1, "fused_activation_function": 0, "dilation_w_factor": 1,
        "dilation_h_factor": 1}  # fmt: skip
POOL = {"padding": VALID, "stride_w": 2, "stride_h": 2, "filter_width": 2, "filter_height": 3,
        "fused_activation_function": 0}  # fmt: skip
RELU, RELU6 = 1, 3


@dataclass(frozen=True)
class Made:
    """A file, and the operators of its network between the quantize_linear and dequantize_linear at its face."""

    name: str
    network: Network
    operators: tuple[str, ...]


class Quantised:
    """Grows a file whose values are codes of one dtype."""

    def __init__(self, dtype: str, seed: int = 0) -> None:
        self.dtype, self.made, self.rng = dtype, Network(), np.random.default_rng(seed)
        self._shift = -128 if dtype == "int8" else 0

    def quantization(self, scale: float, zero_point: int) -> tuple[float, int]:
        """Scale and zero point, which is that of uint8 for a file of uint8."""
        return scale, zero_point + self._shift

    def input(self, name: str, shape: Sequence[int], scale: float = 0.03, zero_point: int = 120) -> int:
        return self.made.input(name, shape, self.dtype, quantization=self.quantization(scale, zero_point))

    def output(self, shape: Sequence[int], scale: float = 0.05, zero_point: int = 100, dtype: str | None = None) -> int:
        quantization = self.quantization(scale, zero_point) if dtype is None else (scale, zero_point)
        index = self.made.tensor(f"y{len(self.made.outputs)}", shape, dtype or self.dtype, quantization=quantization)
        self.made.outputs.append(index)
        return index

    def weight(self, shape: Sequence[int], axis: int | None, scale: float = 0.01) -> int:
        """int8 with a scale for each index of an axis; without one uint8 with a zero point, as older files have it."""
        if axis is None:
            weight = self.rng.integers(1, 255, shape, np.uint8, endpoint=True)
            return self.made.constant("weight", weight, quantization=(scale, 131))
        scales = self.rng.uniform(0.5, 1.5, shape[axis]).astype(np.float32) * np.float32(scale)
        weight = self.rng.integers(-127, 127, shape, np.int8, endpoint=True)
        return self.made.constant("weight", weight, quantization=(scales, np.zeros(len(scales), np.int64), axis))

    def bias(self, count: int, weight: int, input_scale: float = 0.03) -> int:
        """int32 in units of the products."""
        scale = self.made.tensors[weight][4][2] * np.float32(input_scale)
        values = self.rng.integers(-4000, 4000, count, np.int32)
        zero = np.zeros(len(scale), np.int64)
        return self.made.constant("bias", values, quantization=(scale, zero, 0) if len(scale) > 1 else (scale, zero))

    def apply(self, builtin: str, inputs: Sequence[int], options: Mapping[str, Any] | None = None) -> Network:
        self.made.apply(builtin, inputs, self.made.outputs, options)
        return self.made


def quantized_tflite() -> Iterator[Made]:
    """Every operator that has rules of its own, of both dtypes."""
    for dtype in ("int8", "uint8"):
        for make in (_convolutions, _connected, _arithmetic, _tables, _pools, _moved, _others):
            for name, network, operators in make(dtype):
                yield Made(f"{name} {dtype}", network, operators)


Cases = Iterator[tuple[str, Network, tuple[str, ...]]]


def _convolutions(dtype: str) -> Cases:
    for axis in (0, None):
        for activation in (0, RELU, RELU6):
            q = Quantised(dtype)
            x, w = q.input("x", IMAGE), q.weight((5, 3, 3, 6), axis)
            q.output((2, 9, 8, 5), 0.1)
            options = {**CONV, "fused_activation_function": activation}
            yield f"conv {axis} {activation}", q.apply("CONV_2D", (x, w, q.bias(5, w)), options), ("quantized_conv2d",)
    q = Quantised(dtype)
    x, w = q.input("x", IMAGE), q.weight((5, 3, 3, 6), 0)
    q.output((2, 4, 3, 5), 0.1)
    options = {**CONV, "padding": VALID, "stride_w": 2, "stride_h": 2}
    yield "conv without bias", q.apply("CONV_2D", (x, w, -1), options), ("quantized_conv2d",)
    for axis in (3, None):
        q = Quantised(dtype)
        x, w = q.input("x", IMAGE), q.weight((1, 3, 3, 6), axis)
        q.output((2, 5, 4, 6))
        options = {**CONV, "stride_w": 2, "stride_h": 2, "depth_multiplier": 1, "fused_activation_function": RELU}
        y = q.apply("DEPTHWISE_CONV_2D", (x, w, q.bias(6, w)), options)
        yield f"depthwise {axis}", y, ("quantized_conv2d",)
    for axis in (0, None):
        q = Quantised(dtype)
        x, w = q.input("x", IMAGE), q.weight((5, 3, 3, 6), axis)
        q.output((2, 19, 17, 5), 0.1)
        size = q.made.constant("size", np.int32([2, 19, 17, 5]))
        options = {"padding": VALID, "stride_w": 2, "stride_h": 2}
        inputs = (size, w, x) if axis is None else (size, w, x, q.bias(5, w))
        yield f"transposed {axis}", q.apply("TRANSPOSE_CONV", inputs, options), ("quantized_conv_transpose2d",)


def _connected(dtype: str) -> Cases:
    for axis in (0, None):
        q = Quantised(dtype)
        x, w = q.input("x", (3, 40)), q.weight((7, 40), axis)
        q.output((3, 7), 0.2)
        options = {"keep_num_dims": False, "fused_activation_function": RELU}
        y = q.apply("FULLY_CONNECTED", (x, w, q.bias(7, w)), options)
        yield f"connected {axis}", y, ("quantized_linear",)


def _arithmetic(dtype: str) -> Cases:
    for builtin, scale, op in (("ADD", 0.08, ("quantized_add",)), ("MUL", 0.11, ("quantized_mul",)),
                               ("SUB", 0.08, ("quantized_sub",))):  # fmt: skip
        q = Quantised(dtype)
        inputs = q.input("a", IMAGE), q.input("b", IMAGE, 0.045, 90)
        q.output(IMAGE, scale, 110)
        options = {"fused_activation_function": RELU if builtin == "ADD" else 0}
        yield builtin, q.apply(builtin, inputs, options), op
    q = Quantised(dtype)
    other = q.rng.integers(-100, 100, (6,)).astype(np.int8) if dtype == "int8" else q.rng.integers(0, 200, 6, np.uint8)
    x, b = q.input("x", IMAGE), q.made.constant("b", other, quantization=q.quantization(0.02, 117))
    q.output(IMAGE, 0.06, 110)
    yield "ADD of a constant", q.apply("ADD", (x, b), {"fused_activation_function": 0}), ("quantized_add",)


def _tables(dtype: str) -> Cases:
    for builtin, scale, zero in (("LOGISTIC", 1 / 256, 0), ("TANH", 1 / 128, 128), ("HARD_SWISH", 0.03, 50),
                                 ("RELU", 0.02, 0), ("RELU6", 6 / 255, 0)):  # fmt: skip
        q = Quantised(dtype)
        x = q.input("x", IMAGE, 0.05)
        q.output(IMAGE, scale, zero)
        yield builtin, q.apply(builtin, (x,)), ("lookup",)
    q = Quantised(dtype)
    x = q.input("x", IMAGE, 0.05)
    q.output(IMAGE, 0.04)
    yield "LEAKY_RELU", q.apply("LEAKY_RELU", (x,), {"alpha": 0.1}), ("lookup",)
    q = Quantised(dtype)
    x = q.input("x", IMAGE)
    q.output(IMAGE, 0.04, 60)
    yield "QUANTIZE", q.apply("QUANTIZE", (x,)), ("lookup",)
    q = Quantised(dtype)
    x = q.input("x", IMAGE)
    other = "uint8" if dtype == "int8" else "int8"
    q.output(IMAGE, 0.03, 120 if other == "uint8" else -8, other)
    yield "QUANTIZE to the other type", q.apply("QUANTIZE", (x,)), ("lookup",)


def _pools(dtype: str) -> Cases:
    for builtin, op in (("AVERAGE_POOL_2D", "quantized_avg_pool2d"), ("MAX_POOL_2D", "max_pool2d")):
        q = Quantised(dtype)
        x = q.input("x", IMAGE)
        q.output((2, 4, 4, 6), 0.03, 120)
        yield builtin, q.apply(builtin, (x,), POOL), (op,)
    q = Quantised(dtype)
    x = q.input("x", IMAGE)
    q.output((2, 1, 1, 6), 0.03, 120)
    options = {**POOL, "filter_width": 8, "filter_height": 9}
    yield "whole AVERAGE_POOL_2D", q.apply("AVERAGE_POOL_2D", (x,), options), ("quantized_adaptive_avg_pool2d",)
    q = Quantised(dtype)
    x, axes = q.input("x", IMAGE), q.made.constant("axes", np.int32([1, 2]))
    q.output((2, 1, 1, 6), 0.01, 120)
    yield "MEAN", q.apply("MEAN", (x, axes), {"keep_dims": True}), ("quantized_adaptive_avg_pool2d",)


def _moved(dtype: str) -> Cases:
    same = {"scale": 0.03, "zero_point": 120}
    for scale, ops in ((0.03, ("concat",)), (0.06, ("lookup", "concat"))):
        q = Quantised(dtype)
        inputs = q.input("a", IMAGE), q.input("b", IMAGE, scale)
        q.output((2, 9, 8, 12), **same)
        options = {"axis": 3, "fused_activation_function": 0}
        yield f"CONCATENATION {scale}", q.apply("CONCATENATION", inputs, options), ops
    q = Quantised(dtype)
    x, widths = q.input("x", IMAGE), q.made.constant("widths", np.int32([[0, 0], [1, 2], [0, 1], [0, 0]]))
    q.output((2, 12, 9, 6), **same)
    yield "PAD", q.apply("PAD", (x, widths)), ("pad",)
    q = Quantised(dtype)
    x, shape = q.input("x", IMAGE), q.made.constant("shape", np.int32([2, 432]))
    q.output((2, 432), **same)
    yield "RESHAPE", q.apply("RESHAPE", (x, shape), {"new_shape": [2, 432]}), ("permute", "flatten")
    for builtin in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"):
        q = Quantised(dtype)
        x, size = q.input("x", IMAGE), q.made.constant("size", np.int32([18, 16]))
        q.output((2, 18, 16, 6), **same)
        options = {"align_corners": False, "half_pixel_centers": True}
        yield builtin, q.apply(builtin, (x, size), options), ("interpolate",)
    q = Quantised(dtype)
    x, starts, counts = (q.input("x", IMAGE), *(q.made.constant(n, np.int32(v)) for n, v in (
        ("starts", [0, 1, 2, 0]), ("counts", [2, 5, 3, 6]))))  # fmt: skip
    q.output((2, 5, 3, 6), **same)
    yield "SLICE", q.apply("SLICE", (x, starts, counts)), ("slice",)


def _others(dtype: str) -> Cases:
    q = Quantised(dtype)
    x = q.input("x", (3, 10), 0.1)
    q.output((3, 10), 1 / 256, 0)
    yield "SOFTMAX", q.apply("SOFTMAX", (x,), {"beta": 1.0}), ("dequantize_linear", "softmax", "quantize_linear")
    q = Quantised(dtype)
    x = q.input("x", IMAGE)
    slopes = q.rng.integers(-90, 90, (1, 1, 6)).astype(np.int8)
    if dtype == "uint8":
        slopes = (slopes.astype(int) + 128).astype(np.uint8)  # type: ignore[assignment]
    slope = q.made.constant("slope", slopes, quantization=q.quantization(0.01, 128))
    q.output(IMAGE, 0.04)
    yield "PRELU", q.apply("PRELU", (x, slope)), ("quantized_prelu",)
