"""Quantised operators against what they stand for: real numbers computed, then rounded to codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer import ops
from tinyinfer.errors import GraphError, WeightsError
from tinyinfer.graph import Quant, TensorType
from tinyinfer.ops.base import Case
from tinyinfer.ops.convolution.conv_transpose2d import exchanged
from tinyinfer.ops.quantized.convolution import QuantizedConv2d

CASES = [
    (name, case)
    for name in (
        *("quantized_conv2d", "quantized_linear", "quantized_add", "quantized_sub", "quantized_mul"),
        *("quantized_avg_pool2d", "quantized_adaptive_avg_pool2d", "quantized_conv_transpose2d", "quantized_prelu"),
    )
    for case in ops.get(name).cases()
]
PLAIN = {
    "quantized_conv2d": "conv2d", "quantized_linear": "linear", "quantized_conv_transpose2d": "conv_transpose2d"
}  # fmt: skip
ARITHMETIC = {"quantized_add": np.add, "quantized_sub": np.subtract, "quantized_mul": np.multiply}
SHARED = ("stride", "padding", "output_padding", "dilation", "groups")
POOLS = (
    "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override", "output_size",
)  # fmt: skip


def dequantized(codes: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    return np.asarray((codes.astype(np.float64) - zero_point) * scale)


def in_real_numbers(name: str, case: Case, inputs: list[np.ndarray], params: dict[str, np.ndarray]) -> np.ndarray:
    """What the codes stand for, computed by the operator of real numbers in float64."""
    op = ops.create(name, case.attrs)
    a = op.attrs
    if name in ARITHMETIC:
        x = [dequantized(v, a[f"{k}_scale"], a[f"{k}_zero_point"]) for k, v in zip("ab", inputs, strict=True)]
        y = ARITHMETIC[name](*x)
    elif name in ("quantized_avg_pool2d", "quantized_adaptive_avg_pool2d"):
        plain = ops.create(name.removeprefix("quantized_"), {k: v for k, v in a.items() if k in POOLS})
        (y,) = plain.reference([dequantized(inputs[0], a["input_scale"], a["input_zero_point"])], {})
    elif name == "quantized_prelu":
        (y,) = ops.create("prelu", {}).reference(
            [dequantized(inputs[0], a["input_scale"], a["input_zero_point"])], params
        )
    else:
        x = [dequantized(inputs[0], a["input_scale"], a["input_zero_point"])]
        x += [dequantized(r, a["residual_scale"], a["residual_zero_point"]) for r in inputs[1:]]
        scale = params["weight_scale"].astype(np.float64)
        across = scale.reshape(-1, *[1] * (params["weight"].ndim - 1))
        weight = dequantized(params["weight"], 1, a["weight_zero_point"])
        if name == "quantized_conv_transpose2d":
            weight = exchanged(exchanged(weight, a["groups"]) * across, a["groups"])
        else:
            weight = weight * across
        bias = params["bias"] * scale * a["input_scale"]
        plain = ops.create(PLAIN[name], {k: v for k, v in a.items() if k in SHARED})
        if a.get("inner_scale") is None:
            (y,) = plain.reference(x, {"weight": weight, "bias": bias})
        else:  # rounded before the residual is added
            (inner,) = plain.reference(x[:1], {"weight": weight, "bias": bias})
            limits = np.iinfo(op.dtype)  # type: ignore[attr-defined]
            codes = np.clip(np.rint(inner / a["inner_scale"]) + a["inner_zero_point"], limits.min, limits.max)
            y = dequantized(codes, a["inner_scale"], a["inner_zero_point"]) + x[1]
    return y if a["activation"] is None else ops.reference(a["activation"])(y)


@pytest.mark.parametrize(("name", "case"), CASES)
def test_codes_are_the_real_numbers_rounded(name: str, case: Case, rng: np.random.Generator) -> None:
    op = ops.create(name, case.attrs)
    inputs, params = op.example_inputs(case.input_types, rng), op.example_params(case.params, rng)
    (found,) = op.reference(inputs, params)
    real = in_real_numbers(name, case, inputs, params)
    assert len(np.unique(found)) > 4
    if op.dtype == "float32":
        np.testing.assert_allclose(found, real, rtol=1e-5, atol=1e-5)  # worths are rounded, too
        return
    limits = np.iinfo(op.dtype)
    exact = np.clip(real / op.scale + op.zero_point, limits.min, limits.max)
    assert np.abs(found - exact).max() < 0.501  # where float32 rounds at a half the code may be the other


def test_the_border_stands_for_zero() -> None:
    """A window over the border sees the input's zero point there, which adds nothing."""
    x = np.full((1, 1, 1, 1), 200, np.uint8)
    y = ops.reference("quantized_conv2d")(
        x, np.full((1, 1, 3, 3), 2, np.int8), np.float32([0.5]), padding=1, input_scale=0.1, input_zero_point=150,
        scale=0.5, zero_point=4,
    )  # fmt: skip
    assert y.item() == round(50 * 0.1 * 2 * 0.5 / 0.5) + 4


