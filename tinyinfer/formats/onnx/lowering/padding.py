"""Pad: widths as attributes until opset 10, then as inputs, since 18 for some dimensions only."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.importing.open_pads import OpenPad
from tinyinfer.ops.base import LARGEST_FLOAT, axes

MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def pad_by_attributes(call: Call) -> str:
    """Pad up to opset 10."""
    value, rank = call.attribute("value", 0.0), len(call.shape())
    return _pad(call, call.attribute("pads", ()), range(rank), value)


def pad(call: Call) -> str:
    """Pad from opset 11 on."""
    widths, rank = call.sizes(1, "pads"), len(call.shape())
    dims: Sequence[int] = axes(call.sizes(3, "axes"), rank) if call.has(3) else range(rank)
    value = call.array(2, "constant_value").reshape(-1)[0].item() if call.has(2) else 0.0
    return _pad(call, widths, dims, value)


def _pad(call: Call, widths: Sequence[int], dims: Sequence[int], value: float) -> str:
    """``widths`` has the beginnings of all ``dims``, then their ends."""
    mode = call.attribute("mode", "constant")
    if mode not in MODES:
        call.refuse(f"mode {mode!r} is not supported")
    if len(widths) != 2 * len(dims):
        raise GraphError(f"pads: expected {2 * len(dims)} numbers, found {len(widths)}")
    if not any(widths):
        return call.x
    if math.isnan(value):
        call.refuse("constant_value: expected a number, found NaN")
    value = min(max(value, -LARGEST_FLOAT), LARGEST_FLOAT)  # which to a maximum is as little as infinity
    if any(map(is_free, widths)):
        return _pad_later(call, widths, dims, value)
    sides = np.zeros((len(call.shape()), 2), np.int64)
    sides[list(dims)] = np.reshape(widths, (2, -1)).T
    first = int(np.nonzero(sides.any(axis=1))[0][0])
    trailing = sides[min(first, max(len(sides) - 2, 0)) :]  # images need their rows and columns named at least
    return call.apply("pad", call.x, pad=tuple(map(int, trailing.reshape(-1))), mode=MODES[mode], value=float(value))


def _pad_later(call: Call, widths: Sequence[int], dims: Sequence[int], value: float) -> str:
    """The padding of images by widths that depend on free sizes, left to the windows that read it."""
    before, after = (dict(zip(dims, half, strict=True)) for half in (widths[: len(dims)], widths[len(dims) :]))
    others = [side for dim in dims if dim not in (2, 3) for side in (before[dim], after[dim])]
    if len(call.shape()) != 4 or any(others) or call.attribute("mode", "constant") != "constant":
        call.fix(widths, "pads depend on the input's size")
    top, bottom, left, right = (side.get(dim, 0) for dim in (2, 3) for side in (before, after))
    height, width = call.shape()[2:]
    pad = OpenPad(call.x, (height, width), (top, bottom, left, right), value, call.name)
    return call.importer.pad_later(pad)


LOWERINGS: dict[tuple[str, int], Lowering] = {("Pad", 2): pad_by_attributes, ("Pad", 11): pad}
