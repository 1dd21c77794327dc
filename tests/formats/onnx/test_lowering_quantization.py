"""Operators on quantised numbers in ONNX files."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_nodes import Known, assert_same, floats, normal, operators, scalar

RNG = np.random.default_rng(0)
X = 3 * normal(2, 3, 4, 5)
SCALES = floats(0.02, 0.1, 0.05)


def integers(*shape: int, dtype: str = "uint8") -> np.ndarray:
    """Signed ones of 7 bits: without VNNI, ONNX Runtime adds pairs of products in 16 bits, which saturate above."""
    least, most = (-63, 63) if dtype == "int8" else (0, 255)
    return RNG.integers(least, most, shape, endpoint=True).astype(dtype)


@pytest.mark.parametrize("opset", [10, 13, 19, 21])
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_quantize_and_dequantize_by_tensor(opset: int, dtype: str) -> None:
    zero = scalar(3, dtype)
    graph = assert_same("QuantizeLinear", [X, scalar(0.03), zero], opset, free=(0,), others=[[X[:1]]])
    assert operators(graph) == ["quantize_linear"]
    q = integers(2, 3, 4, dtype=dtype)
    graph = assert_same("DequantizeLinear", [q, scalar(0.03), zero], opset, free=(0,), others=[[q[:1]]])
    assert operators(graph) == ["dequantize_linear"]


@pytest.mark.parametrize("axis", [1, -3])
def test_quantize_and_dequantize_by_axis(axis: int) -> None:
    zero = Known(np.array([0, 7, 255], np.uint8))
    assert_same("QuantizeLinear", [X, SCALES, zero], 13, axis=axis)
    assert_same("DequantizeLinear", [integers(2, 3, 4, 5), SCALES, zero], 13, axis=axis)


def test_without_a_zero_point() -> None:
    assert_same("QuantizeLinear", [X, scalar(0.03)], 13)
    assert_same("QuantizeLinear", [X, scalar(0.03)], 21, output_dtype=3)
    assert_same("DequantizeLinear", [integers(2, 3, dtype="int32"), scalar(0.03)], 13)


def test_scales_that_are_computed() -> None:
    assert_same("QuantizeLinear", [X, np.array(0.03, np.float32), np.array(9, np.uint8)], 13)
    assert_same("QuantizeLinear", [X, SCALES.array, np.array([0, 7, 255], np.uint8)], 13, axis=1)
    assert_same("DequantizeLinear", [integers(2, 3, 4), SCALES.array, np.array([0, 7, 255], np.uint8)], 13, axis=1)


def test_blocks() -> None:
    scale, zero = Known(np.abs(normal(2, 2)) + 0.01), Known(integers(2, 2))
    assert_same("DequantizeLinear", [integers(2, 6), scale, zero], 21, axis=1, block_size=3)
    assert_same("QuantizeLinear", [normal(2, 6), scale, zero], 21, engine="onnx", axis=1, block_size=3)


def test_dynamic_quantisation() -> None:
    assert_same("DynamicQuantizeLinear", [X], 11, outputs=3, free=(0,), others=[[X[:1] + 9]])


@pytest.mark.parametrize("bias", [True, False])
def test_qlinear_conv(bias: bool) -> None:
    values = [
        integers(1, 3, 6, 6), scalar(0.02), scalar(120, "uint8"),
        Known(integers(4, 3, 3, 3, dtype="int8")), floats(0.01, 0.02, 0.03, 0.015), Known(np.zeros(4, np.int8)),
        scalar(0.5), scalar(128, "uint8"),
    ]  # fmt: skip
    values += [Known(np.array([5, -70, 300, 9], np.int32))] if bias else []
    # a product that lies halfway between two whole numbers may be rounded either way
    assert_same("QLinearConv", values, 10, tolerance=1, pads=[1, 1, 1, 1])


def test_qlinear_matmul() -> None:
    values = [
        integers(3, 4), scalar(0.02), scalar(120, "uint8"), Known(integers(4, 5)), scalar(0.01), scalar(110, "uint8"),
        scalar(0.1), scalar(128, "uint8"),
    ]  # fmt: skip
    assert_same("QLinearMatMul", values, 10, tolerance=1)


def test_integer_products_are_exact() -> None:
    a, zero = integers(2, 3, 40), scalar(120, "uint8")
    assert_same("MatMulInteger", [a, Known(integers(40, 5, dtype="int8")), zero, scalar(3, "int8")], 10)
    assert_same("MatMulInteger", [a, integers(40, 5)], 10)
    assert_same("ConvInteger", [integers(1, 3, 6, 6), Known(integers(4, 3, 3, 3)), zero], 10, pads=[1, 1, 1, 1])
    channels = Known(np.array([1, 2, 3, 4], np.uint8))
    weight = Known(integers(4, 3, 3, 3))
    assert_same("ConvInteger", [integers(1, 3, 6, 6), weight, scalar(7, "uint8"), channels], 10, engine="onnx")
