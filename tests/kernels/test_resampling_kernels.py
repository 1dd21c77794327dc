"""Kernels that change an image's size, and local response norm, on drawn problems against the float64 reference."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st
from kernel_harness import check_all, make_problem

from tinyinfer import kernels, ops
from tinyinfer.errors import GraphError
from tinyinfer.graph import TensorType
from tinyinfer.kernels.endings import FUSED

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
        ("pixel_shuffle", {"upscale_factor": 2}, (1, 60, 19, 17)),
        ("local_response_norm", {"size": 5, "alpha": 0.5}, (1, 60, 19, 17)),
    ]:
        assert check_all(ops.create(name, attrs), [shape], {}, 2) > 0


def test_exponents_that_no_root_gives_are_the_references() -> None:
    (kernel,) = kernels.list("local_response_norm")
    op = ops.create("local_response_norm", {"size": 5, "beta": 0.6})
    assert not kernel.applies(make_problem(op, [(1, 8, 3, 3)], {}, 1))
