"""Sizes as values, and values in other shapes: Shape, Size, Reshape, Flatten, Squeeze, Unsqueeze."""

from __future__ import annotations

import math

from tinyinfer.dim import is_free
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.importing.free_shapes import reshape_to
from tinyinfer.ops.base import axes
from tinyinfer.ops.known_values import as_sizes


def shape(call: Call) -> str:
    """Shape, or a part of it."""
    start, end = call.attribute("start", 0), call.attribute("end")
    return call.constant(as_sizes(call.shape()[start:end]))


def size(call: Call) -> str:
    """Size."""
    return call.constant(as_sizes(math.prod(call.shape())))


def reshape(call: Call) -> str:
    """Reshape: a 0 keeps a dimension, unless it is to be one of no elements."""
    target, old = call.sizes(1, "shape"), call.shape()
    zeros = [i for i, s in enumerate(target) if s == 0]
    if call.attribute("allowzero", 0):
        if zeros:
            call.refuse("values without elements are not supported")
    elif any(i >= len(old) for i in zeros):
        call.refuse(f"shape: {target} keeps a dimension that {call.type()} does not have")
    return reshape_to(call, call.x, tuple(old[i] if s == 0 else s for i, s in enumerate(target)))


def flatten(call: Call) -> str:
    """Flatten to a matrix: the dimensions before an axis, and those from it on."""
    rank = len(call.shape())
    at = call.attribute("axis", 1)
    if not -rank <= at <= rank:
        call.refuse(f"axis: expected {-rank} to {rank}, found {at}")
    at = at % rank if at < 0 else at
    x = call.x
    if at < rank:
        x = call.apply("flatten", x, start_dim=at)
    if at > 0:
        x = call.apply("flatten", x, start_dim=0, end_dim=at - 1)
    return call.apply("unsqueeze", x, dim=0 if at == 0 else 1) if at in (0, rank) else x


def squeeze_by_attribute(call: Call) -> str:
    """Squeeze of the axes that an attribute lists, or all of size 1."""
    return _squeeze(call, call.attribute("axes"))


def squeeze(call: Call) -> str:
    """Squeeze of the axes that an input lists, or all of size 1."""
    return _squeeze(call, call.sizes(1, "axes") if call.has(1) else None)


def _squeeze(call: Call, dims: tuple[int, ...] | None) -> str:
    old = call.shape()
    if dims is None:
        dims = tuple(i for i, s in enumerate(old) if s == 1 and not is_free(s))
    return call.apply("squeeze", call.x, dim=axes(dims, len(old))) if len(dims) else call.x


def unsqueeze_by_attribute(call: Call) -> str:
    """Unsqueeze by the axes that an attribute lists."""
    return call.apply("unsqueeze", call.x, dim=tuple(call.needed("axes")))


def unsqueeze(call: Call) -> str:
    """Unsqueeze by the axes that an input lists."""
    dims = call.sizes(1, "axes")
    return call.apply("unsqueeze", call.x, dim=dims) if dims else call.x


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("Shape", 1): shape,
    ("Size", 1): size,
    ("Reshape", 5): reshape,
    ("Flatten", 1): flatten,
    ("Squeeze", 1): squeeze_by_attribute,
    ("Squeeze", 13): squeeze,
    ("Unsqueeze", 1): unsqueeze_by_attribute,
    ("Unsqueeze", 13): unsqueeze,
}
