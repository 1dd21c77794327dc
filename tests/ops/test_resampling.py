"""What makes images larger: shape rules, definitions, attributes and shapes that are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tinyinfer import ops
from tinyinfer.errors import GraphError, InputError
from tinyinfer.graph import TensorType

Pair = tuple[int, int]


def pairs(least: int, most: int) -> st.SearchStrategy[Pair]:
    return st.tuples(st.integers(least, most), st.integers(least, most))


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@given(
    size=pairs(1, 6), kernel=pairs(1, 4), stride=pairs(1, 3), padding=pairs(0, 2), dilation=pairs(1, 3),
    groups=st.integers(1, 3), more=pairs(0, 2),
)  # fmt: skip
def test_transposed_convolution_is_the_transpose_of_convolution(
    size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int, more: Pair
) -> None:
    """conv(y) . x = y . conv_transpose(x) for all x and y, with the same weight and padding."""
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    more = (min(more[0], stride[0] - 1), min(more[1], stride[1] - 1))
    x, weight = normal(2, 2 * groups, *size), normal(2 * groups, 3, *kernel, seed=1)
    try:
        up = ops.reference("conv_transpose2d")(x, weight, output_padding=more, **attrs)
    except GraphError:
        assume(False)
    y = normal(*up.shape, seed=2)
    down = ops.reference("conv2d")(y, weight, **attrs)
    assert down.shape == x.shape  # output_padding chooses among the sizes that the stride brings to this one
    np.testing.assert_allclose(np.sum(down * x), np.sum(y * up), atol=1e-9)


def test_transposed_convolution_counts_the_products_of_its_input() -> None:
    """H * W * C * M * R * S / groups."""
    op = ops.create("conv_transpose2d", {"stride": 2, "groups": 2})
    types = [TensorType((1, 6, 5, 7))], {"weight": TensorType((6, 4, 3, 3))}
    outputs = op.infer(*types)
    assert outputs[0].shape == (1, 8, 11, 15)
    assert op.cost(*types, outputs).macs == 5 * 7 * 6 * 8 * 9 // 2


@given(size=pairs(1, 9), out=pairs(1, 20), mode=st.sampled_from(["nearest", "nearest-exact", "bilinear", "bicubic"]))
def test_resizing_keeps_constants_and_its_size_can_be_anothers(size: Pair, out: Pair, mode: str) -> None:
    resize = ops.reference("interpolate")
    np.testing.assert_allclose(resize(np.full((1, 2, *size), 3.0), size=out, mode=mode), np.full((1, 2, *out), 3.0))
    x = normal(2, 3, *size)
    np.testing.assert_array_equal(resize(x, size=out, mode=mode), resize(x, like=np.zeros((1, 1, *out)), mode=mode))
    np.testing.assert_allclose(resize(x, size=size, mode=mode), x)


def test_aligned_corners_keep_a_ramp_straight_and_its_pixels_in_place() -> None:
    ramp = np.linspace(0, 1, 7).reshape(1, 1, 1, 7).repeat(4, axis=2)
    options = {"size": (9, 25), "align_corners": True}
    bilinear, bicubic = (ops.reference("interpolate")(ramp, mode=m, **options)[0, 0] for m in ("bilinear", "bicubic"))
    np.testing.assert_allclose(bilinear, np.linspace(0, 1, 25)[None].repeat(9, axis=0), atol=1e-12)
    np.testing.assert_allclose(bicubic[3, ::4], ramp[0, 0, 3], atol=1e-12)


@given(r=st.integers(1, 4), c=st.integers(1, 3), size=pairs(1, 4))
def test_pixel_shuffle_and_back(r: int, c: int, size: Pair) -> None:
    x = normal(2, c * r * r, *size)
    y = ops.reference("pixel_shuffle")(x, upscale_factor=r)
    for n, k, i, j in np.ndindex(y.shape):
        assert y[n, k, i, j] == x[n, (k * r + i % r) * r + j % r, i // r, j // r]
    np.testing.assert_array_equal(ops.reference("pixel_unshuffle")(y, downscale_factor=r), x)


@given(
    size=pairs(2, 9), kernel=pairs(1, 3), stride=pairs(1, 3), padding=pairs(0, 1), ceil_mode=st.booleans(),
    levels=st.sampled_from([2, 1000]),
)  # fmt: skip
def test_indices_tell_where_the_maxima_lie(
    size: Pair, kernel: Pair, stride: Pair, padding: Pair, ceil_mode: bool, levels: int
) -> None:
    attrs = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    x = np.random.default_rng(0).integers(-levels, levels, (2, 3, *size)).astype(np.float64)  # of 2 levels many tie
    try:
        y, at = ops.reference("max_pool2d_with_indices")(x, **attrs)
    except GraphError:
        assume(False)
    np.testing.assert_array_equal(y, ops.reference("max_pool2d")(x, **attrs))
    np.testing.assert_array_equal(
        np.take_along_axis(x.reshape(2, 3, -1), at.reshape(2, 3, -1).astype(int), 2), y.reshape(2, 3, -1)
    )
    for n, c, i, j in np.ndindex(y.shape):
        row, column = divmod(int(at[n, c, i, j]), size[1])
        top, left = i * stride[0] - padding[0], j * stride[1] - padding[1]
        window = x[n, c, max(top, 0) : row + 1, max(left, 0) : left + kernel[1]]
        first = np.flatnonzero(window == y[n, c, i, j])[0]  # of equal values the first
        assert divmod(first, window.shape[1]) == (row - max(top, 0), column - max(left, 0))


def test_unpooling_undoes_the_pooling_of_maxima() -> None:
    x = normal(2, 3, 7, 9)
    y, at = ops.reference("max_pool2d_with_indices")(x, kernel_size=2)
    back = ops.reference("max_unpool2d")(y, at, like=x, kernel_size=2)
    np.testing.assert_array_equal(back[back != 0], x[back != 0])
    assert np.count_nonzero(back) == y.size


@pytest.mark.parametrize("index", [-1.0, 16.0, np.nan])
def test_unpooling_refuses_indices_outside(index: float) -> None:
    at = np.zeros((1, 1, 2, 2))
    at[0, 0, 1, 0] = index
    with pytest.raises(InputError, match="indices: expected 0 to 15, found"):
        ops.reference("max_unpool2d")(np.ones((1, 1, 2, 2)), at, kernel_size=2)


def test_local_response_norm_by_its_definition() -> None:
    x = normal(2, 7, 3)
    y = ops.reference("local_response_norm")(x, size=4, alpha=0.5, beta=0.6, k=1.5)
    for n, c, i in np.ndindex(x.shape):
        squares = sum(x[n, j, i] ** 2 for j in range(max(0, c - 2), min(7, c + 2)))
        assert y[n, c, i] == pytest.approx(x[n, c, i] / (1.5 + 0.5 * squares / 4) ** 0.6)


IMAGE = (1, 6, 8, 8)
BAD_ATTRIBUTES: list[tuple[str, dict[str, Any], str]] = [
    ("conv_transpose2d", {"stride": 0}, "stride: expected at least 1, found 0"),
    ("conv_transpose2d", {"padding": "same"}, "padding: expected an integer, found 'same'"),
    ("conv_transpose2d", {"output_padding": 1}, "output_padding: expected below stride or dilation, 1, found 1"),
    ("conv_transpose2d", {"groups": 0}, "groups: expected at least 1"),
    ("interpolate", {"mode": "linear"}, "mode: expected one of nearest, .*found 'linear'"),
    ("interpolate", {"mode": ["nearest"]}, "mode: expected one of"),
    ("interpolate", {"size": 4, "scale_factor": 2}, "expected size or scale_factor, found both"),
    ("interpolate", {"size": 0}, "size: expected at least 1"),
    ("interpolate", {"scale_factor": 0}, "scale_factor: expected 0 to 1e6"),
    ("interpolate", {"scale_factor": (1, 2, 3)}, "scale_factor: expected one or two numbers"),
    ("interpolate", {"scale_factor": float("inf")}, "scale_factor: expected a finite number"),
    ("interpolate", {"size": 4, "align_corners": True}, "align_corners has no meaning in mode 'nearest'"),
    ("interpolate", {"size": 4, "recompute_scale_factor": True}, "recompute_scale_factor has no meaning"),
    ("pixel_shuffle", {"upscale_factor": 0}, "upscale_factor: expected at least 1"),
    ("pixel_unshuffle", {"downscale_factor": 2.0}, "downscale_factor: expected an integer"),
    ("max_pool2d_with_indices", {"kernel_size": 0}, "kernel_size: expected at least 1"),
    ("max_unpool2d", {"kernel_size": 2, "padding": -1}, "padding: expected at least 0"),
    ("local_response_norm", {"size": 0}, "size: expected at least 1"),
    ("local_response_norm", {"size": 5, "k": 0}, "k: expected a number above 0"),
    ("local_response_norm", {"size": 5, "alpha": -1}, "alpha: expected a number of at least 0"),
]


@pytest.mark.parametrize(("name", "attrs", "message"), BAD_ATTRIBUTES)
def test_bad_attributes(name: str, attrs: dict[str, Any], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        ops.create(name, attrs)


Shape = tuple[int, ...]
BAD_SHAPES: list[tuple[str, dict[str, Any], list[Shape], dict[str, Shape], str]] = [
    ("conv_transpose2d", {"groups": 4}, [IMAGE], {"weight": (6, 2, 3, 3)}, "groups 4 do not divide 6 input channels"),
    ("conv_transpose2d", {}, [IMAGE], {"weight": (5, 2, 3, 3)}, "weight 5x2x3x3 takes 5 channels, found 6"),
    ("conv_transpose2d", {}, [IMAGE], {"weight": (6, 2, 3, 3), "bias": (6,)}, "bias: expected shape 2, found 6"),
    ("conv_transpose2d", {"padding": 5}, [IMAGE], {"weight": (6, 2, 3, 3)}, "cuts off all of the output"),
    ("interpolate", {}, [IMAGE], {}, "expected one of size, scale_factor and an input to be like, found 0"),
    ("interpolate", {"size": 4}, [IMAGE, IMAGE], {}, "an input to be like, found 2"),
    ("interpolate", {}, [IMAGE, (1, 6)], {}, "like: expected rank 4, found shape 1x6"),
    ("interpolate", {"scale_factor": 0.1}, [IMAGE], {}, "the output would be empty"),
    ("pixel_shuffle", {"upscale_factor": 2}, [IMAGE], {}, "upscale_factor 2 squared does not divide 6 channels"),
    ("pixel_unshuffle", {"downscale_factor": 3}, [IMAGE], {}, "downscale_factor 3 does not divide an image of 8x8"),
    ("max_pool2d_with_indices", {"kernel_size": 2}, [(1, 1, 4097, 4096)], {}, "expected at most 16777216, found"),
    ("max_unpool2d", {"kernel_size": 2}, [IMAGE, (1, 6, 8, 7)], {}, "indices: expected shape 1x6x8x8"),
    ("max_unpool2d", {"kernel_size": 2, "output_size": 18}, [IMAGE, IMAGE], {}, "expected less than 2 from 16"),
    ("max_unpool2d", {"kernel_size": 2, "output_size": 16}, [IMAGE] * 3, {}, "output_size or an input to be like"),
    ("max_unpool2d", {"kernel_size": 2}, [(1, 1, 3000, 3000)] * 2, {}, "6000x6000 pixels: expected at most 16777216"),
    ("local_response_norm", {"size": 3}, [(8,)], {}, "expected rank 2 or more"),
]


@pytest.mark.parametrize(("name", "attrs", "inputs", "params", "message"), BAD_SHAPES)
def test_bad_shapes(
    name: str, attrs: dict[str, Any], inputs: list[Shape], params: dict[str, Shape], message: str
) -> None:
    op = ops.create(name, attrs)
    with pytest.raises(GraphError, match=message):
        op.infer([TensorType(s) for s in inputs], {role: TensorType(s) for role, s in params.items()})