def test_halves_round_to_even() -> None:
    y = ops.reference("quantized_add")(
        np.uint8([1, 3, 5, 7]), np.zeros(4, np.uint8), a_scale=0.5, b_scale=0.5, scale=1.0
    )
    assert y.tolist() == [0, 2, 2, 4]


MOVEMENTS = [
    ("channel_shuffle", {"groups": 2}, 1),
    ("pixel_shuffle", {"upscale_factor": 2}, 1),
    ("pixel_unshuffle", {"downscale_factor": 2}, 1),
    ("pad", {"pad": (1, 1, 0, 2), "value": 3}, 1),
    ("slice", {"dim": 2, "start": 1, "end": 3}, 1),
    ("split", {"split_size_or_sections": 2, "dim": 1}, 1),
    ("concat", {"dim": 1}, 2),
    ("interleave", {}, 2),
    ("permute", {"dims": (0, 2, 3, 1)}, 1),
    ("flatten", {"start_dim": 1}, 1),
    ("max_pool2d", {"kernel_size": 2, "padding": 1}, 1),
    ("interpolate", {"scale_factor": 2.0}, 1),
    ("interpolate", {"scale_factor": 1.5, "mode": "bilinear"}, 1),
    ("resize", {"dims": (2, 3), "size": (3, 9), "mode": "cubic"}, 1),
]


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize(("name", "attrs", "count"), MOVEMENTS)
def test_moved_codes_stand_for_the_same(
    name: str, attrs: dict[str, Any], count: int, dtype: str, rng: np.random.Generator
) -> None:
    """Shapes and orders change; scale and zero point stay, and so do the real numbers, but for a rounding."""
    quant = Quant(0.25, 3)
    op = ops.create(name, attrs)
    inputs = [rng.integers(0, 100, (1, 4, 4, 6)).astype(dtype) for _ in range(count)]
    outputs = op.reference(inputs, {})
    types = op.infer([TensorType(x.shape, dtype, quant) for x in inputs], {})
    assert {t.quant for t in types} == {quant}
    real = op.reference([x.astype(np.float64) for x in inputs], {})
    for y, exact in zip(outputs, real, strict=True):
        assert y.dtype == dtype
        limits = np.iinfo(dtype)
        assert np.abs(y - np.clip(exact, limits.min, limits.max)).max() <= 0.500001


@pytest.mark.parametrize(
    ("activation", "zero_point", "bounds"),
    [(None, 3, (0, 255)), ("relu", 3, (3, 255)), ("relu6", 3, (3, 63)), ("relu6", 250, (250, 255))],
)
def test_clips_are_bounds_on_codes(activation: str, zero_point: int, bounds: tuple[int, int]) -> None:
    op = QuantizedConv2d(input_scale=0.1, scale=0.1, zero_point=zero_point, activation=activation)
    assert op.bounds == bounds


def test_weights_of_older_files_have_a_zero_point(rng: np.random.Generator) -> None:
    """uint8 with a zero point, or int8 with the same one less 128, is the same layer."""
    x, w = rng.integers(0, 256, (2, 5), np.uint8), rng.integers(0, 256, (4, 5), np.uint8)
    w[w < 1] = 1
    scales = {"input_scale": 0.1, "input_zero_point": 77, "scale": 3.0, "zero_point": 128}
    steps = np.full(4, 0.01, np.float32)
    linear = ops.reference("quantized_linear")
    unsigned = linear(x, w, steps, weight_zero_point=131, **scales)
    signed = linear(x, (w.astype(int) - 128).astype(np.int8), steps, weight_zero_point=3, **scales)
    np.testing.assert_array_equal(unsigned, signed)


