"""Padding by widths that depend on free sizes, which only the windows that follow it can say for all sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from tinyinfer.dim import expression_of
from tinyinfer.formats.importing.free_sizes import FreeSizeError
from tinyinfer.ops.geometry import SAME, resolve_padding

Pair = tuple[int, int]


@dataclass(frozen=True)
class OpenPad:
    """A value (N, C, H, W) that is to be padded by (top, bottom, left, right) pixels of ``fill``; no node does it."""

    x: str
    size: Pair  # of the images of x
    sides: tuple[int, int, int, int]
    fill: float
    where: str  # the node that asks for it

    def as_same(self, kernel: Pair, stride: Pair, dilation: Pair) -> str | None:
        """The one of `SAME` that is this padding for such windows, whatever the sizes; None if neither is."""
        for padding in SAME:
            sides = resolve_padding(padding, self.size, kernel, stride, dilation)
            if [*map(expression_of, sides)] == [*map(expression_of, self.sides)]:
                return padding
        return None

    def refuse(self) -> NoReturn:
        """Have the sizes fixed that the widths depend on."""
        error = FreeSizeError(self.sides, "pads depend on the input's size otherwise than those of windows")
        error.where = f"node {self.where[:80]!r} (Pad)"
        raise error
