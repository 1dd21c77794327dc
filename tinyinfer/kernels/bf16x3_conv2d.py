"""Convolutions of one group on AMX tiles: a band of inputs is split into planes, then all panels pass over it.

A tap of the kernel is a matrix product of planes and weights, so nothing is copied tap by tap as in im2col, and at
the tiles' speed even Winograd's transforms would take longer than the products that they save.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyinfer.kernels import amx
from tinyinfer.kernels.amx import DEPTH
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.bf16x3 import PANEL, TOLERANCE, pack_tiles, panel_floats, sums_floats, tile_panels
from tinyinfer.kernels.bf16x3_planes import layout, split_band, split_rows, tap_offsets
from tinyinfer.kernels.endings import FUSED, ending, residual_of
from tinyinfer.kernels.gemm import pack_bias
from tinyinfer.kernels.jit import inline
from tinyinfer.kernels.parts import own_memory, own_range, own_units
from tinyinfer.kernels.task import task
from tinyinfer.kernels.windows import window_geometry
from tinyinfer.ops.conv2d import Conv2d
from tinyinfer.ops.gated_conv2d import GatedConv2d

# of planes: small ones are still in cache when tiles load them; with large weights a band is as large as those, which
# otherwise would be most of what is moved
SMALL_BAND, LARGE_BAND = 48 * 1024, 320 * 1024


@inline
def conv_rows(
    x, x_stride, c, geometry, planes_layout, taps, tap_count, gate, gate_stride, w, bias, r, r_stride, y, y_stride, n,
    lo, hi, act, band, scratch, scratch_bytes, p0, p1,
):  # fmt: skip
    """Output rows p0 .. p1 of the batch, ``band`` at a time; addresses in bytes.

    The planes lie behind ``scratch_bytes`` of other scratch, so that each thread's memory is one piece: where the sums
    of threads lay side by side, hardware prefetching took them from one another (1.6 times as long with two).
    """
    h, width, out_h, out_w, kh, kw, stride_h, stride_w, _, _, _, _ = geometry
    _, depth, _, _, most, pitch, plane_bytes = planes_layout
    pixels_as_they_lie = kh * kw * stride_h * stride_w == 1 and (h, width) == (out_h, out_w)
    planes, p = scratch + scratch_bytes, p0
    while p < p1:
        image, oy = p // out_h, p % out_h
        rows = min(band, p1 - p, out_h - oy)
        if pixels_as_they_lie:
            positions = run = real = rows * out_w
            own_gate = gate + image * gate_stride * 4 if gate_stride > 0 else 0
            split_rows(x + p * out_w * x_stride * 4, x_stride, positions, c, own_gate, planes, plane_bytes)
        else:
            positions, run, real = (rows - 1) * pitch + out_w, pitch, out_w
            reach = most - band
            split_band(x, x_stride, c, geometry, planes_layout, image, oy, rows + reach, planes, scratch)
        tile_panels(
            planes, plane_bytes, taps, tap_count, -(-depth // DEPTH), positions, run, real, w, bias,
            r + p * out_w * r_stride * 4, r_stride, y + p * out_w * y_stride * 4, y_stride, n, lo, hi, act, scratch,
        )  # fmt: skip
        p += rows


@task
def conv2d(
    part, parts, x, x_stride, c, geometry, planes_layout, taps, gate, gate_stride, w, bias, r, r_stride, y, y_stride, n,
    lo, hi, act, band, memory, scratch_bytes, rows, column_parts, panel_size,
):  # fmt: skip
    """clip(conv2d(gate * x) + bias + r), band after band, each part with its own memory."""
    p0, p1 = own_range(part // column_parts, rows, parts // column_parts)
    n0, n1 = own_units(part % column_parts, n, PANEL, column_parts)
    conv_rows(
        x.ctypes.data, x_stride, c, geometry, planes_layout, taps.ctypes.data, taps.size, gate.ctypes.data, gate_stride,
        w.ctypes.data + n0 // PANEL * panel_size * 4, bias.ctypes.data + n0 * 4, r.ctypes.data + n0 * 4, r_stride,
        y.ctypes.data + n0 * 4, y_stride, n1 - n0, lo, hi, act, band, own_memory(part, memory, parts).ctypes.data,
        scratch_bytes, p0, p1,
    )  # fmt: skip


def partition(pixels: int, n: int, threads: int) -> tuple[int, int]:
    """(row_parts, column_parts): rows are split where each thread gets two pairs of tiles, panels otherwise.

    With the rows dealt out each thread reads all weights; with the panels each splits all inputs, half of which it has
    to get from the other's cache (1x1 layers of MobileNets 1.03 to 1.08 times as long, RepVGG-A0 1.03).
    """
    return (1, threads) if pixels < 2 * PANEL * threads and n >= 2 * PANEL else (threads, 1)


def folds(layer: Layer) -> bool:
    """Whether a row of a window is a position of the planes: it has to lie in one piece and fit a block of channels."""
    _, c, _, kw = layer.params["weight"].shape
    return isinstance(layer.op, Conv2d) and layer.op.dilation[1] == 1 < kw <= DEPTH // c


class _Bf16x3(Kernel):
    """What plain and gated convolutions share."""

    tolerance = TOLERANCE

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        n, c, kh, kw = problem.params["weight"].shape
        self.geometry = self._geometry(problem)
        _, _, out_h, out_w, _, _, _, stride_w, _, _, _, _ = self.geometry
        pixels = int(np.prod(problem.outputs[0])) // n
        self.rows, folded = pixels // out_w, folds(problem)
        self.parts = partition(pixels, n, problem.threads)
        halo = layout(self.geometry, c, 0, folded)
        space = max(SMALL_BAND, min(kh * kw * c * n, LARGE_BAND)) - halo.floats
        self.band = max(1, min(space // halo.row_floats, -(-self.rows // self.parts[0]), out_h))
        self.layout = layout(self.geometry, c, self.band, folded)
        self.taps = tap_offsets(self.geometry, self.layout)
        line = ((out_w - 1) * stride_w + kw) * c * folded
        positions = (self.band - 1) * self.layout.pitch + out_w
        self.scratch = max(sums_floats(positions), -(-line // 16) * 16)
        self.scratch_floats = (self.scratch + self.layout.floats) * problem.threads

    def _geometry(self, problem: Problem) -> tuple[int, ...]:
        raise NotImplementedError

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        weight = layer.params["weight"].transpose(2, 3, 1, 0)  # (R, S, C, N)
        kh, kw, c, n = weight.shape
        taps = weight.reshape((kh, kw * c, n) if folds(layer) else (kh * kw, c, n))
        return pack_tiles(taps), pack_bias(layer.params.get("bias"), n)

    def _bind(
        self, x: FeatureMap, gate: tuple[np.ndarray, int], r: tuple[np.ndarray, int], y: FeatureMap, memory: np.ndarray
    ) -> Bound:
        w, bias = self.packed
        row_parts, column_parts = self.parts
        return conv2d.bind(
            row_parts * column_parts, x.data, x.pixel_stride, x.c, self.geometry, tuple(self.layout), self.taps, *gate,
            w, bias, *r, y.data, y.pixel_stride, y.c, *ending(self.problem.op.activation), self.band,
            memory, self.scratch * 4, self.rows, column_parts, panel_floats(self.taps.size, self.layout.depth),
        )  # fmt: skip


class Bf16x3(_Bf16x3):
    """One group, zero padding: any kernel, stride, padding and dilation."""

    op = "conv2d"
    name = "bf16x3"

    def _geometry(self, problem: Problem) -> tuple[int, ...]:
        geometry = window_geometry(problem)
        if geometry[4:8] == (1, 1, 1, 1) and geometry[:2] == geometry[2:4]:  # the batch is one column of pixels
            pixels = problem.outputs[0][0] * geometry[2] * geometry[3]
            return (pixels, 1, pixels, 1, *geometry[4:])
        return geometry

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = problem.op
        assert isinstance(op, Conv2d)
        return amx.available() and op.groups == 1 and op.padding_mode == "zeros" and op.activation in FUSED

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        return self._bind(x, (x.data, 0), residual_of(inputs, y), y, scratch)


class GatedBf16x3(_Bf16x3):
    """A gate and the 1x1 convolution behind it: values are scaled while they are split."""

    op = "gated_conv2d"
    name = "bf16x3"

    def _geometry(self, problem: Problem) -> tuple[int, ...]:
        h, w = problem.inputs[0][2:]
        return (h * w, 1, h * w, 1, 1, 1, 1, 1, 0, 0, 1, 1)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, GatedConv2d)
        return amx.available() and problem.op.activation in FUSED

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        x, gate, *rest = inputs
        y = outputs[0]
        return self._bind(x, (gate.data, gate.pixel_stride), residual_of([x, *rest], y), y, scratch)


KERNELS = (Bf16x3, GatedBf16x3)