@given(st.data())
def test_a_lookup_is_its_table(data: st.DataObject) -> None:
    table = np.array(data.draw(st.lists(st.integers(-128, 127), min_size=256, max_size=256)), np.int8)
    x = np.arange(-128, 128).astype(np.int8)
    np.testing.assert_array_equal(ops.reference("lookup")(x, table, scale=1.0), table)
    np.testing.assert_array_equal(
        ops.reference("lookup")((x.astype(int) + 128).astype(np.uint8), table, scale=1), table
    )


IMAGE, WEIGHT = TensorType((1, 4, 5, 5), "uint8"), TensorType((3, 4, 1, 1), "int8")
STEPS = TensorType((3,))


@pytest.mark.parametrize(
    ("inputs", "params", "message"),
    [
        ([TensorType((1, 4, 5, 5))], {}, "expected inputs of uint8, int8, found float32"),
        ([IMAGE], {"weight": TensorType((3, 4, 1, 1))}, "weight: expected int8, uint8, found float32"),
        ([IMAGE], {"weight_scale": TensorType((4,))}, "weight_scale: expected shape 3, found 4"),
        ([IMAGE], {"bias": TensorType((3,))}, "bias: expected int32, found float32"),
        ([TensorType((1, 4, 5, 5), "uint8", Quant(0.5))], {}, "input: expected values quantised by .*, found .*0.5"),
        ([IMAGE, TensorType((1, 3, 5, 4), "uint8")], {}, "residual: expected shape 1x3x5x5, found 1x3x5x4"),
    ],
)
def test_what_does_not_fit_is_refused(inputs: list[TensorType], params: dict[str, TensorType], message: str) -> None:
    op = QuantizedConv2d(input_scale=0.1, scale=0.1)
    with pytest.raises(GraphError, match=message):
        op.infer(inputs, {"weight": WEIGHT, "weight_scale": STEPS, **params})


@pytest.mark.parametrize(
    ("attrs", "message"),
    [
        ({"scale": 0.0}, "scale: expected a number above 0 in float32, found 0.0"),
        ({"input_scale": -1.0}, "input_scale: expected a number above 0"),
        ({"scale": float("inf")}, "scale: expected a finite number"),
        ({"zero_point": 256}, "zero_point: expected 0 to 255 for uint8, found 256"),
        ({"zero_point": -129, "dtype": "int8"}, "zero_point: expected -128 to 127 for int8, found -129"),
        ({"dtype": "int32"}, "dtype: expected uint8, int8 or float32, found 'int32'"),
    ],
)
def test_bad_scales_are_refused(attrs: dict[str, object], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        ops.create("quantized_conv2d", {"input_scale": 0.1, "scale": 0.1, **attrs})


@pytest.mark.parametrize(
    ("weight", "scale", "bias", "message"),
    [
        (np.full((2, 3), -128, np.int8), [1, 1], [0, 0], "weight: expected int8 within -127 to 127, found -128"),
        (np.zeros((2, 3), np.int8), [1, 0], [0, 0], "weight_scale: expected finite numbers above 0, found 0"),
        (np.zeros((2, 3), np.int8), [np.inf, 1], [0, 0], "weight_scale: expected finite numbers above 0, found inf"),
        (np.ones((2, 3), np.int8), [1, 1], [0, 2**31 - 3], "sums of output channel 1 can leave 32 bits"),
        (np.full((1, 70_000), 127, np.int8), [1], [0], "sums of output channel 0 can leave 32 bits"),
    ],
)
def test_bad_weights_are_refused(weight: np.ndarray, scale: list[float], bias: list[int], message: str) -> None:
    op = ops.create("quantized_linear", {"input_scale": 0.1, "scale": 0.1})
    with pytest.raises(WeightsError, match=message):
        op.check_values({"weight": weight, "weight_scale": np.float32(scale), "bias": np.int32(bias)})
