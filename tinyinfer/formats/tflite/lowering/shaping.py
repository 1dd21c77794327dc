"""The same elements in another shape or order: what moves nothing here is most of it."""

from __future__ import annotations

import math

import numpy as np

from tinyinfer.dim import expression_of, is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.tflite.lowering.node import MOST_INTEGERS, TfliteCall, TfliteLowering
from tinyinfer.formats.tflite.lowering.reshaping import reshaped
from tinyinfer.formats.tflite.lowering.values import NCHW
from tinyinfer.graph import Shape, TensorType
from tinyinfer.ops.known_values import as_sizes


def reshape(call: TfliteCall) -> str:
    """RESHAPE: to the shape of the second input, or of the option where there is none."""
    old_options, before = call.attribute("new_shape"), call.shape()
    wanted = call.integers(1, "shape") if call.has(1) else old_options[:MOST_INTEGERS]
    return viewed(call, _completed(before, wanted))


def _completed(before: Shape, wanted: tuple[int, ...]) -> Shape:
    """The shape that is wanted, with a number in the place of -1, and the batch as free as it was."""
    if sum(size == -1 for size in wanted) > 1 or any(size < -1 for size in wanted):
        raise GraphError(f"shape: expected sizes from 0 on and at most one -1, found {wanted}")
    shape = list(wanted)
    if shape and before and is_free(before[0]) and not is_free(shape[0]) and shape[0] == before[0]:
        shape[0] = before[0]
    total, known = math.prod(before), math.prod(size for size in shape if size != -1)
    if -1 in shape:
        if known == 0 or total % known:
            raise GraphError(f"{TensorType(before)} with {total} elements does not fit shape {wanted}")
        shape[shape.index(-1)] = _quotient(before, shape)
    elif known != total:
        raise GraphError(f"{TensorType(before)} with {total} elements does not fit shape {wanted}")
    return tuple(shape)


def _quotient(before: Shape, shape: list[int]) -> int:
    """What -1 stands for; a size that is in both shapes is left out, so that what is free cancels."""
    mine, others = list(before), [size for size in shape if size != -1]
    for size in list(others):
        same = next((m for m in mine if expression_of(m) == expression_of(size)), None)
        if same is not None:
            mine.remove(same)
            others.remove(size)
    return math.prod(mine) // math.prod(others)


def viewed(call: TfliteCall, shape: Shape) -> str:
    """The first input's elements, one after the other as in the file, in this shape.

    What only loses or gains dimensions of size 1 stays in the order that it has.
    """
    handle, placed = call.value(0), call.placed()
    row = call.values.row(handle)
    value = reshaped(call.importer, row, shape, call.name)
    if len(placed.order) == len(NCHW) and placed.order == NCHW and len(shape) == 2:
        call.values.flattened[value] = placed
    return call.values.add(value)


def squeeze(call: TfliteCall) -> str:
    """SQUEEZE: without the dimensions named, or without all of size 1."""
    shape = call.shape()
    named = [call.axis(axis) for axis in call.attribute("squeeze_dims")]
    gone = named or [at for at, size in enumerate(shape) if size == 1 and not is_free(size)]
    for at in gone:
        if shape[at] != 1:
            raise GraphError(f"dimension {at}: expected size 1, found {shape[at]}")
    return viewed(call, tuple(size for at, size in enumerate(shape) if at not in gone))


def expand_dims(call: TfliteCall) -> str:
    """EXPAND_DIMS: with a new dimension of size 1."""
    shape = call.shape()
    (at,) = _one(call.fixed(1, "axis"), "axis")
    at = call.axis(at, len(shape) + 1)
    return viewed(call, (*shape[:at], 1, *shape[at:]))


def _one(values: tuple[int, ...], what: str) -> tuple[int]:
    if len(values) != 1:
        raise GraphError(f"{what}: expected one number, found {len(values)}")
    return (values[0],)


def transpose(call: TfliteCall) -> str:
    """TRANSPOSE: the value stays where it is, and stands for another order."""
    value, order = call.placed()
    dims = tuple(call.axis(dim) for dim in call.fixed(1, "perm"))
    if sorted(dims) != [*range(len(order))]:
        raise GraphError(f"perm: expected each of {len(order)} dimensions once, found {dims}")
    return call.placed_as(value, tuple(dims.index(dim) for dim in order))


def shape(call: TfliteCall) -> str:
    """SHAPE: known before anything runs, as far as sizes are."""
    call.ignore("out_type")
    return call.values.add(call.constant(as_sizes(call.shape())))


def rank(call: TfliteCall) -> str:
    """RANK."""
    return call.values.add(call.constant(len(call.shape()), np.int64))


def fill(call: TfliteCall) -> str:
    """FILL: one value in all places."""
    sizes, value = call.fixed(0, "dims"), call.array(1, "value")
    if value.size != 1 or min(sizes, default=1) < 1 or math.prod(sizes) > call.importer.limits.elements:
        raise GraphError(f"expected one value for sizes above 0, found {value.size} for {sizes}")
    scalar = call.constant(value.reshape(()))
    return call.values.add(call.apply("expand", scalar, size=sizes) if sizes else scalar)


def tile(call: TfliteCall) -> str:
    """TILE."""
    value, order = call.placed()
    counts = call.fixed(1, "multiples")
    if len(counts) != len(order):
        raise GraphError(f"multiples: expected {len(order)} numbers, found {len(counts)}")
    return call.placed_as(call.apply("tile", value, dims=tuple(counts[dim] for dim in order)), order)


def broadcast_to(call: TfliteCall) -> str:
    """BROADCAST_TO."""
    wanted, before = call.integers(1, "shape"), call.shape()
    kept = before[len(before) - len(wanted) :] if len(wanted) <= len(before) else before
    own = (*[None] * (len(wanted) - len(kept)), *kept)
    sizes = [-1 if is_free(size) and size is not None and size == old else int(size) for size, old in zip(
        wanted, own, strict=True)]  # fmt: skip
    return call.values.add(call.apply("expand", call.plain(), size=tuple(sizes)))


LOWERINGS: dict[str, TfliteLowering] = {
    "RESHAPE": reshape,
    "SQUEEZE": squeeze,
    "EXPAND_DIMS": expand_dims,
    "TRANSPOSE": transpose,
    "SHAPE": shape,
    "RANK": rank,
    "FILL": fill,
    "TILE": tile,
    "BROADCAST_TO": broadcast_to,
}
