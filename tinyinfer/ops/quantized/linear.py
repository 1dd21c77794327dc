"""Fully connected layers of 8-bit codes by 8-bit weights."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from tinyinfer.ops.base import Case, operator
from tinyinfer.ops.convolution.linear import Linear
from tinyinfer.ops.quantized.weights import QuantizedLayer, example_scales


@operator(kw_only=True)
class QuantizedLinear(QuantizedLayer):
    """linear of codes, with the attributes of `QuantizedLayer`.

    x (..., C) uint8 or int8, weight (M, C), weight_scale (M,), bias (M,) int32, residual (..., M) of codes.
    """

    name: ClassVar[str] = "quantized_linear"
    channel_axis: ClassVar[int] = -1

    @cached_property
    def layer(self) -> Linear:
        """The layer of real numbers."""
        return Linear()

    @classmethod
    def cases(cls) -> list[Case]:
        def case(x: tuple[int, ...], m: int, dtype: str = "uint8", **attrs: object) -> Case:
            scales = example_scales(dtype)
            params = {"weight": (m, x[-1]), "weight_scale": (m,), "bias": (m,)}
            return Case({**scales, **attrs}, (x,), params, ("int8" if dtype == "int8" else "uint8",))

        return [
            case((1, 33), 10),
            case((3, 17), 5, dtype="int8", activation="relu"),
            case((2, 3, 8), 6, activation="hardsigmoid"),
            case((1, 70), 19, dtype="float32"),
            case((5, 64), 40, weight_zero_point=-9),
        ]


OPS = (QuantizedLinear,)
