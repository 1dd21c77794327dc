"""Convolution in two dimensions: standard, grouped, depthwise, pointwise, dilated."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.dim import agreed_shape
from tinyinfer.errors import GraphError
from tinyinfer.graph import Shape, TensorType
from tinyinfer.ops.activation.activation import apply_activation, check_activation
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    cast,
    integer,
    operator,
    pair,
    require,
    require_rank,
    require_shape,
)
from tinyinfer.ops.geometry import (
    PADDING_MODES,
    Padding,
    check_reach,
    normalize_padding,
    pad_image,
    resolve_padding,
    taps,
    window_counts,
)


@operator
class Conv2d(Op):
    """y = activation(conv2d(x, weight) + bias + residual), torch's conv2d with a fused epilogue.

    x (N, C, H, W), weight (M, C / groups, R, S), bias (M,); a second input, if given, is the residual
    (N, M, H', W').  ``padding`` is an int, (h, w), (top, bottom, left, right) or TensorFlow's "same"
    ("same_lower": with the odd pixel at the beginning).
    """

    name: ClassVar[str] = "conv2d"
    param_names: ClassVar[tuple[str, ...]] = ("weight", "bias")
    required_params: ClassVar[tuple[str, ...]] = ("weight",)
    optional_inputs: ClassVar[tuple[str, ...]] = ("residual",)

    stride: tuple[int, int] = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    padding_mode: str = "zeros"
    activation: str | None = None

    def __post_init__(self) -> None:
        require(self.padding_mode in tuple(PADDING_MODES), f"padding_mode: unknown {self.padding_mode!r}")
        check_activation(self.activation)
        self.normalize(
            stride=pair(self.stride, "stride", least=1),
            padding=normalize_padding(self.padding),
            dilation=pair(self.dilation, "dilation", least=1),
            groups=integer(self.groups, "groups", least=1),
        )

    def pads(self, size: tuple[int, int], kernel: tuple[int, int]) -> tuple[int, int, int, int]:
        """(top, bottom, left, right) for an image of this size."""
        return resolve_padding(self.padding, size, kernel, self.stride, self.dilation)

    def is_pointwise(self, size: Shape, kernel: Shape) -> bool:
        """Whether the windows on an image of this size are its pixels, one after the other."""
        (h, w), (r, s) = size, kernel
        return (r, s) == self.stride == (1, 1) and self.pads((h, w), (1, 1)) == (0, 0, 0, 0)

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, weight = inputs[0], params["weight"]
        require_rank(x, 4)
        require_rank(weight, 4, "weight")
        n, c, h, w = x.shape
        m, c_group, r, s = weight.shape
        require(c % self.groups == 0, f"groups {self.groups} do not divide {c} input channels")
        require(m % self.groups == 0, f"groups {self.groups} do not divide {m} output channels")
        if c_group * self.groups != c:
            takes = c_group * self.groups
            raise GraphError(f"weight {weight} with groups {self.groups} takes {takes} channels, found {c}")
        if "bias" in params:
            require_shape(params["bias"], (m,), "bias")
        if self.padding_mode != "zeros":
            top, bottom, left, right = self.pads((h, w), (r, s))
            check_reach(self.padding_mode, h, top, bottom)
            check_reach(self.padding_mode, w, left, right)
        out: Shape = (n, m, *window_counts(self.padding, (h, w), (r, s), self.stride, self.dilation))
        if len(inputs) > 1:
            require_shape(inputs[1], out, "residual")
            out = agreed_shape(out, inputs[1].shape)
        return [TensorType(out, x.dtype)]

    def macs(self, inputs: Types, params: ParamTypes, outputs: Types) -> int:
        """R * S * C / groups per output element."""
        return outputs[0].size * (params["weight"].size // params["weight"].shape[0])

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        """Each kernel tap is a 1x1 convolution of a shifted image: a matrix product over channels.  Add them up."""
        x, params = inputs[0], cast(params, inputs[0].dtype)
        weight, g = params["weight"], self.groups
        n, c, h, w = x.shape
        m, _, r, s = weight.shape
        padded = pad_image(x, self.pads((h, w), (r, s)), PADDING_MODES[self.padding_mode])
        by_tap = np.ascontiguousarray(weight.reshape(g, m // g, c // g, r, s).transpose(3, 4, 0, 1, 2))
        y = np.zeros((), x.dtype)
        for i, j, seen in taps(padded, (r, s), self.stride, self.dilation):
            y = y + by_tap[i, j] @ seen.reshape(n, g, c // g, -1)
        y = y.reshape(n, m, *seen.shape[2:])
        if "bias" in params:
            y += params["bias"][:, None, None]
        if len(inputs) > 1:
            y += inputs[1]
        return [apply_activation(self.activation, y)]

    @classmethod
    def cases(cls) -> list[Case]:
        def case(x: tuple[int, ...], m: int, k: int | tuple[int, int], bias: bool = True, **attrs: object) -> Case:
            r, s = pair(k, "kernel")
            weight = (m, x[1] // int(attrs.get("groups", 1)), r, s)  # type: ignore[call-overload]
            return Case(attrs, (x,), {"weight": weight, **({"bias": (m,)} if bias else {})})

        return [
            case((1, 3, 17, 19), 8, 3, stride=2, padding=1),
            case((2, 5, 9, 11), 7, 3, padding=1, bias=False),
            case((1, 16, 14, 14), 24, 1, activation="relu6"),
            case((2, 33, 7, 9), 37, 1),
            case((1, 10, 12, 13), 10, 3, padding=1, groups=10, activation="relu6"),
            case((2, 19, 13, 9), 19, 5, padding=2, stride=2, groups=19),
            case((1, 17, 12, 10), 17, 7, padding=3, groups=17, activation="silu"),
            case((2, 5, 9, 8), 5, 7, padding=3, groups=5),
            case((1, 19, 12, 13), 19, (3, 5), padding=(1, 2), stride=(3, 1), groups=19),
            case((1, 18, 11, 12), 18, 3, padding=2, dilation=2, groups=18),
            case((1, 12, 15, 8), 24, 3, padding=1, groups=4),
            case((1, 20, 10, 11), 20, 3, padding=1, groups=10, activation="relu"),
            case((2, 36, 9, 13), 36, 3, stride=2, padding=1, groups=9),
            case((1, 24, 8, 9), 24, 3, padding=1, groups=3),
            case((2, 24, 9, 8), 40, 1, groups=4, activation="relu"),
            case((1, 4, 11, 10), 6, 3, padding=2, dilation=2),
            case((1, 4, 15, 11), 6, (1, 7), padding=(0, 3)),
            case((1, 3, 12, 13), 6, 3, stride=2, padding="same"),
            case((1, 3, 12, 13), 6, 3, stride=2, padding="same_lower"),
            case((1, 3, 12, 13), 6, 4, stride=(1, 2), padding=(0, 2, 1, 1)),
            case((1, 6, 9, 9), 6, 3, padding=1, padding_mode="reflect", activation="hardswish"),
            case((1, 32, 28, 27), 48, 3, padding=1, activation="relu"),
            Case({"activation": "relu"}, ((2, 6, 5, 7), (2, 9, 5, 7)), {"weight": (9, 6, 1, 1), "bias": (9,)}),
        ]


OPS = (Conv2d,)
