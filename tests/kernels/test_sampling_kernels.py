"""Kernels of norms, shifts and displaced taps against the float64 reference, over drawn problems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_harness import check_all

from tinyinfer import kernels, ops
from tinyinfer.errors import InputError

threads = st.sampled_from([1, 2])


@given(
    n=st.integers(1, 3), groups=st.integers(1, 4), c=st.integers(1, 40),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)), threads=threads,
)  # fmt: skip
def test_norms(n, groups, c, size, threads):
    x, affine = (n, groups * c, *size), {"weight": (groups * c,), "bias": (groups * c,)}
    assert check_all(ops.create("layer_norm", {"normalized_shape": x[1:2], "dim": 1}), [x], affine, threads) > 0
    assert check_all(ops.create("layer_norm", {"normalized_shape": (c,)}), [(n, groups, c)], {}, threads) > 0
    assert check_all(ops.create("group_norm", {"num_groups": groups}), [x], affine, threads) > 0
    assert check_all(ops.create("instance_norm", {}), [x], affine, threads) > 0


@given(
    n=st.integers(1, 2), c=st.integers(1, 60), size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    kernel=st.integers(1, 5), dilation=st.integers(1, 3), threads=threads,
)  # fmt: skip
def test_shifts(n, c, size, kernel, dilation, threads):
    x = (n, c, *size)
    assert check_all(ops.create("shift", {"kernel_size": kernel, "dilation": dilation}), [x], {}, threads) > 0
    assert check_all(ops.create("sparse_shift", {}), [x], {"offset": (c, 2)}, threads) > 0


@given(
    n=st.integers(1, 2), groups=st.integers(1, 3), offset_groups=st.integers(1, 2), c=st.integers(1, 20),
    m=st.integers(1, 20), size=st.tuples(st.integers(3, 9), st.integers(3, 9)), kernel=st.integers(1, 3),
    padding=st.integers(0, 2), mask=st.booleans(), threads=threads,
)  # fmt: skip
def test_deformable_convolutions(n, groups, offset_groups, c, m, size, kernel, padding, mask, threads):
    c, out = c * groups * offset_groups, tuple(side + 2 * padding - kernel + 1 for side in size)
    op = ops.create("deform_conv2d", {"padding": padding, "groups": groups, "offset_groups": offset_groups})
    taps = offset_groups * kernel**2
    inputs = [(n, c, *size), (n, 2 * taps, *out), *([(n, taps, *out)] if mask else [])]
    params = {"weight": (m * groups, c // groups, kernel, kernel), "bias": (m * groups,)}
    assert check_all(op, inputs, params, threads) > 0


@pytest.mark.parametrize("offset", [np.nan, np.inf, -1e30, -0.999999, 4.999999])
def test_taps_far_outside_see_zeros(offset: float) -> None:
    x, weight = np.ones((1, 17, 5, 5), np.float32), np.ones((3, 17, 1, 1), np.float32)
    offsets = np.zeros((1, 2, 5, 5), np.float32)
    offsets[:, 0] = offset
    with np.errstate(invalid="ignore"):
        expected = ops.reference("deform_conv2d")(x, offsets, weight)
        found = kernels.call("deform_conv2d/im2col", x, offsets, weight)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@given(moves=st.lists(st.tuples(st.integers(-12, 12), st.integers(-12, 12)), min_size=1, max_size=20))
def test_shifts_of_any_distance(moves):
    x = np.random.default_rng(0).standard_normal((2, len(moves), 6, 9)).astype(np.float32)
    offset = np.array(moves, np.float32) + 0.25
    expected = ops.reference("sparse_shift")(x, offset)
    np.testing.assert_array_equal(kernels.call("sparse_shift/gather", x, offset), expected)


@pytest.mark.parametrize("kernel", ["strips", "gather"])
@pytest.mark.parametrize("size", [3, 5])
def test_shifts_move_every_value_as_it_is(kernel: str, size: int) -> None:
    """No channel or pixel gets a part of another's NaN or infinity."""
    x = np.random.default_rng(0).standard_normal((1, 53, 9, 8)).astype(np.float32)
    x[0, ::5, 3, 4], x[0, 1::7, 0, :], x[0, 2::9, :, 7] = np.nan, np.inf, -0.0
    found = kernels.call(f"shift/{kernel}", x, kernel_size=size)
    expected = ops.reference("shift")(x, kernel_size=size)
    np.testing.assert_array_equal(found.view(np.int32), expected.view(np.int32))


