"""The NumPy references against loops over single numbers, written from the definitions."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer import ops

Index = int | None


def at(i: int, size: int, mode: str) -> Index:
    """The image row or column that stands at position i beyond the border; None for a zero."""
    if 0 <= i < size:
        return i
    if mode == "zeros":
        return None
    if mode == "replicate":
        return 0 if i < 0 else size - 1
    if mode == "circular":
        return i % size
    return -i if i < 0 else 2 * (size - 1) - i  # reflect


def slow_conv2d(x: np.ndarray, w: np.ndarray, b: np.ndarray, attrs: dict[str, Any]) -> np.ndarray:
    (n, _, h, wd), (m, cg, r, s) = x.shape, w.shape
    (sh, sw), (dh, dw), (top, bottom, left, right) = attrs["stride"], attrs["dilation"], attrs["padding"]
    groups, mode = attrs["groups"], attrs["padding_mode"]
    ho = (h + top + bottom - dh * (r - 1) - 1) // sh + 1
    wo = (wd + left + right - dw * (s - 1) - 1) // sw + 1
    y = np.zeros((n, m, ho, wo))
    for b_, f, i, j in itertools.product(range(n), range(m), range(ho), range(wo)):
        total = float(b[f])
        for k, u, v in itertools.product(range(cg), range(r), range(s)):
            row, column = at(i * sh + u * dh - top, h, mode), at(j * sw + v * dw - left, wd, mode)
            if row is not None and column is not None:
                total += float(w[f, k, u, v]) * float(x[b_, f // (m // groups) * cg + k, row, column])
        y[b_, f, i, j] = total
    return y


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
    groups = draw(st.integers(1, 3))
    cg, mg = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 4)))
    mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    attrs = {
        "stride": draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        "dilation": draw(st.tuples(st.integers(1, 3), st.integers(1, 2))),
        "padding": draw(st.tuples(*[st.integers(0, 2)] * 4)),
        "groups": groups,
        "padding_mode": mode,
    }
    size = []
    for i in range(2):
        extent = (kernel[i] - 1) * attrs["dilation"][i] + 1
        around = attrs["padding"][2 * i] + attrs["padding"][2 * i + 1]
        least = max(1 if mode == "zeros" else 3, extent - around)
        size.append(draw(st.integers(least, least + 4)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = rng.standard_normal((draw(st.integers(1, 2)), groups * cg, *size))
    w = rng.standard_normal((groups * mg, cg, *kernel))
    return x, w, rng.standard_normal(groups * mg), attrs


@given(convolutions())
def test_conv2d(drawn: tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]) -> None:
    x, w, b, attrs = drawn
    y = ops.reference("conv2d")(x, w, b, **attrs)
    np.testing.assert_allclose(y, slow_conv2d(x, w, b, attrs), rtol=1e-12, atol=1e-12)


@given(st.integers(1, 9), st.integers(1, 5), st.integers(1, 4), st.integers(1, 2))
def test_same_padding_is_tensorflows(size: int, kernel: int, stride: int, dilation: int) -> None:
    x = np.arange(1.0, size + 1).reshape(1, 1, size, 1)
    w = np.arange(1.0, kernel + 1).reshape(1, 1, kernel, 1)
    y = ops.reference("conv2d")(x, w, stride=(stride, 1), dilation=(dilation, 1), padding="same").ravel()
    outputs = math.ceil(size / stride)
    total = max(0, (outputs - 1) * stride + dilation * (kernel - 1) + 1 - size)
    start = -(total // 2)
    expected = [
        sum((k + 1) * (p + 1) for k in range(kernel) if 0 <= (p := start + i * stride + k * dilation) < size)
        for i in range(outputs)
    ]
    assert y.tolist() == expected


def slow_pool(x: np.ndarray, out: tuple[int, int], a: dict[str, Any], kind: str) -> np.ndarray:
    n, c, h, w = x.shape
    (kh, kw), (sh, sw), (top, bottom, left, right) = a["kernel_size"], a["stride"], a["padding"]
    dh, dw = a.get("dilation", (1, 1))
    y = np.zeros((n, c, *out))
    for b, k, i, j in itertools.product(range(n), range(c), range(out[0]), range(out[1])):
        inside, counted = [], 0
        for u, v in itertools.product(range(kh), range(kw)):
            row, column = i * sh + u * dh - top, j * sw + v * dw - left
            if 0 <= row < h and 0 <= column < w:
                inside.append(float(x[b, k, row, column]))
            if -top <= row < h + bottom and -left <= column < w + right:
                counted += 1
        if kind == "max":
            y[b, k, i, j] = max(inside, default=-math.inf)
        else:
            divisor = a["divisor_override"] or (counted if a["count_include_pad"] else len(inside))
            y[b, k, i, j] = sum(inside) / divisor
    return y


@st.composite
def pools(draw: st.DrawFn, kind: str) -> tuple[np.ndarray, dict[str, Any]]:
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 4)))
    dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2))) if kind == "max" else (1, 1)
    extent = [(kernel[i] - 1) * dilation[i] + 1 for i in range(2)]
    padding = tuple(draw(st.integers(0, extent[i // 2] - 1)) for i in range(4))
    attrs: dict[str, Any] = {
        "kernel_size": kernel,
        "stride": draw(st.tuples(st.integers(1, 3), st.integers(1, 4))),
        "padding": padding,
        "ceil_mode": draw(st.booleans()),
    }
    if kind == "max":
        attrs["dilation"] = dilation
    else:
        attrs["count_include_pad"] = draw(st.booleans())
        attrs["divisor_override"] = draw(st.sampled_from([None, None, 3]))
    size = []
    for i in range(2):
        least = max(1, extent[i] - padding[2 * i] - padding[2 * i + 1])
        size.append(draw(st.integers(least, least + 6)))
    return np.random.default_rng(draw(st.integers(0, 99))).standard_normal((1, 2, *size)), attrs


def windows(size: int, extent: int, stride: int, before: int, after: int, ceil_mode: bool) -> int:
    """How many windows there are: those inside the padded image, in ceil_mode also a last one that starts on it."""
    inside = [p for p in range(0, size + before + after, stride) if p + extent <= size + before + after]
    overhanging = inside[-1] + extent < size + before + after and inside[-1] + stride < size + before
    return len(inside) + (ceil_mode and overhanging)


@pytest.mark.parametrize("kind", ["max", "avg"])
@given(data=st.data())
def test_pooling(kind: str, data: st.DataObject) -> None:
    x, attrs = data.draw(pools(kind))
    out = tuple(
        windows(
            x.shape[2 + i],
            (attrs["kernel_size"][i] - 1) * attrs.get("dilation", (1, 1))[i] + 1,
            attrs["stride"][i],
            *attrs["padding"][2 * i : 2 * i + 2],
            attrs["ceil_mode"],
        )
        for i in range(2)
    )
    y = ops.reference(f"{kind}_pool2d")(x, **attrs)
    assert y.shape[2:] == out
    np.testing.assert_allclose(y, slow_pool(x, out, attrs, kind), rtol=1e-12, atol=1e-12)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.one_of(st.none(), st.integers(1, 9)))
def test_adaptive_pooling(h: int, w: int, ho: int, wo: int | None) -> None:
    x = np.random.default_rng(h * w).standard_normal((2, 2, h, w))
    columns = w if wo is None else wo
    for kind, reduce in (("avg", np.mean), ("max", np.max)):
        y = ops.reference(f"adaptive_{kind}_pool2d")(x, output_size=(ho, wo))
        assert y.shape == (2, 2, ho, columns)
        for i, j in itertools.product(range(ho), range(columns)):
            rows = [r for r in range(h) if math.floor(i * h / ho) <= r < math.ceil((i + 1) * h / ho)]
            cols = [c for c in range(w) if math.floor(j * w / columns) <= c < math.ceil((j + 1) * w / columns)]
            expected = reduce(x[:, :, rows][..., cols], axis=(2, 3))
            np.testing.assert_allclose(y[:, :, i, j], expected, rtol=1e-12, atol=1e-12)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(1, 5), st.booleans())
def test_linear(outer: list[int], m: int, bias: bool) -> None:
    rng = np.random.default_rng(m)
    x, w, b = rng.standard_normal(outer), rng.standard_normal((m, outer[-1])), rng.standard_normal(m) if bias else None
    y = ops.reference("linear")(x, w, b)
    for index in np.ndindex(*outer[:-1], m):
        dot = sum(float(x[(*index[:-1], k)]) * float(w[index[-1], k]) for k in range(outer[-1]))
        assert y[index] == pytest.approx(dot + (float(b[index[-1]]) if b is not None else 0.0), abs=1e-12)


@pytest.mark.parametrize("name", ["conv2d", "linear"])
def test_endings_are_bias_then_residual_then_activation(name: str) -> None:
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((2, 5, 3, 3)), rng.standard_normal((7, 5, 1, 1)), rng.standard_normal(7)
    if name == "linear":
        x, w = x[..., 0, 0], w[..., 0, 0]
    plain = ops.reference(name)(x, w)
    residual = rng.standard_normal(plain.shape)
    y = ops.reference(name)(x, w, b, residual=residual, activation="relu")
    total = plain + b.reshape(-1, *[1] * (x.ndim - 2)) + residual
    np.testing.assert_allclose(y, np.where(total > 0, total, 0), rtol=1e-12)
    assert (y == 0).any()
    assert (y > 0).any()


@given(st.integers(2, 4), st.sampled_from([1e-5, 1e-3, 0.1]), st.booleans())
def test_batch_norm(rank: int, eps: float, affine: bool) -> None:
    rng = np.random.default_rng(rank)
    x = rng.standard_normal((2, 3, 4, 2)[:rank])
    mean, var, weight, bias = rng.standard_normal(3), rng.uniform(0.1, 2, 3), rng.standard_normal(3), rng.random(3)
    y = ops.reference("batch_norm")(x, mean, var, *((weight, bias) if affine else ()), eps=eps)
    for index in np.ndindex(x.shape):
        c = index[1]
        expected = (x[index] - mean[c]) / math.sqrt(var[c] + eps)
        assert y[index] == pytest.approx(expected * weight[c] + bias[c] if affine else expected, abs=1e-12)


@given(st.integers(1, 5), st.integers(1, 4))
def test_channel_shuffle_moves_and_is_undone(groups: int, each: int) -> None:
    c = groups * each
    x = np.arange(2.0 * c * 2).reshape(2, c, 2, 1)
    y = ops.reference("channel_shuffle")(x, groups=groups)
    for g, i in itertools.product(range(groups), range(each)):
        assert (y[:, i * groups + g] == x[:, g * each + i]).all()
    assert (ops.reference("channel_shuffle")(y, groups=each) == x).all()


@given(st.tuples(*[st.integers(-1, 2)] * 6), st.sampled_from(["constant", "reflect", "replicate", "circular"]))
def test_pad(pad: tuple[int, ...], mode: str) -> None:
    x = np.random.default_rng(0).standard_normal((2, 5, 6, 7))
    y = ops.reference("pad")(x, pad=pad, mode=mode, value=3.5)
    cut = [(max(-pad[2 * d], 0), x.shape[1 + d] + min(pad[2 * d + 1], 0)) for d in range(3)]
    for index in np.ndindex(y.shape):
        source: list[Index] = [index[0]]
        for d in range(3):  # positions count from where the cut leaves off
            begin, end = cut[d]
            place = at(index[1 + d] - max(pad[2 * d], 0), end - begin, mode.replace("constant", "zeros"))
            source.append(None if place is None else begin + place)
        assert y[index] == (3.5 if None in source else x[tuple(source)])


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(-3, 2))
def test_split_undoes_concat(sizes: list[int], dim: int) -> None:
    shapes = [tuple(size if axis == dim % 3 else 2 + axis for axis in range(3)) for size in sizes]
    parts = [np.random.default_rng(i).standard_normal(shape) for i, shape in enumerate(shapes)]
    whole = ops.reference("concat")(*parts, dim=dim)
    assert whole.shape[dim] == sum(sizes)
    back = ops.reference("split")(whole, split_size_or_sections=sizes, dim=dim)
    for part, piece in zip(parts, [back] if len(sizes) == 1 else back, strict=True):
        assert (part == piece).all()


def test_split_by_size_leaves_the_rest_to_the_last() -> None:
    pieces = ops.reference("split")(np.arange(10.0)[None], split_size_or_sections=4, dim=1)
    assert [piece.ravel().tolist() for piece in pieces] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_slice_permute_and_views() -> None:
    x = np.arange(120.0).reshape(2, 3, 4, 5)
    assert (ops.reference("slice")(x, dim=(2, 3), step=2) == x[:, :, ::2, ::2]).all()
    assert (ops.reference("slice")(x, dim=1, end=2) == x[:, :2]).all()
    assert ops.reference("permute")(x, dims=(0, 2, 3, 1))[1, 3, 4, 2] == x[1, 2, 3, 4]
    assert ops.reference("flatten")(x, start_dim=1).shape == (2, 60)
    assert ops.reference("flatten")(x).tolist() == [*range(120)]
    assert ops.reference("reshape")(x, shape=(0, 3, -1)).shape == (2, 3, 20)
    assert ops.reference("reshape")(x, shape=(-1, 1, 5)).shape == (24, 1, 5)


def test_broadcasting_arithmetic() -> None:
    rng = np.random.default_rng(0)
    x, gate = rng.standard_normal((2, 3, 4, 5)), rng.random((2, 3, 1, 1))
    product, total = ops.reference("mul")(x, gate), ops.reference("add")(x, gate, activation="relu")
    for n, c, h, w in np.ndindex(x.shape):
        assert product[n, c, h, w] == x[n, c, h, w] * gate[n, c, 0, 0]
        assert total[n, c, h, w] == max(x[n, c, h, w] + gate[n, c, 0, 0], 0)


@given(st.lists(st.floats(-1000, 1000), min_size=1, max_size=6))
def test_softmax(scores: list[float]) -> None:
    x = np.array([scores])
    e = [math.exp(s - max(scores)) for s in scores]
    np.testing.assert_allclose(ops.reference("softmax")(x, dim=1)[0], [v / sum(e) for v in e], rtol=1e-12)
    expected = [s - max(scores) - math.log(sum(e)) for s in scores]
    np.testing.assert_allclose(ops.reference("log_softmax")(x, dim=1)[0], expected, rtol=1e-12, atol=1e-12)
