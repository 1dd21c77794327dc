"""Transposed convolution: conv2d with input and output exchanged, which makes images larger."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

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
    integer,
    operator,
    pair,
    require,
    require_rank,
    require_shape,
)


@operator
class ConvTranspose2d(Op):
    """Where conv2d's outputs read windows of the image, here every input pixel writes one (Zeiler et al. 2010).

    x (N, C, H, W), weight (C, M / groups, R, S), bias (M,); windows that overlap add up, ``padding`` cuts rows and
    columns off on all sides, ``output_padding`` adds some at the bottom and at the right.
    H' = (H - 1) * stride - 2 * padding + dilation * (R - 1) + output_padding + 1.
    """

    name: ClassVar[str] = "conv_transpose2d"
    param_names: ClassVar[tuple[str, ...]] = ("weight", "bias")
    required_params: ClassVar[tuple[str, ...]] = ("weight",)

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    output_padding: tuple[int, int] = (0, 0)
    groups: int = 1
    dilation: tuple[int, int] = (1, 1)
    activation: str | None = None

    def __post_init__(self) -> None:
        check_activation(self.activation)
        self.normalize(
            stride=pair(self.stride, "stride", least=1),
            padding=pair(self.padding, "padding", least=0),
            output_padding=pair(self.output_padding, "output_padding", least=0),
            groups=integer(self.groups, "groups", least=1),
            dilation=pair(self.dilation, "dilation", least=1),
        )
        for extra, *steps in zip(self.output_padding, self.stride, self.dilation, strict=True):
            limit = max(steps)  # torch's rule: a further row would be out of every window's reach
            require(extra < limit, f"output_padding: expected below stride or dilation, {limit}, found {extra}")

    def extent(self, size: int, kernel: int, i: int) -> int:
        """Rows (``i`` 0) or columns (1) that the windows of ``size`` input pixels cover."""
        return (size - 1) * self.stride[i] + (kernel - 1) * self.dilation[i] + 1

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, weight = inputs[0], params["weight"]
        require_rank(x, 4)
        require_rank(weight, 4, "weight")
        n, c, *size = x.shape
        require(c % self.groups == 0, f"groups {self.groups} do not divide {c} input channels")
        require(weight.shape[0] == c, f"weight {weight} takes {weight.shape[0]} channels, found {c}")
        m = weight.shape[1] * self.groups
        if "bias" in params:
            require_shape(params["bias"], (m,), "bias")
        out = [
            self.extent(size[i], weight.shape[2 + i], i) - 2 * self.padding[i] + self.output_padding[i]
            for i in range(2)
        ]
        require(min(out) >= 1, f"padding {self.padding} cuts off all of the output")
        return [TensorType((n, m, *out), x.dtype)]

    def macs(self, inputs: Types, params: ParamTypes, outputs: Types) -> int:
        """M / groups * R * S per input element."""
        return inputs[0].size * (params["weight"].size // params["weight"].shape[0])

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        """Each kernel tap is a 1x1 convolution, added to the pixels it falls on; the padding is cut off last."""
        x, params = inputs[0], cast(params, inputs[0].dtype)
        weight, g = params["weight"], self.groups
        n, c, h, w = x.shape
        _, m, r, s = weight.shape
        by_tap = np.ascontiguousarray(weight.reshape(g, c // g, m, r, s).transpose(3, 4, 0, 2, 1))
        extent = [self.extent(size, k, i) + self.output_padding[i] for i, (size, k) in enumerate(((h, r), (w, s)))]
        y = np.zeros((n, g * m, *extent), x.dtype)
        for i, j in np.ndindex(r, s):
            top, left = i * self.dilation[0], j * self.dilation[1]
            written = y[:, :, top :: self.stride[0], left :: self.stride[1]][:, :, :h, :w]
            written += (by_tap[i, j] @ x.reshape(n, g, c // g, -1)).reshape(n, g * m, h, w)
        if "bias" in params:
            y += params["bias"][:, None, None]
        rows, columns = (slice(p, size - p) for p, size in zip(self.padding, extent, strict=True))
        return [apply_activation(self.activation, y[:, :, rows, columns])]

    @classmethod
    def cases(cls) -> list[Case]:
        def case(x: tuple[int, ...], m: int, k: int | tuple[int, int], bias: bool = True, **attrs: object) -> Case:
            weight = (x[1], m // int(attrs.get("groups", 1)), *pair(k, "kernel"))  # type: ignore[call-overload]
            return Case(attrs, (x,), {"weight": weight, **({"bias": (m,)} if bias else {})})

        return [
            case((1, 5, 7, 9), 8, 2, stride=2),
            case((2, 16, 6, 5), 33, 3, stride=2, padding=1, output_padding=1, activation="relu"),
            case((1, 12, 5, 7), 18, 4, stride=2, padding=1, bias=False),
            case((1, 10, 8, 9), 10, 4, stride=2, padding=1, groups=10, activation="relu6"),
            case((2, 19, 5, 6), 19, 3, stride=2, padding=1, output_padding=(1, 0), groups=19),
            case((1, 12, 5, 4), 24, 3, stride=(1, 2), padding=(0, 1), groups=4),
            case((1, 4, 5, 6), 6, (3, 5), stride=(2, 3), padding=(1, 2), output_padding=(1, 2)),
            case((1, 4, 5, 6), 6, 3, stride=2, padding=2, output_padding=1, dilation=2),
            case((1, 3, 5, 6), 7, 3, stride=3, padding=3, dilation=(1, 2), activation="hardswish"),
            case((1, 3, 4, 5), 4, 2, stride=3),
            case((1, 3, 3, 4), 4, 16, stride=8, padding=4),
            case((1, 3, 5, 6), 6, 3, padding=1),
        ]


def exchanged(weight: np.ndarray, groups: int) -> np.ndarray:
    """A transposed convolution's weight (C, M / groups, ...) as a convolution's, (M, C / groups, ...), or back."""
    first, second, *taps = weight.shape
    by_group = weight.reshape(groups, first // groups, second, *taps).swapaxes(1, 2)
    return by_group.reshape(groups * second, first // groups, *taps)


OPS = (ConvTranspose2d,)
