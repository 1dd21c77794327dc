"""Deformable convolution: every output pixel says where each of its taps looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

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
    require,
    require_rank,
    require_shape,
)
from tinyinfer.ops.geometry import Padding, normalize_padding, resolve_padding, window_counts


@operator
class DeformConv2d(Op):
    """conv2d whose taps are displaced by ``offset`` and weighed by ``mask`` (Dai et al. 2017; mask: Zhu et al. 2019).

    x (N, C, H, W), offset (N, 2 * offset_groups * R * S, H', W') with (dy, dx) for each tap of each run of
    C / offset_groups channels, mask (N, offset_groups * R * S, H', W'), weight (M, C / groups, R, S), bias (M,).
    Between pixels x is interpolated linearly, outside it is zero; torchvision.ops.deform_conv2d's arithmetic.
    """

    name: ClassVar[str] = "deform_conv2d"
    arity: ClassVar[int | None] = 2
    optional_inputs: ClassVar[tuple[str, ...]] = ("mask",)
    param_names: ClassVar[tuple[str, ...]] = ("weight", "bias")
    required_params: ClassVar[tuple[str, ...]] = ("weight",)

    stride: tuple[int, int] = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    offset_groups: int = 1

    def __post_init__(self) -> None:
        self.normalize(
            stride=pair(self.stride, "stride", least=1),
            padding=normalize_padding(self.padding),
            dilation=pair(self.dilation, "dilation", least=1),
            groups=integer(self.groups, "groups", least=1),
            offset_groups=integer(self.offset_groups, "offset_groups", least=1),
        )

    def pads(self, size: tuple[int, int], kernel: tuple[int, int]) -> tuple[int, int, int, int]:
        """(top, bottom, left, right) for an image of this size."""
        return resolve_padding(self.padding, size, kernel, self.stride, self.dilation)

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, weight = inputs[0], params["weight"]
        require_rank(x, 4)
        require_rank(weight, 4, "weight")
        n, c, h, w = x.shape
        m, c_group, r, s = weight.shape
        for what, groups in (("groups", self.groups), ("offset_groups", self.offset_groups)):
            require(c % groups == 0, f"{what} {groups} do not divide {c} input channels")
        require(m % self.groups == 0, f"groups {self.groups} do not divide {m} output channels")
        require(
            c_group * self.groups == c,
            f"weight {weight} with groups {self.groups} takes {c_group * self.groups} channels, found {c}",
        )
        if "bias" in params:
            require_shape(params["bias"], (m,), "bias")
        ho, wo = window_counts(self.padding, (h, w), (r, s), self.stride, self.dilation)
        taps = self.offset_groups * r * s
        require_shape(inputs[1], (n, 2 * taps, ho, wo), "offset")
        if len(inputs) > 2:
            require_shape(inputs[2], (n, taps, ho, wo), "mask")
        return [TensorType((n, m, ho, wo), x.dtype)]

    def macs(self, inputs: Types, params: ParamTypes, outputs: Types) -> int:
        """R * S * C / groups per output element, as conv2d; the interpolation is not counted."""
        weight = params["weight"].shape
        return outputs[0].size * weight[1] * weight[2] * weight[3]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x, weight = inputs[0], cast(params, inputs[0].dtype)["weight"]
        m, c_group, r, s = weight.shape
        groups = weight.reshape(self.groups, m // self.groups, c_group, r, s)
        n, _, ho, wo = inputs[1].shape
        y = np.zeros((n, self.groups, m // self.groups, ho, wo), x.dtype)
        for i, j, seen in self._taps(inputs, (r, s)):
            seen = seen.reshape(n, self.groups, c_group, ho, wo)
            y += np.einsum("ngchw,gmc->ngmhw", seen, groups[..., i, j], optimize=True)
        y = y.reshape(n, m, ho, wo)
        if "bias" in params:
            y += params["bias"][:, None, None]
        return [y]

    def _taps(self, inputs: Arrays, kernel: tuple[int, int]) -> Iterator[tuple[int, int, np.ndarray]]:
        """For each tap (i, j) what it sees of the image in all windows: (N, C, H', W')."""
        x, (r, s), groups = inputs[0], kernel, self.offset_groups
        top, _, left, _ = self.pads((x.shape[2], x.shape[3]), kernel)
        n, _, ho, wo = inputs[1].shape
        offset = inputs[1].reshape(n, groups, r * s, 2, ho, wo)
        mask = inputs[2] if len(inputs) > 2 else np.ones((n, groups * r * s, ho, wo), x.dtype)
        mask = mask.reshape(n, groups, r * s, ho, wo)
        channels = np.split(x, groups, axis=1)
        for i in range(r):
            for j in range(s):
                rows = np.arange(ho)[:, None] * self.stride[0] - top + i * self.dilation[0]
                columns = np.arange(wo) * self.stride[1] - left + j * self.dilation[1]
                tap = i * s + j
                seen = [
                    sample(part, rows + offset[:, g, tap, 0], columns + offset[:, g, tap, 1]) * mask[:, g, None, tap]
                    for g, part in enumerate(channels)
                ]
                yield i, j, np.concatenate(seen, axis=1).astype(x.dtype, copy=False)

    @classmethod
    def cases(cls) -> list[Case]:
        def case(x: tuple[int, ...], m: int, k: int, out: tuple[int, int], mask: bool = True, **attrs: int) -> Case:
            taps = attrs.get("offset_groups", 1) * k * k
            inputs = [x, (x[0], 2 * taps, *out)] + ([(x[0], taps, *out)] if mask else [])
            return Case(attrs, tuple(inputs), {"weight": (m, x[1] // attrs.get("groups", 1), k, k), "bias": (m,)})

        return [
            case((1, 5, 7, 9), 6, 3, (7, 9), padding=1),
            case((2, 6, 8, 7), 9, 3, (4, 4), mask=False, stride=2, padding=1, groups=3),
            case((1, 36, 6, 5), 35, 3, (6, 5), padding=2, dilation=2, offset_groups=2),
            case((2, 8, 5, 6), 8, 2, (4, 5), groups=4, offset_groups=4),
        ]


def sample(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """x (N, C, H, W) at fractional rows y and columns z, each (N, H', W'), interpolated linearly, zero outside."""
    h, w = x.shape[2:]
    images = np.arange(len(x))[:, None, None]
    y0, z0 = np.floor(y), np.floor(z)
    total = np.zeros((*y.shape, x.shape[1]), x.dtype)
    for row, row_share in ((y0, y0 + 1 - y), (y0 + 1, y - y0)):
        for column, column_share in ((z0, z0 + 1 - z), (z0 + 1, z - z0)):
            inside = (row >= 0) & (row < h) & (column >= 0) & (column < w)
            i, j = (np.where(inside, at, 0).astype(np.int64) for at in (row, column))
            share = np.where(inside, row_share * column_share, 0).astype(x.dtype)
            total += x[images, :, i, j] * share[..., None]
    return total.transpose(0, 3, 1, 2)


OPS = (DeformConv2d,)
