"""Sums, differences and products of two values of 8-bit codes, with NumPy's broadcasting."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.arithmetic.broadcasting import broadcast_shape
from tinyinfer.ops.base import Arrays, Case, Params, ParamTypes, Types, operator
from tinyinfer.ops.quantized.requantization import Requantization, check_scale, positive

PRECISION = 21  # binary digits of the larger of two steps that are added


@operator(kw_only=True)
class QuantizedArithmetic(Requantization):
    """Base: two inputs of codes, each with a scale and a zero point of its own."""

    arity: ClassVar[int | None] = 2

    a_scale: float
    a_zero_point: int = 0
    b_scale: float
    b_zero_point: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.normalize(a_scale=positive(self.a_scale, "a_scale"), b_scale=positive(self.b_scale, "b_scale"))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        check_scale(inputs[0], self.a_scale, self.a_zero_point, "a")
        check_scale(inputs[1], self.b_scale, self.b_zero_point, "b")
        return [self.output(broadcast_shape(inputs))]

    def _steps(self, inputs: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Both inputs, less their zero points."""
        a, b = inputs
        return a.astype(np.int32) - self.a_zero_point, b.astype(np.int32) - self.b_zero_point

    @classmethod
    def cases(cls) -> list[Case]:
        scales = {"a_scale": 0.02, "a_zero_point": 3, "b_scale": 0.07, "b_zero_point": 11, "scale": 0.09}
        x, gate = (2, 19, 5, 6), (2, 19, 1, 1)
        return [
            Case({**scales, "activation": "relu"}, (x, x), dtypes=("uint8", "uint8")),
            Case({**scales, "zero_point": -7, "dtype": "int8"}, (x, gate), dtypes=("int8", "int8")),
            Case({**scales, "zero_point": 90}, ((3, 11), (3, 11)), dtypes=("uint8", "uint8")),
            Case({**scales, "dtype": "float32"}, (x, (19, 1, 1)), dtypes=("uint8", "uint8")),
        ]


class QuantizedSum(QuantizedArithmetic):
    """Base: y = activation(a + sign * b) of codes."""

    sign: ClassVar[int] = 1

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        a, b = self._steps(inputs)
        of_a, of_b = self.worths()
        return [self.finish([(a, of_a), (b, of_b)])]

    def worths(self) -> tuple[float, float]:
        """What a step of each input is worth, as whole multiples of 2^-21 of the larger, in steps of the output.

        XNNPACK, which runs TFLite files, adds whole multiples.
        """
        steps = np.asarray(np.asarray([self.a_scale, self.b_scale]) / self.unit, np.float32).astype(np.float64)
        places = PRECISION - np.frexp(steps.max())[1]
        of_a, of_b = np.ldexp(np.rint(np.ldexp(steps, places)), -places) * self.unit
        return float(of_a), float(of_b) * self.sign


class QuantizedAdd(QuantizedSum):
    """y = activation(a + b) of codes."""

    name: ClassVar[str] = "quantized_add"


class QuantizedSub(QuantizedSum):
    """y = activation(a - b) of codes."""

    name: ClassVar[str] = "quantized_sub"
    sign: ClassVar[int] = -1


class QuantizedMul(QuantizedArithmetic):
    """y = activation(a * b) of codes; products of two are exact in float32."""

    name: ClassVar[str] = "quantized_mul"

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        a, b = self._steps(inputs)
        return [self.finish([(a * b, self.worth())])]

    def worth(self) -> float:
        """What a step of the product is worth: a float32 product, as in XNNPACK."""
        return float(np.float32(self.a_scale) * np.float32(self.b_scale))


OPS = (QuantizedAdd, QuantizedSub, QuantizedMul)
