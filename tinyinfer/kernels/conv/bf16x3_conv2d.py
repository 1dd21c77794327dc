"""Convolutions of one group on AMX tiles: a band of inputs is split into planes, then all panels pass over it.

A tap of the kernel is a matrix product of planes and weights, so nothing is copied tap by tap as in im2col, and at
the tiles' speed even Winograd's transforms would take longer than the products that they save.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import Epilogue, Rows
from tinyinfer.kernels.arguments.windows import Geometry, window_geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen import amx
from tinyinfer.kernels.codegen.amx import DEPTH
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.structs import Address, struct
from tinyinfer.kernels.matmul.bf16x3 import (
    PANEL,
    TOLERANCE,
    Positions,
    Taps,
    pack_tiles,
    panel_floats,
    sums_floats,
    tile_panels,
)
from tinyinfer.kernels.matmul.bf16x3_planes import Layout, Planes, layout, split_band, split_rows, tap_offsets
from tinyinfer.kernels.matmul.gemm import pack_bias
from tinyinfer.kernels.parallel.parts import own_memory, own_range, own_units
from tinyinfer.kernels.parallel.task import task
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.gated_conv2d import GatedConv2d

# of planes: small ones are still in cache when tiles load them; with large weights a band is as large as those, which
# otherwise would be most of what is moved
SMALL_BAND, LARGE_BAND = 48 * 1024, 320 * 1024


class Bands(NamedTuple):
    """How outputs are dealt out: all rows of the batch, those of a band, and parts that share the same rows.

    Of each part's memory the first ``workspace_bytes`` serve `tile_panels` and a padded row, the rest holds planes.
    """

    all_rows: int
    rows: int
    column_parts: int
    workspace_bytes: int


@struct
class TileWeights(NamedTuple):
    """What `pack_tiles` makes of the weights of ``n`` channels, for the taps of a kernel."""

    address: Address
    panel_bytes: int
    n: int
    taps: Taps

    def columns(self, first: int, end: int) -> TileWeights:
        """Those of some channels, whole panels but for the last."""
        return TileWeights(self.address + first // PANEL * self.panel_bytes, self.panel_bytes, end - first, self.taps)


@inline
def conv_rows(x, gate, layout, weights, y, epilogue, bands, memory, p0, p1):
    """Output rows p0 .. p1 of the batch, band after band.

    The planes lie behind other workspace, so that each thread's memory is one piece: where the sums of threads lay side
    by side, hardware prefetching took them from one another.
    """
    geometry = layout.geometry
    out_h, out_w = geometry.out_h, geometry.out_w
    one_tap = geometry.kh * geometry.kw * geometry.stride_h * geometry.stride_w == 1
    pixels_as_they_lie = one_tap and geometry.h == out_h and geometry.w == out_w
    planes, p = Planes(memory + bands.workspace_bytes, layout.plane_bytes, -(-layout.depth // DEPTH)), p0
    while p < p1:
        image, oy = p // out_h, p % out_h
        rows = min(bands.rows, p1 - p, out_h - oy)
        if pixels_as_they_lie:
            positions = Positions(rows * out_w, rows * out_w, rows * out_w)
            own_gate = gate.at(image).address if gate.stride > 0 else 0
            split_rows(x.at(p * out_w), rows * out_w, layout.c, own_gate, planes)
        else:
            positions = Positions((rows - 1) * layout.pitch + out_w, layout.pitch, out_w)
            reach = layout.rows - bands.rows
            split_band(x, layout, image, oy, rows + reach, planes, memory)
        tile_panels(
            planes, weights.taps, positions, weights.address, y.at(p * out_w), weights.n, epilogue.at(p * out_w), memory
        )
        p += rows


@task
def conv2d(
    part, parts, x: Rows, gate: Rows, layout: Layout, weights: TileWeights, y: Rows, epilogue: Epilogue, bands: Bands,
    memory,
):  # fmt: skip
    """clip(conv2d(gate * x) + bias + residual), each part with its own memory; a gate with a stride of 0 is none."""
    p0, p1 = own_range(part // bands.column_parts, bands.all_rows, parts // bands.column_parts)
    n0, n1 = own_units(part % bands.column_parts, weights.n, PANEL, bands.column_parts)
    own = np.intp(own_memory(part, memory, parts).ctypes.data)
    conv_rows(x, gate, layout, weights.columns(n0, n1), y.at(0, n0), epilogue.at(0, n0), bands, own, p0, p1)


def partition(pixels: int, n: int, threads: int) -> tuple[int, int]:
    """(row_parts, column_parts): rows are split where each thread gets two pairs of tiles, panels otherwise.

    With the rows dealt out each thread reads all weights; with the panels each splits all inputs, half of which it has
    to get from the other's cache; that takes a little longer in 1x1 layers.
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
        self.taps = tap_offsets(self.layout)
        line = ((out_w - 1) * stride_w + kw) * c * folded
        positions = (self.band - 1) * self.layout.pitch + out_w
        self.workspace = max(sums_floats(positions), -(-line // 16) * 16)
        self.workspace_floats = (self.workspace + self.layout.floats) * problem.threads

    def _geometry(self, problem: Problem) -> Geometry:
        raise NotImplementedError

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        weight = layer.params["weight"].transpose(2, 3, 1, 0)  # (R, S, C, N)
        kh, kw, c, n = weight.shape
        taps = weight.reshape((kh, kw * c, n) if folds(layer) else (kh * kw, c, n))
        return pack_tiles(taps), pack_bias(layer.params.get("bias"), n)

    def _bind(self, gate: Rows, inputs: Sequence[FeatureMap], y: FeatureMap, memory: np.ndarray) -> Bound:
        w, bias = self.packed
        row_parts, column_parts = self.parts
        panel_bytes = panel_floats(self.taps.size, self.layout.depth) * 4
        weights = TileWeights(Address.of(w), panel_bytes, y.c, Taps(Address.of(self.taps), self.taps.size))
        epilogue = Epilogue.of(self.problem.op.activation, bias, inputs, y)
        bands = Bands(self.rows, self.band, column_parts, self.workspace * 4)
        return conv2d.bind(
            row_parts * column_parts, Rows.of(inputs[0]), gate, self.layout, weights, Rows.of(y), epilogue, bands,
            memory,
        )  # fmt: skip


class Bf16x3(_Bf16x3):
    """One group, zero padding: any kernel, stride, padding and dilation."""

    op = "conv2d"
    name = "bf16x3"

    def _geometry(self, problem: Problem) -> Geometry:
        geometry = window_geometry(problem)
        if geometry[4:8] == (1, 1, 1, 1) and geometry[:2] == geometry[2:4]:  # the batch is one column of pixels
            pixels = problem.outputs[0][0] * geometry[2] * geometry[3]
            return Geometry(pixels, 1, pixels, 1, *geometry[4:])
        return geometry

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = problem.op
        assert isinstance(op, Conv2d)
        return amx.available() and op.groups == 1 and op.padding_mode == "zeros" and op.activation in FUSED

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        no_gate = Rows(Address.of(inputs[0].data), 0)
        return self._bind(no_gate, inputs, outputs[0], workspace)


class GatedBf16x3(_Bf16x3):
    """A gate and the 1x1 convolution behind it: values are scaled while they are split."""

    op = "gated_conv2d"
    name = "bf16x3"

    def _geometry(self, problem: Problem) -> Geometry:
        h, w = problem.inputs[0][2:]
        return Geometry(h * w, 1, h * w, 1, 1, 1, 1, 1, 0, 0, 1, 1)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, GatedConv2d)
        return amx.available() and problem.op.activation in FUSED

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, gate, *rest = inputs
        return self._bind(Rows.of(gate), [x, *rest], outputs[0], workspace)


KERNELS = (Bf16x3, GatedBf16x3)
