"""Arithmetic between two tensors, with NumPy's broadcasting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.activation import apply_activation, check_activation
from tinyinfer.ops.base import ANY_DTYPE, Arrays, Case, Op, Params, ParamTypes, Types, require
from tinyinfer.ops.broadcasting import broadcast_shape


class Arithmetic(Op):
    """Base: two inputs of one dtype whose shapes NumPy can broadcast, such as (N, C, H, W) and (N, C, 1, 1)."""

    arity: ClassVar[int | None] = 2
    dtypes: ClassVar[Sequence[str]] = tuple(dtype for dtype in ANY_DTYPE if dtype != "bool")

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        found = " and ".join(t.dtype for t in inputs)
        require(inputs[0].dtype == inputs[1].dtype, f"expected inputs of one dtype, found {found}")
        return [TensorType(broadcast_shape(inputs), inputs[0].dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({}, ((2, 7, 5, 6), (2, 7, 5, 6))),
            Case({}, ((2, 19, 5, 6), (2, 19, 1, 1))),
            Case({}, ((1, 1, 1, 1), (1, 3, 2, 4))),
            Case({}, ((3, 11), (3, 11))),
        ]


@dataclass(frozen=True)
class Add(Arithmetic):
    """y = activation(a + b)."""

    name: ClassVar[str] = "add"
    follows_sizes: ClassVar[bool] = True

    activation: str | None = None

    def __post_init__(self) -> None:
        check_activation(self.activation)

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [apply_activation(self.activation, inputs[0] + inputs[1])]

    @classmethod
    def cases(cls) -> list[Case]:
        return [*super().cases(), Case({"activation": "relu"}, ((2, 7, 5, 6), (2, 7, 5, 6)))]


@dataclass(frozen=True)
class Mul(Arithmetic):
    """y = a * b; squeeze-and-excitation multiplies (N, C, H, W) by gates of (N, C, 1, 1)."""

    name: ClassVar[str] = "mul"
    follows_sizes: ClassVar[bool] = True

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [inputs[0] * inputs[1]]


OPS = (Add, Mul)
