"""Fully connected layers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.dim import agreed_shape
from tinyinfer.graph import TensorType
from tinyinfer.ops.activation.activation import apply_activation, check_activation
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    cast,
    operator,
    require,
    require_rank,
    require_shape,
)


@operator
class Linear(Op):
    """y = activation(x @ weight.T + bias + residual), torch's linear with a fused epilogue.

    x (..., C), weight (M, C), bias (M,); a second input, if given, is the residual (..., M).
    """

    name: ClassVar[str] = "linear"
    param_names: ClassVar[tuple[str, ...]] = ("weight", "bias")
    required_params: ClassVar[tuple[str, ...]] = ("weight",)
    optional_inputs: ClassVar[tuple[str, ...]] = ("residual",)

    activation: str | None = None

    def __post_init__(self) -> None:
        check_activation(self.activation)

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, weight = inputs[0], params["weight"]
        require(len(x.shape) >= 1, "input: expected at least one dimension, found a scalar")
        require_rank(weight, 2, "weight")
        m, c = weight.shape
        require(x.shape[-1] == c, f"weight {weight} takes {c} features, found {x.shape[-1]} (input {x})")
        if "bias" in params:
            require_shape(params["bias"], (m,), "bias")
        out = (*x.shape[:-1], m)
        if len(inputs) > 1:
            require_shape(inputs[1], out, "residual")
            out = agreed_shape(out, inputs[1].shape)
        return [TensorType(out, x.dtype)]

    def macs(self, inputs: Types, params: ParamTypes, outputs: Types) -> int:
        """C per output element."""
        return outputs[0].size * params["weight"].shape[1]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        params = cast(params, inputs[0].dtype)
        y = inputs[0] @ params["weight"].T
        if "bias" in params:
            y = y + params["bias"]
        if len(inputs) > 1:
            y = y + inputs[1]
        return [apply_activation(self.activation, y)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({}, ((1, 33),), {"weight": (10, 33), "bias": (10,)}),
            Case({}, ((3, 17),), {"weight": (5, 17)}),
            Case({"activation": "relu"}, ((2, 3, 8),), {"weight": (6, 8), "bias": (6,)}),
            Case({"activation": "hardsigmoid"}, ((2, 19), (2, 7)), {"weight": (7, 19), "bias": (7,)}),
        ]


OPS = (Linear,)
