"""Kernels that change an image's size, and local response norm, on drawn problems against the float64 reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from kernel_harness import check_all, make_problem

from tinyinfer import kernels, ops
from tinyinfer.errors import GraphError, InputError
from tinyinfer.graph import TensorType
from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.ops.pooling.resize import COORDINATES, ROUNDINGS

threads = st.sampled_from([1, 2])
sizes = st.tuples(st.integers(1, 11), st.integers(1, 11))


def pairs(least: int, most: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(least, most), st.integers(least, most))


@given(
    n=st.integers(1, 2), groups=st.sampled_from([1, 1, 2, 3]), c=st.integers(1, 20), m=st.integers(1, 40), size=sizes,
    kernel=pairs(1, 5), stride=pairs(1, 4), padding=pairs(0, 3), more=pairs(0, 3),
    dilation=st.sampled_from([(1, 1), (1, 1), (2, 1), (3, 1), (2, 2), (1, 3)]), bias=st.booleans(),
    activation=st.sampled_from(sorted(FUSED, key=str)), threads=threads, depthwise=st.booleans(),
)  # fmt: skip
def test_transposed_convolutions(
    n, groups, c, m, size, kernel, stride, padding, more, dilation, bias, activation, threads, depthwise
):
    channels = c * groups
    groups, m = (channels, 1) if depthwise else (groups, m)
    more = tuple(min(a, max(s, d) - 1) for a, s, d in zip(more, stride, dilation, strict=True))
    attrs = {"stride": stride, "padding": padding, "output_padding": more, "dilation": dilation, "groups": groups}
    op = ops.create("conv_transpose2d", attrs | {"activation": activation})
    params = {"weight": (channels, m, *kernel)} | ({"bias": (m * groups,)} if bias else {})
    try:
        op.infer([TensorType((n, channels, *size))], {role: TensorType(shape) for role, shape in params.items()})
    except GraphError:
        assume(False)
    served = depthwise or dilation[1] == 1 or kernel[1] == 1 or stride[1] % dilation[1] == 0
    assert (check_all(op, [(n, channels, *size)], params, threads) > 0) == served


@given(
    n=st.integers(1, 2), c=st.integers(1, 40), size=sizes, out=pairs(1, 25), threads=threads, align=st.booleans(),
    mode=st.sampled_from(["nearest", "nearest-exact", "bilinear", "bicubic"]), like=st.booleans(),
)  # fmt: skip
def test_resizing_to_a_size(n, c, size, out, threads, align, mode, like):
    attrs = {"mode": mode, "align_corners": align and mode in ("bilinear", "bicubic")}
    if like:
        assert check_all(ops.create("interpolate", attrs), [(n, c, *size), (n, 3, *out)], {}, threads) > 0
    else:
        assert check_all(ops.create("interpolate", attrs | {"size": out}), [(n, c, *size)], {}, threads) > 0


@given(
    n=st.integers(1, 2), c=st.integers(1, 20), size=sizes, out=pairs(1, 25), threads=threads,
    mode=st.sampled_from(["nearest", "linear", "cubic"]), exclude=st.booleans(), antialias=st.booleans(),
    coordinates=st.sampled_from([name for name in COORDINATES if name != "tf_crop_and_resize"]),
    rounding=st.sampled_from(list(ROUNDINGS)), a=st.sampled_from([-0.75, -0.5]),
)  # fmt: skip
def test_resizing_as_onnx_does(n, c, size, out, threads, mode, exclude, antialias, coordinates, rounding, a):
    rule = {"coordinates": coordinates, "rounding": rounding, "cubic_coeff_a": a, "exclude_outside": exclude}
    op = ops.create("resize", {"dims": (2, 3), "mode": mode, "antialias": antialias and mode != "nearest", **rule})
    assert check_all(op, [(n, c, *size), (n, c, *out)], {}, threads) == 1
    one = ops.create("resize", {"dims": (3,), "mode": mode, "size": out[1:], **rule})
    assert check_all(one, [(n, c, *size)], {}, threads) == 1


@given(size=sizes, out=pairs(1, 25), corners=st.tuples(*[st.floats(-0.2, 1.2)] * 4))
def test_parts_of_an_image_resized(size, out, corners):
    attrs = {"dims": (2, 3), "size": out, "mode": "linear", "coordinates": "tf_crop_and_resize", "roi": corners}
    op = ops.create("resize", {**attrs, "extrapolation_value": 3.0})
    inside = not any(op.line(i, size[i], out[i]).outside.any() for i in range(2))
    assert check_all(op, [(1, 5, *size)], {}, 1) == inside


@given(n=st.integers(1, 2), c=st.integers(1, 20), size=sizes, out=pairs(1, 9), threads=threads)
def test_areas(n, c, size, out, threads):
    assert check_all(ops.create("interpolate", {"mode": "area", "size": out}), [(n, c, *size)], {}, threads) == 1


def test_resized_dimensions_that_are_none_of_an_image_are_the_references() -> None:
    for dims, shape in (((1,), (3, 5)), ((1, 2), (1, 3, 4, 5))):
        op = ops.create("resize", {"dims": dims, "size": (8,) * len(dims), "mode": "linear"})
        assert not any(kernel.takes(make_problem(op, [shape], {}, 1)) for kernel in kernels.list("resize"))


def test_a_single_pixel_fills_any_size() -> None:
    """Its copies differ by rounding alone."""
    for mode in ("nearest", "nearest-exact", "bilinear", "bicubic"):
        assert check_all(ops.create("interpolate", {"mode": mode, "size": (8, 13)}), [(1, 1, 1, 1)], {}, 1) > 0


@given(
    c=st.integers(1, 40), size=sizes, factor=st.tuples(st.floats(1, 4), st.floats(1, 4)), threads=threads,
    mode=st.sampled_from(["nearest", "nearest-exact", "bilinear", "bicubic"]), recompute=st.booleans(),
)  # fmt: skip
def test_resizing_by_a_factor(c, size, factor, threads, mode, recompute):
    op = ops.create("interpolate", {"mode": mode, "scale_factor": factor, "recompute_scale_factor": recompute})
    assert check_all(op, [(1, c, *size)], {}, threads) > 0


@given(n=st.integers(1, 2), c=st.integers(1, 40), r=st.integers(1, 4), size=sizes, threads=threads)
def test_pixel_shuffles(n, c, r, size, threads):
    shuffle = ops.create("pixel_shuffle", {"upscale_factor": r})
    assert check_all(shuffle, [(n, c * r * r, *size)], {}, threads) > 0
    unshuffle = ops.create("pixel_unshuffle", {"downscale_factor": r})
    assert check_all(unshuffle, [(n, c, size[0] * r, size[1] * r)], {}, threads) > 0


@given(
    shape=st.one_of(
        st.tuples(st.integers(1, 2), st.integers(1, 70), *[st.integers(1, 20)] * 2),
        st.tuples(st.integers(1, 30), st.integers(1, 700)),
    ),
    size=st.integers(1, 9), alpha=st.floats(0, 2), k=st.floats(0.5, 3), quarters=st.integers(1, 4), threads=threads,
)  # fmt: skip
def test_local_response_norm(shape, size, alpha, k, quarters, threads):
    attrs = {"size": size, "alpha": alpha, "beta": quarters / 4, "k": k}
    served = size <= 2 * shape[1]
    assert (check_all(ops.create("local_response_norm", attrs), [shape], {}, threads) > 0) == served


def test_threads_share_large_images() -> None:
    """Small ones are left to one thread."""
    for name, attrs, shape in [
        ("interpolate", {"mode": "nearest", "scale_factor": 2}, (1, 24, 19, 17)),
        ("interpolate", {"mode": "bilinear", "scale_factor": 2}, (1, 24, 19, 17)),
        ("resize", {"dims": (2, 3), "mode": "cubic", "size": (150, 60)}, (1, 3, 50, 41)),
        ("pixel_shuffle", {"upscale_factor": 2}, (1, 60, 19, 17)),
        ("local_response_norm", {"size": 5, "alpha": 0.5}, (1, 60, 19, 17)),
    ]:
        assert check_all(ops.create(name, attrs), [shape], {}, 2) > 0


def test_exponents_that_no_root_gives_are_the_references() -> None:
    (kernel,) = kernels.list("local_response_norm")
    op = ops.create("local_response_norm", {"size": 5, "beta": 0.6})
    assert not kernel.takes(make_problem(op, [(1, 8, 3, 3)], {}, 1))


@given(
    n=st.integers(1, 2), c=st.integers(1, 40), size=sizes, kernel=pairs(1, 3), stride=pairs(1, 3), padding=pairs(0, 1),
    dilation=pairs(1, 2), ceil_mode=st.booleans(), threads=threads,
)  # fmt: skip
def test_pools_that_remember_places(n, c, size, kernel, stride, padding, dilation, ceil_mode, threads):
    padding = tuple(min(p, k // 2) for p, k in zip(padding, kernel, strict=True))
    attrs = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    op = ops.create("max_pool2d_with_indices", attrs)
    try:
        op.infer([TensorType((n, c, *size))], {})
    except GraphError:
        assume(False)
    y, _ = op.reference([np.zeros((n, c, *size))], {})
    assume(np.isfinite(y).all())
    assert check_all(op, [(n, c, *size)], {}, threads) > 0


@given(n=st.integers(1, 2), c=st.integers(1, 40), size=sizes, kernel=pairs(1, 3), threads=threads)
def test_values_put_back(n, c, size, kernel, threads):
    assert check_all(ops.create("max_unpool2d", {"kernel_size": kernel}), [(n, c, *size)] * 2, {}, threads) > 0


def test_places_of_equal_values_and_of_nan() -> None:
    x = np.random.default_rng(0).integers(0, 3, (2, 21, 9, 8)).astype(np.float32)
    x[:, ::4, 2, 3:5], x[:, 1::5] = np.nan, -np.inf
    attrs = {"kernel_size": 3, "stride": 2, "padding": 1}
    found = kernels.call("max_pool2d_with_indices/windows", x, **attrs)
    for y, expected in zip(found, ops.reference("max_pool2d_with_indices")(x, **attrs), strict=True):
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("place", [-1, 16, np.nan])
def test_places_outside_the_output_are_refused(place: float) -> None:
    x, at = np.ones((1, 20, 2, 2), np.float32), np.zeros((1, 20, 2, 2), np.float32)
    assert kernels.call("max_unpool2d/scatter", x, at, kernel_size=2).sum() == 20
    at[0, 7, 1, 1] = place
    with pytest.raises(InputError, match=f"indices: expected 0 to 15, found {place:g}"):
        kernels.call("max_unpool2d/scatter", x, at, kernel_size=2)
