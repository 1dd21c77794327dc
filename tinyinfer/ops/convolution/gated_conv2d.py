"""A squeeze-and-excitation gate and the 1x1 convolution behind it as one operator, so that its weights can be gated."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.activation.activation import check_activation
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    operator,
    require,
    require_rank,
    require_shape,
)
from tinyinfer.ops.convolution.conv2d import Conv2d


@operator
class GatedConv2d(Op):
    """y = activation(conv2d(x * gate, weight) + bias + residual) with a 1x1 kernel.

    x (N, C, H, W), gate (N, C, 1, 1), weight (M, C, 1, 1), bias (M,); a third input, if given, is the residual
    (N, M, H, W).  Passes make this operator of mul and conv2d nodes; model files do not hold it.
    """

    name: ClassVar[str] = "gated_conv2d"
    param_names: ClassVar[tuple[str, ...]] = ("weight", "bias")
    required_params: ClassVar[tuple[str, ...]] = ("weight",)
    arity: ClassVar[int | None] = 2
    optional_inputs: ClassVar[tuple[str, ...]] = ("residual",)
    composite: ClassVar[bool] = True

    activation: str | None = None

    def __post_init__(self) -> None:
        check_activation(self.activation)

    @property
    def convolution(self) -> Conv2d:
        """The layer behind the gate by itself."""
        return Conv2d(activation=self.activation)

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        (x, gate), weight = inputs[:2], params["weight"]
        require_rank(x, 4)
        require_shape(gate, (*x.shape[:2], 1, 1), "gate")
        require(weight.shape[2:] == (1, 1), f"weight: expected 1x1, found {weight}")
        return self.convolution.output_types([x, *inputs[2:]], params)

    def macs(self, inputs: Types, params: ParamTypes, outputs: Types) -> int:
        """Those of the convolution."""
        return self.convolution.macs([inputs[0]], params, outputs)

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x, gate, *residual = inputs
        return self.convolution.reference([x * gate, *residual], params)

    @classmethod
    def cases(cls) -> list[Case]:
        def case(x: tuple[int, ...], m: int, residual: bool = False, bias: bool = True, **attrs: object) -> Case:
            inputs = (x, (*x[:2], 1, 1), *([(x[0], m, *x[2:])] if residual else []))
            return Case(attrs, inputs, {"weight": (m, x[1], 1, 1), **({"bias": (m,)} if bias else {})})

        return [
            case((1, 17, 9, 11), 7),
            case((2, 33, 7, 5), 40, residual=True),
            case((3, 5, 6, 6), 67, bias=False, activation="relu6"),
            case((2, 24, 13, 14), 16, residual=True, activation="hardswish"),
        ]


OPS = (GatedConv2d,)
