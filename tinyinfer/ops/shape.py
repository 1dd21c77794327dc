"""The sizes of a value as a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import OpCost, TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, require
from tinyinfer.ops.dtypes import ANY_DTYPE


class Shape(Op):
    """The shape of x as a row of int64, as torch's x.shape and ONNX's Shape."""

    name: ClassVar[str] = "shape"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        rank = len(inputs[0].shape)
        require(rank > 0, "input: expected rank 1 or more, found a scalar")
        return [TensorType((rank,), "int64")]

    def cost(self, inputs: Types, params: ParamTypes, outputs: Types) -> OpCost:
        """Of the input nothing but the shape is read."""
        return super().cost((), params, outputs)

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.array(inputs[0].shape, np.int64)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({}, ((2, 5, 3, 4),)), Case({}, ((3,),))]


OPS = (Shape,)
