"""Softmax, LogSoftmax and Hardmax: until opset 12 over all dimensions from ``axis`` on, then along ``axis``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.ops.base import axis

AlongDim = Callable[[Call, str, int], str]  # of a value along a dimension


def along_axis(apply: AlongDim) -> Lowering:
    """From opset 13 on."""

    def lower(call: Call) -> str:
        return apply(call, call.x, call.attribute("axis", -1))

    return lower


def from_axis_on(apply: AlongDim) -> Lowering:
    """Until opset 12: the dimensions from ``axis`` on are one."""

    def lower(call: Call) -> str:
        shape = call.shape()
        at = call.attribute("axis", 1)
        first = len(shape) if at == len(shape) else axis(at, len(shape))
        wide = [dim for dim in range(first, len(shape)) if is_free(shape[dim]) or shape[dim] != 1]
        if len(wide) <= 1 and first < len(shape):
            return apply(call, call.x, wide[0] if wide else first)
        if first == len(shape):  # rows of one number
            rows = call.apply("unsqueeze", call.x, dim=-1)
            return call.apply("squeeze", apply(call, rows, -1), dim=-1)
        if sum(map(is_free, shape[first:])) > 1:
            call.fix(shape[first:], f"several dimensions from {first} on are one for it")
        y = apply(call, call.apply("flatten", call.x, start_dim=first), -1)
        return call.apply("reshape", y, shape=(0,) * first + tuple(-1 if is_free(s) else s for s in shape[first:]))

    return lower


def plain(name: str) -> AlongDim:
    """By an operator that has a dimension."""

    def apply(call: Call, x: str, dim: int) -> str:
        return call.apply(name, x, dim=dim)

    return apply


def hardmax(call: Call, x: str, dim: int) -> str:
    """1 for the first of the largest, 0 for all others."""
    kind = call.importer.type(x)
    rank = len(kind.shape)
    dim = axis(dim, rank)
    if is_free(kind.shape[dim]):
        call.fix((kind.shape[dim],), "places along the dimension are compared")
    places = np.arange(kind.shape[dim]).reshape(-1, *[1] * (rank - 1 - dim))
    best = call.apply("argmax", x, dim=dim, keepdim=True)
    return call.apply("cast", call.apply("eq", best, call.constant(places, "int64")), dtype=kind.dtype)


LOWERINGS: dict[tuple[str, int], Lowering] = {
    (name, since): form(apply)
    for name, apply in (("Softmax", plain("softmax")), ("LogSoftmax", plain("log_softmax")), ("Hardmax", hardmax))
    for since, form in ((1, from_axis_on), (13, along_axis))
}
