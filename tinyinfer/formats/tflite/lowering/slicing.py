"""Parts of values: SLICE and STRIDED_SLICE, whose axes are the file's."""

from __future__ import annotations

from typing import NamedTuple

from tinyinfer.dim import is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.tflite.lowering.joining import without
from tinyinfer.formats.tflite.lowering.node import TfliteCall, TfliteLowering
from tinyinfer.formats.tflite.lowering.values import Order
from tinyinfer.graph import Shape


class Cut(NamedTuple):
    """What is kept along one dimension: begin to end in steps; ``end`` None is as far as there is something."""

    dim: int
    begin: int
    end: int | None
    step: int = 1


def _cut(call: TfliteCall, value: str, order: Order, cuts: list[Cut]) -> str:
    if not cuts:
        return value
    return call.apply(
        "slice",
        value,
        dim=tuple(order.index(cut.dim) for cut in cuts),
        start=tuple(cut.begin for cut in cuts),
        end=tuple(cut.end for cut in cuts),
        step=tuple(cut.step for cut in cuts),
    )


def slice_(call: TfliteCall) -> str:
    """SLICE: so many elements from a place on along each dimension, -1 being all that are left."""
    begins, sizes, (value, order), shape = call.fixed(1, "begin"), call.integers(2, "size"), call.placed(), call.shape()
    if not len(begins) == len(sizes) == len(shape):
        raise GraphError(f"expected {len(shape)} begins and sizes, found {len(begins)} and {len(sizes)}")
    cuts = []
    for dim, (begin, size, whole) in enumerate(zip(begins, sizes, shape, strict=True)):
        all_of_it = begin == 0 and (size in (-1, whole))
        if all_of_it:
            continue
        if is_free(size):
            call.fix([size], "size: expected numbers of the file")
        if not (begin >= 0 and size >= -1 and begin + max(size, 0) <= whole):
            raise GraphError(f"dimension {dim} of {whole}: {size} elements from {begin} on")
        cuts.append(Cut(dim, begin, None if size == -1 else begin + size))
    return call.placed_as(_cut(call, value, order, cuts), order)


def strided_slice(call: TfliteCall) -> str:
    """STRIDED_SLICE: NumPy's x[begin:end:step, index, None, ...] with masks that say what is what."""
    if call.attribute("offset"):
        call.refuse("with ends that count from begins is not supported")
    cuts, lost, new = _read(call, call.shape())
    value, order = call.placed()
    value = _cut(call, value, order, cuts)
    for dim in sorted(lost, reverse=True):
        value = call.apply("squeeze", value, dim=order.index(dim))
        order = without(order, dim)
    if new:
        value = call.values.ordered(call.values.placed(call.placed_as(value, order)), tuple(sorted(order)))
        value = call.apply("unsqueeze", value, dim=tuple(new))
        order = tuple(range(len(order) + len(new)))
    return call.placed_as(value, order)


def _read(call: TfliteCall, shape: Shape) -> tuple[list[Cut], list[int], list[int]]:
    """Cuts of dimensions, dimensions of which a single index is taken, and new dimensions of the result."""
    begins, ends, steps = call.fixed(1, "begin"), call.integers(2, "end"), call.fixed(3, "strides")
    begin_mask, end_mask, ellipsis, new_axes, single = (
        call.attribute(f"{name}_mask") for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    )
    count = len(begins)
    if not len(ends) == len(steps) == count:
        raise GraphError(f"expected as many begins, ends and strides, found {count}, {len(ends)} and {len(steps)}")
    entries = range(count)
    named = sum(not (new_axes | ellipsis) >> at & 1 for at in entries)
    if named > len(shape):
        raise GraphError(f"expected at most {len(shape)} dimensions, found {named}")
    cuts: list[Cut] = []
    lost: list[int] = []
    new: list[int] = []
    dim = result = 0
    for at in entries:
        bit = 1 << at
        if ellipsis & bit:
            passed = len(shape) - named
            dim, result = dim + passed, result + passed
        elif new_axes & bit:
            new.append(result)
            result += 1
        elif single & bit:
            cuts.append(_index(begins[at], dim, shape[dim]))
            lost.append(dim)
            dim += 1
        else:
            begin = (0 if steps[at] > 0 else -1) if begin_mask & bit else begins[at]
            end = None if end_mask & bit or (is_free(ends[at]) and ends[at] == shape[dim]) else ends[at]
            if end is not None and is_free(end):
                call.fix([end], "end: expected numbers of the file")
            if (begin, end, steps[at]) != (0, None, 1):
                cuts.append(Cut(dim, begin, end, steps[at]))
            dim, result = dim + 1, result + 1
    return cuts, lost, new


def _index(index: int, dim: int, size: int) -> Cut:
    if not -size <= index < size:
        raise GraphError(f"dimension {dim}: expected an index from {-size} to {size - 1}, found {index}")
    return Cut(dim, index, index + 1 if index != -1 else None)


LOWERINGS: dict[str, TfliteLowering] = {"SLICE": slice_, "STRIDED_SLICE": strided_slice}
