"""A depthwise convolution with the 1x1 convolutions around it as one operator, so that they can share rows in cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.activation.activation import check_activation
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, operator, pair, require
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.geometry import Padding, normalize_padding

LAYERS = ("expand", "depthwise", "project")


@operator
class DepthwiseChain(Op):
    """An inverted residual (MobileNet V2, figure 4), or as much of it as there are weights for.

    1x1 to E channels (``expand_weight``), a depthwise, 1x1 to M channels (``project_weight``), each with its bias and
    activation; a second input, if given, is added to the last sums.  The first or the last layer may be missing.
    Passes make this operator of conv2d nodes; model files do not hold it.
    """

    name: ClassVar[str] = "depthwise_chain"
    param_names: ClassVar[tuple[str, ...]] = tuple(f"{layer}_{role}" for layer in LAYERS for role in ("weight", "bias"))
    required_params: ClassVar[tuple[str, ...]] = ("depthwise_weight",)
    optional_inputs: ClassVar[tuple[str, ...]] = ("residual",)
    composite: ClassVar[bool] = True

    stride: tuple[int, int] = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    expand_activation: str | None = None
    depthwise_activation: str | None = None
    project_activation: str | None = None

    def __post_init__(self) -> None:
        for layer in LAYERS:
            check_activation(getattr(self, f"{layer}_activation"))
        self.normalize(stride=pair(self.stride, "stride", least=1), padding=normalize_padding(self.padding))

    def middle(self, channels: int) -> Conv2d:
        """The depthwise layer by itself."""
        return Conv2d(self.stride, self.padding, groups=channels, activation=self.depthwise_activation)

    def _layers(self, present: ParamTypes | Params) -> Iterator[tuple[str, Conv2d]]:
        channels = present["depthwise_weight"].shape[0]
        ops = {
            "expand": Conv2d(activation=self.expand_activation),
            "depthwise": self.middle(channels),
            "project": Conv2d(activation=self.project_activation),
        }
        return ((layer, op) for layer, op in ops.items() if f"{layer}_weight" in present)

    def _walk(self, inputs: Types, params: ParamTypes) -> Iterator[tuple[Conv2d, list[TensorType], ParamTypes, Types]]:
        """Every layer's operator, inputs, parameters and outputs."""
        layers = list(self._layers(params))
        require(len(layers) > 1, "it needs the weight of a layer before or after the depthwise one")
        x = inputs[0]
        for i, (layer, op) in enumerate(layers):
            own = {role: params[f"{layer}_{role}"] for role in ("weight", "bias") if f"{layer}_{role}" in params}
            if layer != "depthwise":
                require(own["weight"].shape[2:] == (1, 1), f"{layer}_weight: expected 1x1, found {own['weight']}")
            given = [x, *inputs[1:]] if i == len(layers) - 1 else [x]
            outputs = op.infer(given, own)
            yield op, given, own, outputs
            x = outputs[0]

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        return list(list(self._walk(inputs, params))[-1][-1])

    def macs(self, inputs: Types, params: ParamTypes, outputs: Types) -> int:
        return sum(op.macs(given, own, made) for op, given, own, made in self._walk(inputs, params))

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        layers = list(self._layers(params))
        x = inputs[0]
        for i, (layer, op) in enumerate(layers):
            own = {role: params[f"{layer}_{role}"] for role in ("weight", "bias") if f"{layer}_{role}" in params}
            given = [x, *inputs[1:]] if i == len(layers) - 1 else [x]
            (x,) = op.reference(given, own)
        return [x]

    @classmethod
    def cases(cls) -> list[Case]:
        def case(x: tuple[int, ...], e: int, m: int, k: int, residual: bool = False, **attrs: object) -> Case:
            params = {"depthwise_weight": (e, 1, k, k), "depthwise_bias": (e,)}
            if e != x[1] or not m:
                params |= {"expand_weight": (e, x[1], 1, 1), "expand_bias": (e,)}
            if m:
                params |= {"project_weight": (m, e, 1, 1), "project_bias": (m,)}
            return Case(attrs, (x, x) if residual else (x,), params)

        return [
            case((1, 5, 9, 11), 30, 7, 3, padding=1, expand_activation="relu6", depthwise_activation="relu6"),
            case((2, 16, 14, 14), 96, 16, 3, True, padding=1, expand_activation="hardswish"),
            case((1, 8, 15, 13), 40, 24, 5, stride=2, padding=2, depthwise_activation="silu"),
            case((1, 17, 10, 9), 17, 33, 3, stride=2, padding="same", project_activation="relu"),
            case((2, 6, 8, 20), 24, 0, 5, padding=2, expand_activation="relu", depthwise_activation="silu"),
            case((1, 20, 7, 7), 20, 20, 3, True, padding=(0, 2, 1, 1), project_activation="relu"),
            case((1, 18, 13, 15), 18, 21, 7, stride=2, padding=3, project_activation="relu"),
        ]


OPS = (DepthwiseChain,)
