"""Multiplication and addition of constants that belong to a network's design."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, number, operator, require


@operator
class ScaleShift(Op):
    """y[:, c] = x[:, c] * scale[c] + shift[c]; a single number goes for all channels.

    For factors that are written in a paper and not in a checkpoint, such as the 0.1 to 0.3 by which
    Inception-ResNet damps its residuals (Szegedy et al. 2016, section 3.3).
    """

    name: ClassVar[str] = "scale_shift"

    scale: tuple[float, ...] = (1.0,)
    shift: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        self.normalize(scale=_numbers(self.scale, "scale"), shift=_numbers(self.shift, "shift"))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        require(len(x.shape) >= 2, f"input: expected rank 2 or more, found shape {x}")
        for what, values in (("scale", self.scale), ("shift", self.shift)):
            fit = len(values) in (1, x.shape[1])
            require(fit, f"{what}: expected 1 or {x.shape[1]} numbers, one per channel, found {len(values)}")
        return [x]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        across = (-1, *[1] * (x.ndim - 2))
        scale, shift = (np.asarray(values, x.dtype).reshape(across) for values in (self.scale, self.shift))
        return [x * scale + shift]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"scale": 0.17}, ((2, 7, 5, 6),)),
            Case({"scale": (0.5, -2.0, 1.5), "shift": (0.1, 0.2, -3.0)}, ((1, 3, 4, 9),)),
            Case({"shift": 2.0}, ((3, 11),)),
            Case({"scale": 0.25, "shift": -1.0}, ((2, 5, 19),)),
        ]


def _numbers(values: Any, what: str) -> tuple[float, ...]:
    listed = values if isinstance(values, list | tuple) else (values,)
    require(len(listed) > 0, f"{what}: expected one or more numbers, found none")
    return tuple(number(value, what) for value in listed)


OPS = (ScaleShift,)
