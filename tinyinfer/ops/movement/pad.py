"""Padding as an operator of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, integers, number, operator, require
from tinyinfer.ops.dtypes import ANY_DTYPE, INTEGERS
from tinyinfer.ops.geometry import PADDING_MODES, check_reach

# as in PADDING_MODES, but any constant in place of zeros
MODES = {mode: name for mode, name in PADDING_MODES.items() if mode != "zeros"} | {"constant": "constant"}


@operator
class Pad(Op):
    """More rows, columns and channels around x (N, C, H, W); negative numbers cut off instead.

    ``pad`` is (top, bottom, left, right), the order of conv2d's padding, or with channels in front
    (front, back, top, bottom, left, right): two numbers for each of the last dimensions, of any number; torch counts
    from the last dimension.  ``mode`` is "constant" (with ``value``), "reflect", "replicate" or "circular".
    """

    name: ClassVar[str] = "pad"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE

    pad: tuple[int, ...]
    mode: str = "constant"
    value: float = 0.0

    def __post_init__(self) -> None:
        self.normalize(pad=integers(self.pad, "pad"), value=number(self.value, "value"))
        good = len(self.pad) > 0 and len(self.pad) % 2 == 0
        require(good, f"pad: expected two integers for each dimension, found {self.pad}")
        require(self.mode in tuple(MODES), f"mode: expected one of {', '.join(MODES)}, found {self.mode!r}")

    def widths(self, rank: int) -> list[tuple[int, int]]:
        """(before, after) of each dimension."""
        sides = [*zip(self.pad[::2], self.pad[1::2], strict=True)]
        require(rank >= len(sides), f"input: expected rank {len(sides)} or more for pad {self.pad}, found {rank}")
        return [(0, 0)] * (rank - len(sides)) + sides

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        shape, dtype = inputs[0].shape, inputs[0].dtype
        widths = self.widths(len(shape))
        if dtype in INTEGERS:
            limits = np.iinfo(dtype)
            fits = self.value.is_integer() and limits.min <= self.value <= limits.max
            require(fits, f"value: expected {dtype}, found {self.value}")
        for size, (before, after) in zip(shape, widths, strict=True):
            require(min(before, 0) + min(after, 0) > -size, f"pad {self.pad} cuts off all of {size}")
            check_reach(self.mode, size + min(before, 0) + min(after, 0), before, after)
        return [inputs[0].reshaped(tuple(s + b + a for s, (b, a) in zip(shape, widths, strict=True)))]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        """Cut where ``pad`` is negative, then pad where it is positive."""
        x = inputs[0]
        widths = self.widths(x.ndim)
        kept = x[tuple(slice(max(-b, 0), s - max(-a, 0)) for s, (b, a) in zip(x.shape, widths, strict=True))]
        more = [(max(b, 0), max(a, 0)) for b, a in widths]
        if self.mode == "constant":
            return [np.pad(kept, more, constant_values=kept.dtype.type(self.value))]
        return [np.pad(kept, more, mode=MODES[self.mode])]  # type: ignore[call-overload]

    @classmethod
    def cases(cls) -> list[Case]:
        def case(pad: tuple[int, ...], **attrs: object) -> Case:
            return Case({"pad": pad, **attrs}, ((2, 5, 6, 7),))

        return [
            case((1, 2, 0, 3)),
            case((-1, 2, 1, -2), value=-1.5),
            case((8, 8, 0, 0, 0, 0)),
            case((3, 3, 1, 2), mode="reflect"),
            case((2, 1, 0, 3), mode="replicate"),
            case((1, 2, 3, 1), mode="circular"),
            Case({"pad": (2, 1), "value": 3}, ((3, 11),)),
            Case({"pad": (1, 0, 0, 2, 1, 1, 0, 1)}, ((2, 3, 4, 5),)),
            Case({"pad": (2, 1), "value": -3}, ((5,),), dtypes=("int64",)),
        ]


OPS = (Pad,)
