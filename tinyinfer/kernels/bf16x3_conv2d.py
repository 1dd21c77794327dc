"""Convolutions of one group as sums of matrix products on AMX tiles, with nothing copied per tap.

A band of input rows with its border is split into planes (`bf16x3`), where the pixel that a tap reads for output p is
p plus a constant: so the tap's product is the same run of positions, begun further on.  With stride s, a plane holds
every s-th pixel of every s-th row, and there are s * s of them: a strided convolution is one of stride 1 over phases.
Positions where a window wraps around the row's end are computed too, and left out when the sums are stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numba import prange

from tinyinfer.kernels import amx
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.bf16x3 import (
    POSITION_FLOATS,
    SIDE,
    SUMS_FLOATS,
    depth_blocks,
    pack_tiles,
    split_rows,
    tile_panels,
)
from tinyinfer.kernels.endings import FUSED, ending, residual_of
from tinyinfer.kernels.gemm import pack_bias
from tinyinfer.kernels.jit import inline, jit, jit_parallel
from tinyinfer.kernels.memory import fill_rows
from tinyinfer.kernels.windows import window_geometry
from tinyinfer.ops.conv2d import Conv2d
from tinyinfer.ops.gated_conv2d import GatedConv2d

BAND_FLOATS = 160 * 1024  # 640 KiB of planes: half of an L2 of 2 MiB is left for weights and outputs


class Phases(NamedTuple):
    """How a band is laid out: phases of the stride, rows and pitch of each, bytes of a plane."""

    vertical: int
    horizontal: int
    rows: int
    pitch: int
    plane_bytes: int


@inline
def split_band(x, x_stride, c, geometry, phases, image, oy, gate, planes):
    """The input rows that a band of outputs from row ``oy`` on reads, zeros where there is no pixel."""
    h, w, _, _, _, _, stride_h, stride_w, top, left, _, _ = geometry
    vertical, horizontal, rows, pitch, plane_bytes = phases
    halves, zero = 2 * -(-c // 32), np.float32(0)
    to = planes
    for py in range(vertical):
        for px in range(horizontal):
            first = min(pitch, max(0, -(-(left - px) // stride_w)))
            end = max(first, min(pitch, (w - 1 + left - px) // stride_w + 1))
            for row in range(rows):
                iy, to_row = (oy + row) * stride_h + py - top, to + row * pitch * 64
                if 0 <= iy < h:
                    at = ((image * h + iy) * w + first * stride_w + px - left) * x_stride
                    fill_rows(zero, to_row, plane_bytes // 4, halves, first * POSITION_FLOATS)
                    split_rows(x + at * 4, stride_w * x_stride, end - first, c, gate, to_row + first * 64, plane_bytes)
                    fill_rows(zero, to_row + end * 64, plane_bytes // 4, halves, (pitch - end) * POSITION_FLOATS)
                else:
                    fill_rows(zero, to_row, plane_bytes // 4, halves, pitch * POSITION_FLOATS)
            to += (rows * pitch + SIDE) * 64


@inline
def bands(
    x, x_stride, c, geometry, phases, taps, gate, gate_stride, w, bias, r, r_stride, y, y_stride, n, lo, hi, act,
    scratch, band, p0, p1,
):  # fmt: skip
    """Output rows p0 .. p1 of the batch, ``band`` at a time; addresses in bytes."""
    _, _, out_h, out_w, kh, kw, stride_h, stride_w, _, _, _, _ = geometry
    planes = scratch + SUMS_FLOATS * 4
    pitch, plane_bytes = phases[3], phases[4]
    as_it_lies = kh * kw * stride_h * stride_w == 1  # then the rows of a band follow one another without a border
    p = p0
    while p < p1:
        image, oy = p // out_h, p % out_h
        rows = min(band, p1 - p, out_h - oy)
        own_gate = gate + image * gate_stride * 4 if gate != 0 else gate
        if as_it_lies:
            split_rows(x + p * out_w * x_stride * 4, x_stride, rows * out_w, c, own_gate, planes, plane_bytes)
        else:
            reached = (phases[0], phases[1], phases[2] - (band - rows), pitch, plane_bytes)
            split_band(x, x_stride, c, geometry, reached, image, oy, own_gate, planes)
        positions = (rows - 1) * pitch + out_w
        tile_panels(
            planes, plane_bytes, taps, kh * kw, -(-c // 32), positions, positions if as_it_lies else pitch,
            positions if as_it_lies else out_w, w, bias,
            r + p * out_w * r_stride * 4, r_stride, y + p * out_w * y_stride * 4, y_stride, n, lo, hi, act, scratch,
        )  # fmt: skip
        p += rows


@jit
def conv2d(
    x, x_stride, c, geometry, phases, taps, gate, gate_stride, w, bias, r, r_stride, y, y_stride, n, lo, hi, act,
    scratch, band, rows,
):  # fmt: skip
    """clip(conv2d(gate * x) + bias + r), band after band."""
    bands(
        x.ctypes.data, x_stride, c, geometry, phases, taps.ctypes.data, gate.ctypes.data if gate_stride else 0,
        gate_stride, w.ctypes.data, bias.ctypes.data, r.ctypes.data, r_stride, y.ctypes.data, y_stride, n, lo, hi, act,
        scratch.ctypes.data, band, 0, rows,
    )  # fmt: skip


@jit_parallel
def conv2d_parallel(
    x, x_stride, c, geometry, phases, taps, gate, gate_stride, w, bias, r, r_stride, y, y_stride, n, lo, hi, act,
    scratch, band, rows, row_parts, column_parts,
):  # fmt: skip
    """`conv2d` in row_parts x column_parts pieces; each has its own part of the scratch."""
    share, panels = scratch.size // (row_parts * column_parts), -(-n // SIDE)
    panel_floats = taps.size * -(-c // 32) * SIDE * 32
    for part in prange(row_parts * column_parts):
        i, j = part // column_parts, part % column_parts
        n0, n1 = panels * j // column_parts * SIDE, min(n, panels * (j + 1) // column_parts * SIDE)
        bands(
            x.ctypes.data, x_stride, c, geometry, phases, taps.ctypes.data, gate.ctypes.data if gate_stride else 0,
            gate_stride, w.ctypes.data + n0 // SIDE * panel_floats * 4, bias.ctypes.data + n0 * 4,
            r.ctypes.data + n0 * 4, r_stride, y.ctypes.data + n0 * 4, y_stride, n1 - n0, lo, hi, act,
            scratch.ctypes.data + part * share * 4, band, rows * i // row_parts, rows * (i + 1) // row_parts,
        )  # fmt: skip


class _Bf16x3(Kernel):
    """What plain and gated convolutions share."""

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        n, c, kh, kw = problem.params["weight"].shape
        self.geometry = self._geometry(problem)
        _, _, out_h, out_w, _, _, stride_h, stride_w, _, _, dilation_h, dilation_w = self.geometry
        reach_h, reach_w = (kh - 1) * dilation_h // stride_h, (kw - 1) * dilation_w // stride_w
        vertical, horizontal = min(stride_h, (kh - 1) * dilation_h + 1), min(stride_w, (kw - 1) * dilation_w + 1)
        images = np.prod(problem.outputs[0]) // (n * out_h * out_w)
        self.rows, pitch, threads = int(images) * out_h, out_w + reach_w, problem.threads
        self.parts = self._parts(out_w, n, threads)
        row_floats = vertical * horizontal * pitch * depth_blocks(c) * 2 * POSITION_FLOATS
        weights = kh * kw * c * n
        fitting = max(BAND_FLOATS, min(weights, 2 * BAND_FLOATS)) // row_floats - reach_h
        self.band = max(1, min(fitting, -(-self.rows // self.parts[0]), out_h))
        positions = (self.band + reach_h) * pitch + SIDE
        plane_bytes = vertical * horizontal * positions * 64
        self.phases = Phases(vertical, horizontal, self.band + reach_h, pitch, plane_bytes)
        self.positions = positions
        self.scratch_floats = threads * (SUMS_FLOATS + plane_bytes // 4 * 2 * depth_blocks(c))
        self.taps = np.array(
            [
                (i % stride_h * horizontal + j % stride_w) * positions * 64
                + (i // stride_h * pitch + j // stride_w) * 64
                for i in range(0, kh * dilation_h, dilation_h)
                for j in range(0, kw * dilation_w, dilation_w)
            ],
            np.int64,
        )

    def _geometry(self, problem: Problem) -> tuple[int, ...]:
        raise NotImplementedError

    def _parts(self, out_w: int, n: int, threads: int) -> tuple[int, int]:
        if self.rows * out_w >= 2 * SIDE * threads or n < 2 * SIDE:
            return threads, 1
        return 1, threads

    @classmethod
    def pack(cls, problem: Problem) -> tuple[np.ndarray, np.ndarray]:
        weight = problem.params["weight"]  # (N, C, R, S)
        n, c = weight.shape[:2]
        taps = weight.transpose(2, 3, 1, 0).reshape(-1, c, n)
        return pack_tiles(taps), pack_bias(problem.params.get("bias"), n)

    def _bind(
        self, x: FeatureMap, gate: FeatureMap | None, r: tuple[np.ndarray, int], y: FeatureMap, scratch: np.ndarray
    ) -> Bound:
        w, bias = self.packed
        gate_data, gate_stride = (gate.data, gate.pixel_stride) if gate else (x.data, 0)
        args = (
            x.data, x.pixel_stride, x.c, self.geometry, tuple(self.phases), self.taps, gate_data, gate_stride, w, bias,
            *r, y.data, y.pixel_stride, y.c, *ending(self.problem.op.activation), scratch, self.band, self.rows,
        )  # fmt: skip
        return partial(conv2d, *args) if self.problem.threads == 1 else partial(conv2d_parallel, *args, *self.parts)


class Bf16x3(_Bf16x3):
    """One group, zero padding: any kernel, stride, padding and dilation."""

    op = "conv2d"
    name = "bf16x3"

    def _geometry(self, problem: Problem) -> tuple[int, ...]:
        geometry = window_geometry(problem)
        if geometry[4:10] == (1, 1, 1, 1, 0, 0):  # the batch is one long column of pixels
            pixels = problem.outputs[0][0] * geometry[2] * geometry[3]
            return (pixels, 1, pixels, 1, *geometry[4:])
        return geometry

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = problem.op
        assert isinstance(op, Conv2d)
        return amx.available() and op.groups == 1 and op.padding_mode == "zeros" and op.activation in FUSED

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        return self._bind(inputs[0], None, residual_of(inputs, outputs[0]), outputs[0], scratch)


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
        return self._bind(x, gate, residual_of([x, *rest], outputs[0]), outputs[0], scratch)


KERNELS = (Bf16x3, GatedBf16x3)
