"""Convolution of 8-bit codes by 8-bit weights."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from tinyinfer.ops.base import Case, integer, operator, pair
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.geometry import Padding, normalize_padding
from tinyinfer.ops.quantized.weights import QuantizedLayer, example_scales, fields_of


@operator(kw_only=True)
class QuantizedConv2d(QuantizedLayer):
    """conv2d of codes; the border is padded with the input's zero point, which stands for 0.

    x (N, C, H, W) uint8 or int8, weight (M, C / groups, R, S), weight_scale (M,), bias (M,) int32, residual
    (N, M, H', W') of codes; all attributes as in conv2d and `QuantizedLayer`.
    """

    name: ClassVar[str] = "quantized_conv2d"
    channel_axis: ClassVar[int] = -3

    stride: tuple[int, int] = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.normalize(
            stride=pair(self.stride, "stride", least=1),
            padding=normalize_padding(self.padding),
            dilation=pair(self.dilation, "dilation", least=1),
            groups=integer(self.groups, "groups", least=1),
        )

    @cached_property
    def layer(self) -> Conv2d:
        """The convolution of real numbers."""
        return Conv2d(**fields_of(self, Conv2d))  # type: ignore[arg-type]

    @classmethod
    def cases(cls) -> list[Case]:
        def case(x: tuple[int, ...], m: int, k: int, dtype: str = "uint8", **attrs: object) -> Case:
            scales = example_scales(dtype)
            weight = (m, x[1] // int(attrs.get("groups", 1)), k, k)  # type: ignore[call-overload]
            params = {"weight": weight, "weight_scale": (m,), "bias": (m,)}
            inputs = (x, (x[0], m, *x[2:])) if "residual_scale" in attrs else (x,)
            codes = "int8" if dtype == "int8" else "uint8"
            return Case({**scales, **attrs}, inputs, params, (codes,) * len(inputs))

        return [
            case((1, 3, 17, 19), 8, 3, stride=2, padding=1, activation="relu"),
            case((1, 16, 14, 14), 24, 1, activation="relu6"),
            case((2, 33, 7, 9), 37, 1, dtype="int8"),
            case((2, 19, 13, 9), 19, 5, padding=2, stride=2, groups=19),
            case((1, 66, 9, 8), 66, 3, padding=1, groups=66, activation="relu"),
            case((1, 18, 11, 12), 18, 3, padding=2, dilation=2, groups=18, dtype="int8"),
            case((1, 37, 9, 12), 37, 5, padding=2, groups=37),
            case((1, 37, 9, 10), 37, 7, padding=3, groups=37, activation="hardswish"),
            case((2, 19, 11, 9), 19, 7, padding=3, stride=2, groups=19),
            case((1, 21, 12, 11), 21, 3, padding=1, stride=2, groups=21),
            case((1, 39, 9, 10), 39, 3, padding=1, groups=39, weight_zero_point=-81),
            case((1, 37, 9, 8), 37, 1, groups=37, activation="relu"),
            case((1, 12, 15, 8), 24, 3, padding=1, groups=4, activation="hardswish"),
            case((1, 4, 11, 10), 6, 3, padding=2, dilation=2),
            case((1, 3, 12, 13), 6, 3, stride=2, padding="same", dtype="float32"),
            case((1, 32, 28, 27), 48, 3, padding=1, weight_zero_point=7),
            case((2, 20, 5, 7), 9, 1, residual_scale=0.05, residual_zero_point=11, activation="relu"),
            case((1, 24, 9, 8), 37, 1, residual_scale=0.13, inner_scale=0.05, inner_zero_point=99, activation="relu6"),
            case((1, 40, 9, 8), 40, 3, padding=1, groups=40, residual_scale=0.07, inner_scale=0.11, dtype="int8"),
            case((1, 70, 8, 9), 70, 3, padding=1, groups=70, residual_scale=0.3),
        ]


OPS = (QuantizedConv2d,)