@given(
    n=st.integers(1, 2), c=st.integers(1, 40), size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    points=st.tuples(st.integers(1, 5), st.integers(1, 40)), mode=st.sampled_from(["bilinear", "nearest", "bicubic"]),
    padding=st.sampled_from(["zeros", "border", "reflection"]), align=st.booleans(), threads=threads,
)  # fmt: skip
def test_grids(n, c, size, points, mode, padding, align, threads):
    attrs = {"mode": mode, "padding_mode": padding, "align_corners": align}
    assert check_all(ops.create("grid_sample", attrs), [(n, c, *size), (n, *points, 2)], {}, threads) == 1


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_points_far_outside_and_of_nan(mode: str, padding: str) -> None:
    x = np.random.default_rng(0).standard_normal((1, 17, 5, 4)).astype(np.float32)
    ends = np.array([np.nan, -np.inf, np.inf, -1e30, 1e30, -1, 0, 1], np.float32)
    if padding == "reflection":  # so far out no float tells one pixel from the next
        ends = ends[5:]
    grid = np.stack(np.meshgrid(ends, ends), axis=-1)[None]
    attrs = {"mode": mode, "padding_mode": padding}
    found = kernels.call("grid_sample/taps", x, grid, **attrs)
    np.testing.assert_allclose(found, ops.reference("grid_sample")(x, grid, **attrs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_no_point_is_looked_at_outside_the_image(value: float) -> None:
    """Whatever is found there, each place is one of the image's."""
    x = np.ones((1, 3, 5, 4), np.float32)
    grid = np.full((1, 2, 40, 2), value, np.float32)
    y = kernels.call("grid_sample/taps", x, grid, padding_mode="reflection")
    np.testing.assert_allclose(y[np.isfinite(y)], 1, rtol=1e-5)


def test_threads_share_large_grids() -> None:
    assert check_all(ops.create("grid_sample", {}), [(2, 20, 9, 8), (2, 30, 30, 2)], {}, 2) == 1


@given(
    n=st.integers(1, 2), c=st.integers(1, 70), size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    regions=st.integers(1, 5), cells=st.tuples(st.integers(1, 4), st.integers(1, 4)), ratio=st.integers(0, 3),
    aligned=st.booleans(), scale=st.sampled_from([0.5, 1.0, 3.0]), threads=threads,
)  # fmt: skip
def test_regions(n, c, size, regions, cells, ratio, aligned, scale, threads):
    attrs = {"output_size": cells, "sampling_ratio": ratio, "aligned": aligned, "spatial_scale": scale}
    assert check_all(ops.create("roi_align", attrs), [(n, c, *size), (regions, 5)], {}, threads) == 1


@pytest.mark.parametrize("aligned", [False, True])
def test_regions_beside_the_image_and_inside_out(aligned: bool) -> None:
    x = np.random.default_rng(0).standard_normal((1, 37, 5, 4)).astype(np.float32)
    corners = [(-9, -9, -3, -3), (3, 4, 1, 0), (-1, -1, 5, 6), (2, 2, 2, 2), (9, 9, 99, 99), (np.nan, 0, 1, np.inf)]
    boxes = np.array([(0, *corner) for corner in corners], np.float32)
    attrs = {"output_size": (3, 2), "sampling_ratio": 2, "aligned": aligned}
    with np.errstate(invalid="ignore"):
        expected = ops.reference("roi_align")(x, boxes, **attrs)
    assert not expected[[0, 4, 5]].any()
    np.testing.assert_allclose(kernels.call("roi_align/shares", x, boxes, **attrs), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("box", "message"), [((1, 0, 0, 1, 1), "images 0 to 0"), ((0, 0, 0, 1e9, 1), "points along")])
def test_regions_of_no_image_and_without_end_are_refused(box: tuple[float, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        kernels.call("roi_align/shares", np.ones((1, 3, 5, 4), np.float32), np.array([box], np.float32), output_size=2)
