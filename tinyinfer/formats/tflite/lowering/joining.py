"""Values put together, taken apart and picked from, along the file's axes."""

from __future__ import annotations

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.formats.tflite.lowering.node import TfliteCall, TfliteLowering
from tinyinfer.formats.tflite.lowering.values import Order, Placed

MOST_LISTED = 4096  # indices and sizes that become an attribute


def without(order: Order, dim: int) -> Order:
    """The order of a value that has lost a dimension."""
    return tuple(d - (d > dim) for d in order if d != dim)


def concatenation(call: TfliteCall) -> str:
    """CONCATENATION."""
    count = len(call.inputs)
    axis, rank = call.axis(call.attribute("axis")), len(call.shape())
    for index in range(count):
        if len(call.shape(index)) != rank:
            raise GraphError(f"expected inputs of rank {rank}, found {len(call.shape(index))}")
    placed = [call.placed(index) for index in range(count)]
    computed = [p for p in placed if call.importer.known(p.value) is None] or placed
    order = computed[0].order
    values = [call.values.ordered(p, order) for p in placed]
    value = call.apply("concat", *values, dim=order.index(axis)) if count > 1 else values[0]
    return call.placed_as(call.fused(value), order)


def pack(call: TfliteCall) -> str:
    """PACK: inputs of one shape along a new axis."""
    call.ignore("values_count")
    axis = call.axis(call.attribute("axis"), len(call.shape()) + 1)
    rows = [call.apply("unsqueeze", call.plain(index), dim=axis) for index in range(len(call.inputs))]
    return call.values.add(call.apply("concat", *rows, dim=axis) if len(rows) > 1 else rows[0])


def unpack(call: TfliteCall) -> list[str]:
    """UNPACK: one value for each index along an axis."""
    call.ignore("num")
    axis = call.axis(call.attribute("axis"))
    value, order = call.placed()
    at, count = order.index(axis), _as_many_as_outputs(call, call.fixed_size(axis))
    pieces = call.apply_all("split", value, split_size_or_sections=(1,) * count, dim=at)
    return [call.placed_as(call.apply("squeeze", piece, dim=at), without(order, axis)) for piece in pieces]


def split(call: TfliteCall) -> list[str]:
    """SPLIT: into parts of one size, whose number is how many outputs there are."""
    placed, (axis, *_) = call.placed(1), call.fixed(0, "axis")
    axis = call.axis(axis, len(placed.order))
    count, size = _as_many_as_outputs(call, call.attribute("num_splits")), call.fixed_size(axis, 1)
    if count < 1 or size % count:
        raise GraphError(f"num_splits: expected a divisor of {size}, found {count}")
    return _parts(call, placed, axis, [size // count] * count)


def _as_many_as_outputs(call: TfliteCall, count: int) -> int:
    """A number of parts, which a file can put at millions, each of them listed."""
    if count != len(call.node.outputs):
        raise GraphError(f"expected {count} outputs, one for each part, found {len(call.node.outputs)}")
    return count


def split_v(call: TfliteCall) -> list[str]:
    """SPLIT_V: into parts of given sizes, of which one may be -1 for what is left."""
    call.ignore("num_splits")
    placed, sizes, (axis, *_) = call.placed(), list(call.fixed(1, "sizes", MOST_LISTED)), call.fixed(2, "axis")
    axis = call.axis(axis)
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = call.fixed_size(axis) - sum(sizes) - 1
    return _parts(call, placed, axis, sizes)


def _parts(call: TfliteCall, placed: Placed, axis: int, sizes: list[int]) -> list[str]:
    value, order = placed
    if len(sizes) == 1:
        return [call.placed_as(value, order)]
    parts = call.apply_all("split", value, split_size_or_sections=tuple(sizes), dim=order.index(axis))
    return [call.placed_as(part, order) for part in parts]


def gather(call: TfliteCall) -> str:
    """GATHER: x[..., index, ...] along an axis."""
    if call.attribute("batch_dims"):
        call.refuse("with batch_dims is not supported")
    axis, (value, order), known = call.axis(call.attribute("axis")), call.placed(), call.known(1)
    at, rank = order.index(axis), len(call.shape(1))
    if known is not None and known.ndim == 1 and known.dtype.kind == "i" and 0 < known.size <= MOST_LISTED:
        index = tuple(np.where(known < 0, known + call.shape()[axis], known).tolist())
        return call.placed_as(call.apply("index_select", value, dim=at, index=index), order)
    if rank > 1:  # new dimensions among the others: only in the file's order it is plain where
        return call.values.add(call.apply("index", call.plain(), call.plain(1), dim=axis))
    found = call.apply("index", value, call.plain(1), dim=at)
    return call.placed_as(found, order if rank == 1 else without(order, axis))


def gather_nd(call: TfliteCall) -> str:
    """GATHER_ND: the second input's last dimension indexes as many of the first's first dimensions."""
    indices, shape = call.known(1), call.shape()
    if indices is not None and 0 < indices.shape[-1] <= len(shape):
        outside = (indices < 0) | (indices >= shape[: indices.shape[-1]])
        if outside.any():
            raise GraphError(f"indices: expected from 0 on, below the sizes of {shape}, found {indices[outside][0]}")
    return call.values.add(call.apply("gather_nd", call.plain(), call.plain(1)))


def reverse_v2(call: TfliteCall) -> str:
    """REVERSE_V2: along some axes from the last to the first."""
    value, order = call.placed()
    dims = tuple(order.index(call.axis(axis)) for axis in call.fixed(1, "axis"))
    reversed_ = call.apply("slice", value, dim=dims, start=-1, step=-1) if dims else value
    return call.placed_as(reversed_, order)


def cumsum(call: TfliteCall) -> str:
    """CUMSUM."""
    value, order = call.placed()
    (axis, *_) = call.fixed(1, "axis")
    exclusive, reverse = (bool(call.attribute(name)) for name in ("exclusive", "reverse"))
    dim = order.index(call.axis(axis))
    return call.placed_as(call.apply("cumsum", value, dim=dim, exclusive=exclusive, reverse=reverse), order)


def topk_v2(call: TfliteCall) -> list[str]:
    """TOPK_V2: the largest along the last dimension, and where they are."""
    (k, *_) = call.fixed(1, "k")
    value, order = call.placed()
    return [
        call.placed_as(found, order) for found in call.apply_all("topk", value, k=k, dim=order.index(len(order) - 1))
    ]


def extremum(op: str) -> TfliteLowering:
    """ARG_MAX and ARG_MIN."""

    def lower(call: TfliteCall) -> str:
        call.ignore("output_type")
        (axis, *_), (value, order) = call.fixed(1, "axis"), call.placed()
        axis = call.axis(axis)
        return call.placed_as(call.apply(op, value, dim=order.index(axis)), without(order, axis))

    return lower


LOWERINGS: dict[str, TfliteLowering] = {
    "CONCATENATION": concatenation,
    "PACK": pack,
    "UNPACK": unpack,
    "SPLIT": split,
    "SPLIT_V": split_v,
    "GATHER": gather,
    "GATHER_ND": gather_nd,
    "REVERSE_V2": reverse_v2,
    "CUMSUM": cumsum,
    "TOPK_V2": topk_v2,
    "ARG_MAX": extremum("argmax"),
    "ARG_MIN": extremum("argmin"),
}
