"""Irregular convolution: a kernel whose taps have learnt where they lie."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.errors import WeightsError
from tinyinfer.graph import TensorType
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
    require_rank,
    require_shape,
)
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.geometry import Padding, normalize_padding, resolve_padding

FURTHEST = 64.0  # pixels that a tap may wander: the regular kernel that reaches as far has 129 x 129 taps


@operator
class IrregularConv2d(Op):
    """conv2d whose taps lie at learnt, fractional places, the same all over the map (Ma et al. 2017, section 3).

    x (N, C, H, W), weight (M, C / groups, R, S), bias (M,).  offset (R, S, 2), or (M, R, S, 2) for places of each
    kernel's own, is (dy, dx) in pixels from where a regular kernel has the tap.  Between pixels x is interpolated
    linearly, outside it is zero: deform_conv2d with the same offsets everywhere.
    """

    name: ClassVar[str] = "irregular_conv2d"
    param_names: ClassVar[tuple[str, ...]] = ("weight", "offset", "bias")
    required_params: ClassVar[tuple[str, ...]] = ("weight", "offset")

    stride: tuple[int, int] = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def __post_init__(self) -> None:
        self.normalize(
            stride=pair(self.stride, "stride", least=1),
            padding=normalize_padding(self.padding),
            dilation=pair(self.dilation, "dilation", least=1),
            groups=integer(self.groups, "groups", least=1),
        )

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, weight = inputs[0], params["weight"]
        require_rank(weight, 4, "weight")
        m, _, r, s = weight.shape
        own = len(params["offset"].shape) == 4
        require_shape(params["offset"], (m, r, s, 2) if own else (r, s, 2), "offset")
        regular = {role: kind for role, kind in params.items() if role != "offset"}
        return Conv2d(self.stride, self.padding, self.dilation, self.groups).output_types([x], regular)

    def macs(self, inputs: Types, params: ParamTypes, outputs: Types) -> int:
        """R * S * C / groups per output element: a tap is one product, wherever it lies."""
        weight = params["weight"].shape
        return outputs[0].size * weight[1] * weight[2] * weight[3]

    def check_values(self, params: Params) -> None:
        """Raises WeightsError for taps that lie further off than `FURTHEST`."""
        largest = float(np.max(np.abs(params["offset"]), initial=0))
        if not largest <= FURTHEST:
            raise WeightsError(f"offset: expected at most {FURTHEST:g} pixels, found {largest:g}")

    def regular(self, params: Params, size: tuple[int, int]) -> tuple[Conv2d, np.ndarray]:
        """The conv2d, and its larger kernel, that compute the same on images of this size."""
        weight = params["weight"]
        kernel, begin = regular_kernel(weight, params["offset"], self.dilation)
        pads = resolve_padding(self.padding, size, (weight.shape[2], weight.shape[3]), self.stride, self.dilation)
        grown = []
        for i in range(2):
            extent = (weight.shape[2 + i] - 1) * self.dilation[i] + 1
            before = -begin[i]
            grown += [pads[2 * i] + before, pads[2 * i + 1] + kernel.shape[2 + i] - extent - before]
        return Conv2d(self.stride, tuple(grown), (1, 1), self.groups), kernel

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        (x,), p = inputs, cast(params, inputs[0].dtype)
        conv, kernel = self.regular(p, (x.shape[2], x.shape[3]))
        return conv.reference([x], {role: v for role, v in p.items() if role == "bias"} | {"weight": kernel})

    @classmethod
    def cases(cls) -> list[Case]:
        def case(x: tuple[int, ...], m: int, k: int, own: bool = False, bias: bool = True, **attrs: int) -> Case:
            params = {
                "weight": (m, x[1] // attrs.get("groups", 1), k, k),
                "offset": (m, k, k, 2) if own else (k, k, 2),
            }
            return Case(attrs, (x,), params | ({"bias": (m,)} if bias else {}))

        return [
            case((2, 5, 9, 8), 7, 3, padding=1),
            case((1, 6, 11, 10), 4, 3, own=True, stride=2, groups=2, bias=False),
            case((1, 4, 8, 9), 4, 2, dilation=2, padding=1),
        ]


def regular_kernel(
    weight: np.ndarray, offset: np.ndarray, dilation: tuple[int, int]
) -> tuple[np.ndarray, tuple[int, int]]:
    """The larger kernel on the pixel grid that computes the same, and where it begins from the first regular tap.

    Interpolating the image between four pixels and weighing the result is weighing each of the four with a share:
    a tap of weight w at (y, x) adds w * (1 - |y - i|) * (1 - |x - j|) to the regular kernel at each pixel (i, j) less
    than one away.  The kernel covers the regular taps too, so that it reaches no less far than they do.
    """
    m, c, r, s = weight.shape
    places = np.broadcast_to(offset, (m, r, s, 2)) + np.stack(
        np.meshgrid(np.arange(r) * dilation[0], np.arange(s) * dilation[1], indexing="ij"), axis=-1
    )
    corners = np.floor(places).astype(np.int64)
    first = np.minimum(corners.min(axis=(0, 1, 2)), 0)
    extent = ((r - 1) * dilation[0] + 1, (s - 1) * dilation[1] + 1)
    size = np.maximum(corners.max(axis=(0, 1, 2)) + 2, extent) - first
    kernel = np.zeros((m, c, *size), weight.dtype)
    every = np.arange(m)
    for i in range(r):
        for j in range(s):
            for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
                at = corners[:, i, j] + (down, right)
                share = np.prod(1 - np.abs(places[:, i, j] - at), axis=1).astype(weight.dtype)
                row, column = (at - first).T
                kernel[every, :, row, column] += weight[:, :, i, j] * share[:, None]
    return kernel, (int(first[0]), int(first[1]))


OPS = (IrregularConv2d,)
