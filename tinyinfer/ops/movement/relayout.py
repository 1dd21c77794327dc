"""A value laid out otherwise in memory, where one kernel reads images and another rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types
from tinyinfer.ops.dtypes import ANY_DTYPE


class Relayout(Op):
    """The same values; a plan says how they lie before and after.

    Passes put this operator between kernels that disagree; model files do not hold it.
    """

    name: ClassVar[str] = "relayout"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE
    composite: ClassVar[bool] = True

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        return [inputs[0]]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [inputs[0]]

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({}, ((2, 5, 3, 4),))]


OPS = (Relayout,)
