"""Kernels that pick elements along each dimension, and those that look at them in another shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from kernel_harness import check_all

from tinyinfer import kernels, ops
from tinyinfer.errors import GraphError
from tinyinfer.graph import TensorType

threads = st.sampled_from([1, 2, 3])
dtypes = st.sampled_from(["float32", "int32", "int64"])
shapes = st.lists(st.integers(1, 9), min_size=1, max_size=5).map(tuple)
sizes = st.tuples(st.integers(1, 20), st.integers(1, 20))


@given(shape=shapes, dtype=dtypes, threads=threads, data=st.data())
def test_slices(shape, dtype, threads, data):
    cuts = {}
    for dim, size in enumerate(shape):
        step = data.draw(st.sampled_from([1, 1, 2, 3, -1, -2]))
        bounds = st.one_of(st.integers(-size - 2, size + 2), st.just(0 if step > 0 else -1))
        cuts[dim] = (data.draw(bounds), data.draw(st.one_of(st.none(), st.integers(-size - 2, size + 2))), step)
    start, end, step = (tuple(each) for each in zip(*cuts.values(), strict=True))
    op = ops.create("slice", {"dim": tuple(cuts), "start": start, "end": end, "step": step})
    try:
        op.infer([TensorType(shape, dtype)], {})
    except GraphError:
        assume(False)
    assert check_all(op, [shape], {}, threads, [dtype]) == 1


@given(
    n=st.integers(1, 2), c=st.integers(1, 40), size=sizes, mode=st.sampled_from(["reflect", "replicate", "circular"]),
    pad=st.tuples(*[st.integers(-3, 9)] * 4), threads=threads,
)  # fmt: skip
def test_pads_that_continue_an_image(n, c, size, mode, pad, threads):
    op = ops.create("pad", {"pad": pad, "mode": mode})
    try:
        op.infer([TensorType((n, c, *size))], {})
    except GraphError:
        assume(False)
    assert check_all(op, [(n, c, *size)], {}, threads) == 1


@given(shape=shapes, dtype=dtypes, zero=st.booleans(), threads=threads, data=st.data())
def test_pads_of_a_constant(shape, dtype, zero, threads, data):
    pad = [data.draw(st.integers(1 - size, 3)) for size in shape for _ in range(2)]
    assume(all(size + min(a, 0) + min(b, 0) > 0 for size, a, b in zip(shape, pad[::2], pad[1::2], strict=True)))
    op = ops.create("pad", {"pad": pad, "value": 0 if zero else 3})
    served = zero or dtype == "float32"
    assert check_all(op, [shape], {}, threads, [dtype]) == served


@given(shape=shapes, repeats=st.lists(st.integers(1, 3), min_size=1, max_size=5), dtype=dtypes, threads=threads)
def test_tiles(shape, repeats, dtype, threads):
    assert check_all(ops.create("tile", {"dims": repeats}), [shape], {}, threads, [dtype]) == 1


@given(shape=shapes, more=st.lists(st.integers(1, 3), max_size=2), dtype=dtypes, threads=threads, data=st.data())
def test_expansions(shape, more, dtype, threads, data):
    ones = [data.draw(st.booleans()) for _ in shape]
    narrow = tuple(1 if one else size for one, size in zip(ones, shape, strict=True))
    assert check_all(ops.create("expand", {"size": (*more, *shape)}), [narrow], {}, threads, [dtype]) == 1


@given(shape=shapes, dtype=dtypes, threads=threads, data=st.data())
def test_selections_along_any_dimension(shape, dtype, threads, data):
    dim = data.draw(st.integers(0, len(shape) - 1))
    index = data.draw(st.lists(st.integers(0, shape[dim] - 1), min_size=1, max_size=20))
    assert check_all(ops.create("index_select", {"dim": dim, "index": index}), [shape], {}, threads, [dtype]) > 0


@given(shape=shapes, parts=st.lists(st.integers(1, 5), min_size=1, max_size=4), threads=threads, data=st.data())
def test_joined_and_split_along_any_dimension(shape, parts, threads, data):
    dim = data.draw(st.integers(0, len(shape) - 1))
    pieces = [(*shape[:dim], size, *shape[dim + 1 :]) for size in parts]
    assert check_all(ops.create("concat", {"dim": dim}), pieces, {}, threads) > 0
    whole = (*shape[:dim], sum(parts), *shape[dim + 1 :])
    assert check_all(ops.create("split", {"dim": dim, "split_size_or_sections": parts}), [whole], {}, threads) > 0


@given(rows=st.integers(1, 9), columns=st.integers(1, 9), threads=threads, data=st.data())
def test_matrices_with_gaps_between_rows_in_another_shape(rows, columns, threads, data):
    size = rows * columns
    width = data.draw(st.sampled_from([i for i in range(1, size + 1) if size % i == 0]))
    for shape in ((-1, width), (width, 1, -1), (-1,)):
        assert check_all(ops.create("reshape", {"shape": shape}), [(rows, columns)], {}, threads) == 1
        assert check_all(ops.create("reshape", {"shape": (rows, columns)}), [(size // width, width)], {}, threads) == 1


def test_threads_share_long_runs_and_short_ones() -> None:
    """Small values are left to one thread."""
    for name, attrs, shape in [
        ("slice", {"dim": (2, 3), "start": 1, "end": -1}, (1, 24, 40, 40)),
        ("slice", {"dim": 3, "start": -1, "step": -1}, (1, 1, 150, 150)),
        ("pad", {"pad": (2, 2, 2, 2), "mode": "reflect"}, (1, 3, 90, 90)),
        ("expand", {"size": (-1, 40, -1, -1)}, (1, 1, 40, 30)),
        ("reshape", {"shape": (0, -1)}, (3, 70, 90)),
    ]:
        assert check_all(ops.create(name, attrs), [shape], {}, 2) == 1


@pytest.mark.parametrize("name", ["slice", "pad"])
def test_values_are_moved_as_they_are(name: str) -> None:
    """NaN with its bits, infinities and zeros with their signs."""
    x = np.array([0x7FC12345, 0xFFC00001, 0x7F800000, 0x80000000, 0x00000001, 0x3F800000], np.uint32).view(np.float32)
    x = np.tile(x, (2, 7))[:, :41].copy()
    attrs = {"slice": {"dim": 1, "start": -1, "step": -1}, "pad": {"pad": (0, 0, 3, 2), "mode": "reflect"}}[name]
    found = kernels.call(f"{name}/places", x, **attrs)
    np.testing.assert_array_equal(found.view(np.int32), ops.reference(name)(x, **attrs).view(np.int32))
