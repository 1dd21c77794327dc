"""PReLU of 8-bit codes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.activation.parametric_activation import Prelu
from tinyinfer.ops.base import Arrays, Case, Params, ParamTypes, Types, operator
from tinyinfer.ops.quantized.requantization import Requantization, check_scale, positive


@operator(kw_only=True)
class QuantizedPrelu(Requantization):
    """prelu of codes: those above the zero point as they are, weight times the others, both by the output's scale.

    x (N, C, ...) uint8 or int8; weight (C,) along dimension 1 or (1,), real numbers, as there are few.
    """

    name: ClassVar[str] = "quantized_prelu"
    param_names: ClassVar[tuple[str, ...]] = ("weight",)
    required_params: ClassVar[tuple[str, ...]] = ("weight",)

    input_scale: float
    input_zero_point: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.normalize(input_scale=positive(self.input_scale, "input_scale"))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        check_scale(inputs[0], self.input_scale, self.input_zero_point, "input")
        (out,) = Prelu().output_types(inputs, params)
        return [self.output(out.shape)]

    def worths(self, weight: np.ndarray) -> np.ndarray:
        """What a step of the input below its zero point is worth in each channel."""
        return np.asarray(weight.astype(np.float64) * self.input_scale)

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        below = self.worths(params["weight"]).reshape(-1, *[1] * max(x.ndim - 2, 0))
        steps = x.astype(np.int32) - self.input_zero_point
        return [self.finish([(steps, np.where(steps > 0, self.input_scale, below))])]

    @classmethod
    def cases(cls) -> list[Case]:
        scales = {"input_scale": 0.02, "input_zero_point": 121, "scale": 0.03, "zero_point": 90}
        signed = {"input_scale": 0.02, "input_zero_point": -7, "scale": 0.025, "zero_point": -9, "dtype": "int8"}
        return [
            Case(scales, ((2, 37, 5, 3),), {"weight": (37,)}, ("uint8",)),
            Case(signed, ((1, 19, 4, 3),), {"weight": (1,)}, ("int8",)),
            Case({**scales, "activation": "hardswish"}, ((3, 11),), {"weight": (11,)}, ("uint8",)),
            Case({**scales, "dtype": "float32"}, ((1, 6, 5, 4),), {"weight": (6,)}, ("uint8",)),
        ]


OPS = (QuantizedPrelu,)
