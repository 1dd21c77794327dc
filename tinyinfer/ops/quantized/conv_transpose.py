"""Transposed convolution of 8-bit codes by 8-bit weights."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.ops.base import Case, integer, operator, pair
from tinyinfer.ops.convolution.conv_transpose2d import ConvTranspose2d, exchanged
from tinyinfer.ops.quantized.weights import QuantizedLayer, example_scales, fields_of


@operator(kw_only=True)
class QuantizedConvTranspose2d(QuantizedLayer):
    """conv_transpose2d of codes, without a residual.

    x (N, C, H, W) uint8 or int8, weight (C, M / groups, R, S), weight_scale (M,), bias (M,) int32; all attributes as in
    conv_transpose2d and `QuantizedLayer`.
    """

    name: ClassVar[str] = "quantized_conv_transpose2d"
    optional_inputs: ClassVar[tuple[str, ...]] = ()
    channel_axis: ClassVar[int] = -3

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    output_padding: tuple[int, int] = (0, 0)
    groups: int = 1
    dilation: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.normalize(
            stride=pair(self.stride, "stride", least=1),
            padding=pair(self.padding, "padding", least=0),
            output_padding=pair(self.output_padding, "output_padding", least=0),
            groups=integer(self.groups, "groups", least=1),
            dilation=pair(self.dilation, "dilation", least=1),
        )
        _ = self.layer  # which refuses what does not go together

    @cached_property
    def layer(self) -> ConvTranspose2d:
        """The transposed convolution of real numbers."""
        return ConvTranspose2d(**fields_of(self, ConvTranspose2d))  # type: ignore[arg-type]

    def output_channels(self, weight: Shape) -> int:
        """M: its second dimension holds those of a group."""
        return weight[1] * self.groups

    def by_output(self, weight: np.ndarray) -> np.ndarray:
        return super().by_output(exchanged(weight, self.groups))

    @classmethod
    def cases(cls) -> list[Case]:
        def case(x: tuple[int, ...], m: int, k: tuple[int, int], dtype: str = "uint8", **attrs: object) -> Case:
            weight = (x[1], m // int(attrs.get("groups", 1)), *k)  # type: ignore[call-overload]
            params = {"weight": weight, "weight_scale": (m,), "bias": (m,)}
            codes = "int8" if dtype == "int8" else "uint8"
            return Case({**example_scales(dtype), **attrs}, (x,), params, (codes,))

        return [
            case((1, 5, 7, 9), 8, (2, 2), stride=2, activation="relu"),
            case((2, 16, 6, 5), 37, (3, 3), stride=2, padding=1, output_padding=1, dtype="int8"),
            case((1, 12, 5, 7), 18, (4, 4), stride=2, padding=1, weight_zero_point=7),
            case((2, 19, 5, 6), 19, (3, 3), stride=2, padding=1, output_padding=(1, 0), groups=19),
            case((1, 12, 5, 4), 24, (3, 3), stride=(1, 2), padding=(0, 1), groups=4, activation="hardswish"),
            case((1, 4, 5, 6), 6, (3, 5), stride=(2, 3), padding=(1, 2), output_padding=(1, 2), dtype="float32"),
            case((1, 4, 5, 6), 6, (3, 3), stride=2, padding=2, output_padding=1, dilation=2),
            case((1, 3, 5, 6), 7, (3, 3), stride=3, padding=3, dilation=(1, 2)),
            case((1, 3, 4, 5), 4, (2, 2), stride=3, padding=1),
        ]


OPS = (QuantizedConvTranspose2d,)
