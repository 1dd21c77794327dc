"""Picking, cutting, repeating and ranking, against Python's own indexing and sorting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer import ops
from tinyinfer.errors import GraphError, InputError
from tinyinfer.graph import TensorType

sizes = st.lists(st.integers(1, 4), min_size=1, max_size=5).map(tuple)


def numbers(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape)


bounds = st.integers(-7, 7)


@given(sizes, st.data())
def test_slice_is_pythons(shape: tuple[int, ...], data: st.DataObject) -> None:
    dims = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape), unique=True))
    steps = st.integers(-3, 3).filter(bool)
    cuts = data.draw(st.tuples(*[st.tuples(bounds, st.none() | bounds, steps) for _ in dims]))
    start, end, step = zip(*cuts, strict=True)
    x, whole = numbers(shape), [slice(None)] * len(shape)
    for dim, cut in zip(dims, cuts, strict=True):
        whole[dim] = slice(*cut)
    expected = x[tuple(whole)]
    signed = tuple(dim - len(shape) if data.draw(st.booleans()) else dim for dim in dims)
    attrs = {"dim": signed, "start": start, "end": end, "step": step}
    if expected.size == 0:
        with pytest.raises(GraphError, match="the output would be empty"):
            ops.reference("slice")(x, **attrs)
    else:
        np.testing.assert_array_equal(ops.reference("slice")(x, **attrs), expected)
    if len(dims) == 1 and expected.size > 0:
        single = {name: values[0] for name, values in attrs.items()}
        np.testing.assert_array_equal(ops.reference("slice")(x, **single), expected)


@given(sizes, st.data())
def test_index_puts_the_indices_dimensions_in_the_place_of_one(shape: tuple[int, ...], data: st.DataObject) -> None:
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    size, at = shape[dim], dim % len(shape)
    where = data.draw(st.lists(st.integers(1, 3), max_size=3))
    index = np.asarray(np.random.default_rng(0).integers(-size, size, where))
    x, y = numbers(shape), ops.reference("index")(numbers(shape), index, dim=dim)
    assert y.shape == (*shape[:at], *where, *shape[at + 1 :])
    for place in np.ndindex(*where):
        before, picked = (slice(None),) * at, int(index[place])
        np.testing.assert_array_equal(y[(*before, *place)], x[(*before, picked)])


@given(sizes, st.data())
def test_gather_walks_along_one_dimension(shape: tuple[int, ...], data: st.DataObject) -> None:
    dim = data.draw(st.integers(0, len(shape) - 1))
    where = tuple(data.draw(st.integers(1, 6 if at == dim else size)) for at, size in enumerate(shape))
    index = np.random.default_rng(1).integers(-shape[dim], shape[dim], where)
    x = numbers(shape)
    y = ops.reference("gather")(x, index, dim=dim)
    for place in np.ndindex(*where):
        assert y[place] == x[(*place[:dim], index[place], *place[dim + 1 :])]


@pytest.mark.parametrize("name", ["index", "gather"])
@pytest.mark.parametrize("outside", [3, -4, 2**40])
def test_an_index_out_of_range_is_refused_at_run_time(name: str, outside: int) -> None:
    index = np.array([0, outside, 2])
    with pytest.raises(InputError, match=f"index: expected -3 to 2, found {outside}"):
        ops.reference(name)(np.zeros(3), index, dim=0)


def test_squeeze_and_unsqueeze() -> None:
    x = numbers((1, 3, 1, 2))
    assert ops.reference("squeeze")(x, dim=2).shape == (1, 3, 2)
    assert ops.reference("squeeze")(x, dim=(0, -2)).shape == (3, 2)
    assert ops.reference("unsqueeze")(x, dim=(-1, 0)).shape == (1, 1, 3, 1, 2, 1)


@given(sizes, st.data())
def test_unsqueeze_is_numpys_and_squeeze_undoes_it(shape: tuple[int, ...], data: st.DataObject) -> None:
    x = numbers(shape)
    rank = len(shape) + data.draw(st.integers(1, 3))
    count = rank - len(shape)
    dims = tuple(data.draw(st.lists(st.integers(0, rank - 1), min_size=count, max_size=count, unique=True)))
    y = ops.reference("unsqueeze")(x, dim=dims)
    np.testing.assert_array_equal(y, np.expand_dims(x, dims))
    np.testing.assert_array_equal(ops.reference("squeeze")(y, dim=dims), x)


@given(sizes, st.data())
def test_expand_and_tile_are_numpys(shape: tuple[int, ...], data: st.DataObject) -> None:
    x = numbers(shape)[tuple(slice(0, 1) if data.draw(st.booleans()) else slice(None) for _ in shape)]
    new = data.draw(st.lists(st.integers(1, 3), max_size=2))
    size = (*new, *(data.draw(st.sampled_from([-1, s] if s > 1 else [-1, 1, 3])) for s in x.shape))
    full = (*new, *(old if s == -1 else s for old, s in zip(x.shape, size[len(new) :], strict=True)))
    np.testing.assert_array_equal(ops.reference("expand")(x, size=size), np.broadcast_to(x, full))
    counts = data.draw(st.lists(st.integers(1, 3), max_size=6).map(tuple))
    np.testing.assert_array_equal(ops.reference("tile")(x, dims=counts), np.tile(x, counts))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=9), st.data())
def test_topk_puts_the_first_of_equal_ones_first(values: list[int], data: st.DataObject) -> None:
    k, largest = data.draw(st.integers(1, len(values))), data.draw(st.booleans())
    order = sorted(range(len(values)), key=lambda i: (-values[i] if largest else values[i], i))[:k]
    for dtype in ("float64", "uint8", "int64"):
        x = np.array([values, values], dtype).T
        best, where = ops.reference("topk")(x, k=k, dim=0, largest=largest)
        assert where.dtype == np.int64
        assert where.tolist() == [[i, i] for i in order]
        assert best.tolist() == [[values[i]] * 2 for i in order]


def test_nan_counts_as_the_largest() -> None:
    x = np.array([1.0, np.nan, 3.0, np.nan])
    assert ops.reference("topk")(x, k=3)[1].tolist() == [1, 3, 2]
    assert ops.reference("topk")(x, k=3, largest=False)[1].tolist() == [0, 2, 1]
    assert ops.reference("argmax")(x) == ops.reference("argmin")(x) == 1
    assert np.isnan(ops.reference("amax")(x))
    assert np.isnan(ops.reference("amin")(x))


REDUCTIONS: dict[str, Any] = {"mean": np.mean, "sum": np.sum, "amax": np.max, "amin": np.min}


@pytest.mark.parametrize("name", REDUCTIONS)
@given(shape=st.lists(st.integers(1, 4), max_size=5).map(tuple), keepdim=st.booleans(), data=st.data())
def test_reductions(name: str, shape: tuple[int, ...], keepdim: bool, data: st.DataObject) -> None:
    x = np.asarray(numbers(shape))
    axes = st.integers(0, max(len(shape) - 1, 0))
    dims = data.draw(st.none() | st.lists(axes, min_size=1, unique=True).map(tuple)) if shape else None
    y = ops.reference(name)(x, dim=dims, keepdim=keepdim)
    assert isinstance(y, np.ndarray)
    away = range(len(shape)) if dims is None else dims
    kept = [at for at in range(len(shape)) if at not in away]
    assert y.shape == tuple(1 if at in away else shape[at] for at in range(len(shape)) if keepdim or at in kept)
    flat = y.reshape([shape[at] for at in kept])
    for place in np.ndindex(flat.shape):
        index: list[Any] = [slice(None)] * len(shape)
        for at, i in zip(kept, place, strict=True):
            index[at] = i
        assert flat[place] == pytest.approx(REDUCTIONS[name](x[tuple(index)].ravel()), rel=1e-12)


def test_reductions_keep_the_dtype() -> None:
    x = np.array([[100, 27], [3, 1]], np.int32)
    for name in ("sum", "amax", "amin"):
        assert ops.reference(name)(x, dim=-1).dtype == np.int32
    assert ops.reference("mean")(np.ones((4, 5000), np.float16), dim=1).tolist() == [1, 1, 1, 1]
    assert ops.reference("amax")(np.array([3, 200], np.uint8)).dtype == np.uint8


@given(shape=sizes, data=st.data(), keepdim=st.booleans())
def test_argmax_and_argmin(shape: tuple[int, ...], data: st.DataObject, keepdim: bool) -> None:
    x = np.random.default_rng(len(shape)).integers(0, 3, shape)
    dim = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1))
    for name, pick in (("argmax", max), ("argmin", min)):
        y = ops.reference(name)(x, dim=dim, keepdim=keepdim)
        assert y.dtype == np.int64
        rows = x.reshape(1, -1) if dim is None else np.moveaxis(x, dim, -1).reshape(-1, shape[dim])
        assert y.ravel().tolist() == [row.index(pick(row)) for row in rows.tolist()]
        expected = [1 if dim is None or at == dim % len(shape) else size for at, size in enumerate(shape)]
        assert y.ndim == (len(shape) if keepdim else 0 if dim is None else len(shape) - 1)
        assert not keepdim or list(y.shape) == expected


@given(st.lists(st.integers(1, 3), max_size=2), st.lists(st.integers(1, 3), max_size=2), *[st.integers(0, 4)] * 3)
def test_matmul(outer_a: list[int], outer_b: list[int], m: int, k: int, n: int) -> None:
    """m or n of 0 stand for vectors."""
    a, b = (numbers((*outer_a, m, k + 1)[-1 if m == 0 else None :]), numbers((*outer_b, k + 1, n)[: None if n else -1]))
    a, b = (numbers((k + 1,)) if m == 0 else a), (numbers((k + 1,)) if n == 0 else b)
    try:
        expected = np.matmul(a, b)
    except ValueError:
        with pytest.raises(GraphError, match="do not broadcast"):
            ops.reference("matmul")(a, b)
        return
    assert ops.create("matmul", {}).infer([TensorType(a.shape), TensorType(b.shape)], {})[0].shape == expected.shape
    y = ops.reference("matmul")(a, b)
    np.testing.assert_array_equal(y, expected)
    stack_a, stack_b = np.atleast_2d(a), b[:, None] if b.ndim == 1 else b
    products = np.einsum("...mk,...kn->...mn", stack_a, stack_b)
    np.testing.assert_allclose(y.ravel(), products.ravel(), rtol=1e-12, atol=1e-12)


def test_scatter_writes_or_joins() -> None:
    x, index, elements = np.zeros((2, 3)), np.array([[0, -1], [1, 1]]), np.array([[1.0, 2.0], [3.0, 4.0]])
    assert ops.reference("scatter")(x, index, elements, dim=1).tolist() == [[1, 0, 2], [0, 4, 0]]
    assert ops.reference("scatter")(x, index, elements, dim=1, reduce="sum").tolist() == [[1, 0, 2], [0, 7, 0]]
    assert ops.reference("scatter")(x - 9, index, elements, dim=1, reduce="amax").tolist() == [[1, -9, 2], [-9, 4, -9]]
    assert not x.any()


def test_places_named_by_the_last_dimension() -> None:
    x = np.arange(6).reshape(2, 3)
    assert ops.reference("gather_nd")(x, np.array([[1, 0], [0, -1]])).tolist() == [3, 2]
    assert ops.reference("gather_nd")(x, np.array([[1]])).tolist() == [[3, 4, 5]]
    assert ops.reference("gather_nd")(x, np.array([[2], [0]]), batch_dims=1).tolist() == [2, 3]
    assert ops.reference("scatter_nd")(x, np.array([[1]]), np.array([[7, 8, 9]])).tolist() == [[0, 1, 2], [7, 8, 9]]
    with pytest.raises(InputError, match="index: expected -2 to 1, found 2"):
        ops.reference("gather_nd")(x, np.array([[2]]))


def test_rows_are_reversed_up_to_their_lengths() -> None:
    x = np.arange(8).reshape(4, 2)
    assert ops.reference("reverse_sequence")(x, np.array([4, 2])).T.tolist() == [[6, 4, 2, 0], [3, 1, 5, 7]]
    with pytest.raises(InputError, match="lengths: expected 0 to 4, found 2 to 5"):
        ops.reference("reverse_sequence")(x, np.array([5, 2]))


def test_of_boxes_that_overlap_the_best_stays() -> None:
    boxes = np.array([[[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, 5, 1, 6], [1, 6, 0, 5]]])  # the last with corners exchanged
    scores = np.array([[[0.9, 0.8, 0.3, 0.4], [0.1, 0.7, 0.2, 0.2]]])
    found = ops.reference("non_max_suppression")(boxes, scores, max_output_boxes=3, iou_threshold=0.5)
    assert found.tolist() == [[0, 0, 0], [0, 0, 3], [0, 1, 1], [0, 1, 2], [-1, -1, -1], [-1, -1, -1]]
    found = ops.reference("non_max_suppression")(
        boxes, scores, max_output_boxes=1, iou_threshold=1.0, score_threshold=0.7
    )
    assert found.tolist() == [[0, 0, 0], [-1, -1, -1]]
