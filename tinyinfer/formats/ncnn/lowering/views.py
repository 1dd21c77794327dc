"""The same numbers in another shape or order, and constants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations

import numpy as np

from tinyinfer.dim import expression_of, is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call
from tinyinfer.formats.ncnn.lowering.axes import dimension
from tinyinfer.formats.ncnn.lowering.layer_kind import LayerKind, Layers
from tinyinfer.formats.ncnn.lowering.quantization import dequantized
from tinyinfer.formats.ncnn.lowering.size_expression import evaluate
from tinyinfer.formats.ncnn.reading.parameters import Parameters
from tinyinfer.formats.ncnn.reading.weights import WeightReader

ABSENT = -233  # a size that the result does not have
SIZES = {0: "w", 1: "h", 2: "c", 11: "d"}
ORDERS = {2: "hw", 3: "chw", 4: "cdhw"}  # names of a blob's dimensions, outermost first, by their number


def _reshape(call: Call, p: Parameters) -> str:
    if p.flag("permute"):
        call.refuse("a reshape that reorders is not supported")
    call.ignore("batch_index_in", "batch_index_out")
    shape = call.shape()
    kept = sizes_by_name(shape)
    given = {name: p.integer(name, ABSENT, least=ABSENT) for name in "cdhw"}
    formula = call.attribute("shape_expr")
    if formula is not None:
        sizes = evaluate(str(formula), [sizes_by_name(call.shape(i)) for i in range(len(call.inputs))])[::-1]
        return call.apply("reshape", call.x, shape=(0, *(_placed(call, s, i, shape) for i, s in enumerate(sizes))))
    names = [name for name in "cdhw" if given[name] != ABSENT]
    if names and names != list(ORDERS.get(len(names), "w")):
        raise GraphError(f"expected sizes for w, h and w, or c, h and w, found them for {', '.join(names)}")
    wanted = [given[name] or kept.get(name, 1) for name in names]
    return call.apply("reshape", call.x, shape=(0, *(_placed(call, s, i, shape) for i, s in enumerate(wanted))))


def sizes_by_name(shape: Sequence[int]) -> dict[str, int]:
    """The sizes of a value without its batch."""
    return dict(zip(ORDERS.get(len(shape) - 1, "w"), shape[1:], strict=True))


def _placed(call: Call, size: int, i: int, shape: Sequence[int]) -> int:
    """A size for our reshape, whose 0 keeps the dimension of the same place."""
    if not is_free(size):
        return size
    if i + 1 >= len(shape) or expression_of(shape[i + 1]) != expression_of(size):
        call.fix([size], f"a size moves to another dimension ({i})")
    return 0


def _permute(call: Call, p: Parameters) -> str:
    rank, order = len(call.shape()), p.integer("order_type")
    orders = list(permutations(range(1, rank)))
    if not 0 <= order < len(orders):
        raise GraphError(f"order_type: expected below {len(orders)} for {rank - 1} dimensions, found {order}")
    return call.apply("permute", call.x, dims=(0, *orders[order])) if order else call.x


def _expand_dims(call: Call, p: Parameters) -> str:
    rank, axes = len(call.shape()), p.integers("axes")
    if not axes and any(p.flag(f"expand_{name}") for name in "whdc"):  # today's ncnn leaves such blobs as they are
        call.refuse("dimensions named by flags, as older files do, are not supported: expected axes")
    call.ignore("expand_w", "expand_h", "expand_c", "expand_d")
    result = rank + len(axes)
    dims = tuple(sorted(dimension(axis, result) for axis in axes))
    return call.apply("unsqueeze", call.x, dim=dims) if dims else call.x


def _squeeze(call: Call, p: Parameters) -> str:
    shape, axes = call.shape(), p.integers("axes")
    names = ORDERS.get(len(shape) - 1, "w")
    if axes:
        dims = {axis + 1 if axis >= 0 else axis + len(shape) for axis in axes}
    else:
        dims = {i + 1 for i, name in enumerate(names) if p.flag(f"squeeze_{name}")}
    call.ignore("squeeze_w", "squeeze_h", "squeeze_c", "squeeze_d")
    gone = tuple(sorted(dim for dim in dims if 0 < dim < len(shape) and shape[dim] == 1))
    if len(gone) == len(shape) - 1:  # a blob has a dimension at least
        gone = gone[:-1]
    return call.apply("squeeze", call.x, dim=gone) if gone else call.x


def _memory_data(call: Call, p: Parameters) -> str:
    call.ignore(*SIZES.values(), "load_type")
    return call.constant(call.attribute("data"))


def _memory_data_weights(p: Parameters, weights: WeightReader) -> dict[str, np.ndarray]:
    """The array, with a batch of one."""
    sizes = [p.integer(name, least=0) for name in "cdhw"]
    shape = [size for size in sizes if size] or [1]
    count = math.prod(shape)
    data = weights.plain(count) if p.integer("load_type", 1) == 1 else dequantized(weights.tagged(count), None)
    return {"data": data.reshape(1, *shape)}


def _same(call: Call, p: Parameters) -> list[str]:
    """Nothing: a place where something was, or a change of storage alone."""
    call.ignore(*(f"parameter {number}" for number in range(32)))
    return [call.value(i) for i in range(len(call.inputs))]


LAYERS: Layers = {
    "Cast": LayerKind(_same),
    "ExpandDims": LayerKind(_expand_dims, {0: "expand_w", 1: "expand_h", 2: "expand_c", 3: "axes", 11: "expand_d"}),
    "Flatten": LayerKind(lambda call, p: call.apply("flatten", call.x, start_dim=1)),
    "MemoryData": LayerKind(_memory_data, SIZES | {21: "load_type"}, _memory_data_weights),
    "Noop": LayerKind(_same),
    "Packing": LayerKind(_same),
    "Permute": LayerKind(_permute, {0: "order_type"}),
    "Reshape": LayerKind(
        _reshape, SIZES | {3: "permute", 6: "shape_expr", 12: "batch_index_in", 13: "batch_index_out"}
    ),
    "Squeeze": LayerKind(_squeeze, {0: "squeeze_w", 1: "squeeze_h", 2: "squeeze_c", 3: "axes", 11: "squeeze_d"}),
}
