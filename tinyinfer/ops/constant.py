"""Values that no input changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import OpCost, TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, operator, require
from tinyinfer.tensor_type import DTYPES, FLOATS, Quant


@operator
class Constant(Op):
    """An array that comes with the network: of any dtype and rank, a scalar included.

    ``scale``, ``zero_point`` and ``axis`` say what real numbers the integers of a quantised one stand for (`Quant`).
    """

    name: ClassVar[str] = "constant"
    arity: ClassVar[int | None] = 0
    param_names: ClassVar[tuple[str, ...]] = ("value",)
    required_params: ClassVar[tuple[str, ...]] = ("value",)
    takes_infinity: ClassVar[bool] = True  # as masks of attention hold

    scale: tuple[float, ...] | None = None
    zero_point: tuple[int, ...] = (0,)
    axis: int | None = None

    def __post_init__(self) -> None:
        if self.scale is not None:
            quant = Quant(self.scale, self.zero_point, self.axis)
            self.normalize(scale=quant.scale, zero_point=quant.zero_point)
        else:
            usual = self.zero_point in (0, (0,), [0]) and self.axis is None
            require(usual, "zero_point and axis have no meaning without scale")
            self.normalize(zero_point=(0,))

    @classmethod
    def of(cls, quant: Quant | None) -> Constant:
        """The operator for a value of this quantisation."""
        return cls() if quant is None else cls(quant.scale, quant.zero_point, quant.axis)

    @property
    def quant(self) -> Quant | None:
        """The quantisation of the value."""
        return None if self.scale is None else Quant(self.scale, self.zero_point, self.axis)

    def param_dtypes(self, role: str) -> Sequence[str]:
        """Any."""
        return DTYPES

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        value = params["value"]
        return [TensorType(value.shape, value.dtype, self.quant)]

    def cost(self, inputs: Types, params: ParamTypes, outputs: Types) -> OpCost:
        """Its parameters: whoever reads the value counts the reading."""
        return OpCost(params=self.learnable(params))

    def learnable(self, params: ParamTypes) -> int:
        """All elements, unless they are integers: these are sizes and indices."""
        return sum(p.size for p in params.values() if p.dtype in FLOATS)

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [params["value"]]

    @classmethod
    def cases(cls) -> list[Case]:
        """None: there is no input to try it on."""
        return []


OPS = (Constant,)
