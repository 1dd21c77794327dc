"""Elements picked by indices, and written to places that indices name."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.onnx.lowering.tensors.arithmetic import cast_to
from tinyinfer.ops.base import axis
from tinyinfer.ops.known_values import is_open

REDUCTIONS = {"none": None, "add": "sum", "mul": "prod", "max": "amax", "min": "amin"}
MOST_LISTED = 2**14  # indices that become an attribute
MOST_CLASSES = 2**20  # of a OneHot, whose numbers become an array


def gather(call: Call) -> str:
    """Gather: a slice or a selection of channels where the indices are known."""
    dim = axis(call.attribute("axis", 0), len(call.shape()))
    index = call.known(1)
    if index is None or is_open(index) or call.known(0) is not None or index.ndim > 1 or index.size == 0:
        return call.apply("index", call.x, call.value(1), dim=dim)
    size, places = call.shape()[dim], [int(i) for i in index.reshape(-1)]
    if not all(-size <= i < size for i in places):
        call.refuse(f"indices: expected {-size} to {size - 1}, found {min(places)} to {max(places)}")
    picked = _picked(call, dim, places)
    return call.apply("squeeze", picked, dim=dim) if index.ndim == 0 else picked


def _picked(call: Call, dim: int, places: list[int]) -> str:
    """Elements at these places along a dimension."""
    steps = {b - a for a, b in pairwise(places)} or {1}
    size = call.shape()[dim]
    one_sign = len({i < 0 for i in places}) == 1
    if one_sign and len(steps) == 1 and 0 not in steps:
        (step,), last = steps, places[-1]
        end: int | None = last + (1 if step > 0 else -1)
        if end == (0 if step > 0 else -1):  # which would mean the other end
            end = None
        return call.apply("slice", call.x, dim=dim, start=places[0], end=end, step=step)
    if len(places) <= MOST_LISTED and (min(places) >= 0 or not is_free(size)):
        return call.apply("index_select", call.x, dim=dim, index=tuple(i % size if i < 0 else i for i in places))
    return call.apply("index", call.x, call.value(1), dim=dim)


def gather_elements(call: Call) -> str:
    """GatherElements."""
    return call.apply("gather", call.x, call.value(1), dim=call.attribute("axis", 0))


def gather_nd(call: Call) -> str:
    """GatherND."""
    return call.apply("gather_nd", call.x, call.value(1), batch_dims=call.attribute("batch_dims", 0))


def scatter_elements(call: Call) -> str:
    """ScatterElements, and Scatter, as it was called at first."""
    dim, reduce = call.attribute("axis", 0), _reduction(call)
    return call.apply("scatter", call.x, call.value(1), call.value(2), dim=dim, reduce=reduce)


def scatter_nd(call: Call) -> str:
    """ScatterND."""
    return call.apply("scatter_nd", call.x, call.value(1), call.value(2), reduce=_reduction(call))


def _reduction(call: Call) -> str | None:
    name = call.attribute("reduction", "none")
    if name not in REDUCTIONS:
        call.refuse(f"reduction {name[:80]!r} is not known")
    return REDUCTIONS[name]


def one_hot(call: Call) -> str:
    """OneHot: a comparison of each index, counted from the front, with all that there are."""
    depth = _depth(call)
    dim = axis(call.attribute("axis", -1), len(call.shape()) + 1)
    index = cast_to(call, call.x, "int64")
    from_front = call.apply("add", index, call.constant(depth, np.int64))
    negative = call.apply("lt", index, call.constant(0, np.int64))
    index = call.apply("where", negative, from_front, index)
    every = np.arange(depth, dtype=np.int64).reshape(-1, *[1] * (len(call.shape()) - dim))
    hot = call.apply("eq", call.apply("unsqueeze", index, dim=dim), call.constant(every))
    off, on = (call.apply("index", call.value(2), call.constant(i, np.int64)) for i in (0, 1))
    return call.apply("where", hot, on, off)


def _depth(call: Call) -> int:
    """The number of classes, which may be any type of number."""
    depth = call.array(1, "depth")
    if is_open(depth):
        call.fix(depth.flat, "the number of classes is a size of the input's")
    if depth.size != 1 or not 1 <= depth.item() <= MOST_CLASSES:
        call.refuse(f"depth: expected one number from 1 to {MOST_CLASSES}, found {depth.reshape(-1)[:3]}")
    return int(depth.item())


def compress(call: Call) -> str:
    """Compress by a condition that is known."""
    condition = call.array(1, "condition")
    dim, x = call.attribute("axis"), call.x
    if dim is None:
        x, dim = call.apply("flatten", x) if call.shape() else call.apply("unsqueeze", x, dim=0), 0
    places = np.flatnonzero(condition).astype(np.int64)
    return call.apply("index", x, call.constant(places), dim=dim)


def non_zero(call: Call) -> str:
    """NonZero of a value that is known; of any other the size of the result is not."""
    return call.constant(np.array(np.nonzero(_settled(call)), np.int64))


def unique(call: Call) -> list[str]:
    """Unique of a value that is known; of any other the size of the result is not."""
    x, dim = _settled(call), call.attribute("axis")
    found, first, inverse, counts = np.unique(x, True, True, True, axis=dim)
    inverse = inverse.reshape(-1)
    if not call.attribute("sorted", 1):
        order = np.argsort(first)
        found = np.take(found, order, 0 if dim is None else dim)
        first, counts, inverse = first[order], counts[order], np.argsort(order)[inverse]
    return [call.constant(found), *(call.constant(y, np.int64) for y in (first, inverse, counts))]


def _settled(call: Call) -> np.ndarray:
    x = call.known(0)
    if x is None:
        call.refuse("the size of its result depends on the values of the network's input")
    if is_open(x):
        call.fix(x.flat, "the size of its result depends on sizes of the input's")
    return x


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("Gather", 1): gather,
    ("GatherElements", 11): gather_elements,
    ("GatherND", 11): gather_nd,
    ("Scatter", 9): scatter_elements,
    ("ScatterElements", 11): scatter_elements,
    ("ScatterND", 11): scatter_nd,
    ("OneHot", 9): one_hot,
    ("Compress", 9): compress,
    ("NonZero", 9): non_zero,
    ("Unique", 11): unique,
}
