"""Every so many-th element along some dimensions, forwards or backwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tinyinfer.dim import dim_max, dim_min
from tinyinfer.graph import TensorType
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    axes,
    integer,
    one_or_more,
    operator,
    require,
)
from tinyinfer.ops.dtypes import ANY_DTYPE


@operator
class Slice(Op):
    """x[start:end:step] along ``dim`` (or along each of several), Python's rules for negative and large numbers.

    ``slice(dim=1, end=c)`` cuts to c channels; ``slice(dim=(2, 3), step=2)`` keeps every second pixel, as the
    parameter-free shortcut of the CIFAR ResNets does (He et al. 2015, section 4.2, option A);
    ``slice(dim=3, start=-1, step=-1)`` mirrors images.  Where dimensions differ, start, end and step are tuples, one
    number for each.
    """

    name: ClassVar[str] = "slice"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE
    follows_sizes: ClassVar[bool] = True

    dim: int | tuple[int, ...] = 0
    start: int | tuple[int, ...] = 0
    end: int | tuple[int | None, ...] | None = None
    step: int | tuple[int, ...] = 1

    def __post_init__(self) -> None:
        self.normalize(dim=_integers(self.dim, "dim"))
        self.normalize(
            start=self._bounds(self.start, "start"),
            end=self._bounds(self.end, "end", optional=True),
            step=self._bounds(self.step, "step"),
        )
        require(0 not in self._each(self.step), f"step: expected numbers other than 0, found {self.step}")

    def _bounds(self, values: Any, what: str, optional: bool = False) -> Any:
        """One number, or one for each dimension; None only where it may be."""
        if not isinstance(values, list | tuple):
            return None if optional and values is None else integer(values, what)
        count = len(self._each(self.dim))
        require(len(values) == count, f"{what}: expected {count} numbers, one for each dim, found {len(values)}")
        return tuple(None if optional and value is None else integer(value, what) for value in values)

    def _each(self, values: Any) -> tuple[Any, ...]:
        if isinstance(values, tuple):
            return values
        return (values,) * (len(self.dim) if isinstance(self.dim, tuple) else 1)

    def cuts(self, rank: int) -> dict[int, slice]:
        """The slice of each dimension that is cut, by its number."""
        bounds = zip(self._each(self.start), self._each(self.end), self._each(self.step), strict=True)
        return dict(zip(axes(self._each(self.dim), rank), (slice(*each) for each in bounds), strict=True))

    def slices(self, rank: int) -> tuple[slice, ...]:
        """One slice per dimension."""
        cuts = self.cuts(rank)
        return tuple(cuts.get(i, slice(None)) for i in range(rank))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        sizes = list(inputs[0].shape)
        for i, cut in self.cuts(len(sizes)).items():
            sizes[i] = length(sizes[i], cut.start, cut.stop, cut.step)
        return [inputs[0].reshaped(tuple(sizes))]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [inputs[0][self.slices(inputs[0].ndim)]]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"dim": 1, "end": 5}, ((2, 7, 3, 4),)),
            Case({"dim": (2, 3), "step": 2}, ((2, 5, 7, 6),)),
            Case({"dim": -1, "start": -4, "end": -1}, ((3, 11),)),
            Case({"dim": 3, "start": -1, "step": -1}, ((2, 3, 4, 5),)),
            Case({"dim": (0, -1), "start": (1, 9), "end": (None, 2), "step": (1, -3)}, ((3, 11),)),
            Case({"start": 2, "step": -2}, ((4,),), dtypes=("int64",)),
        ]


def length(size: int, start: int, stop: int | None, step: int) -> int:
    """How many of ``size`` elements x[start:stop:step] keeps."""
    if step > 0:
        begin = _between(start, size, 0, size)
        end = size if stop is None else _between(stop, size, 0, size)
        return dim_max((end - begin + step - 1) // step, 0)
    begin = _between(start, size, -1, size - 1)  # a walk down ends one place before the first element
    end = -1 if stop is None else _between(stop, size, -1, size - 1)
    return dim_max((begin - end - step - 1) // -step, 0)


def _between(position: int, size: int, first: int, last: int) -> int:
    """A position, counted from the end if negative, moved between the first and the last."""
    return dim_min(dim_max(position + size if position < 0 else position, first), last)


def _integers(values: Any, what: str) -> int | tuple[int, ...]:
    return one_or_more(values, what) if isinstance(values, list | tuple) else integer(values, what)


OPS = (Slice,)
