"""Convolution without im2col: the GEMM microkernel reads the windows where they lie.

In NHWC one row of a window, kernel_width * channels floats, is contiguous once the image has its border, and the
windows of neighbouring pixels are stride * channels floats apart.  So a tile of output pixels is a GEMM whose K
comes in kernel_height segments.  Where there is a border, each band of input rows goes into padded workspace in L2,
once; im2col would copy it kernel_height * kernel_width / stride**2 times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import Epilogue, Groups, Rows, Segments
from tinyinfer.kernels.arguments.windows import Geometry, window_geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Planes, Problem
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.memory import copy_padded_row, fill_rows
from tinyinfer.kernels.matmul.gemm import BLOCK_FLOATS, NR, gemm_segments, pack_bias, pack_panels
from tinyinfer.kernels.matmul.joined_groups import group_count, joined_weight
from tinyinfer.kernels.movement.interleave import interleave_3
from tinyinfer.kernels.parallel.atomic import load
from tinyinfer.kernels.parallel.parts import own_memory, own_range
from tinyinfer.kernels.parallel.task import task
from tinyinfer.ops.convolution.conv2d import Conv2d


class Bands(NamedTuple):
    """Rows of outputs of a band, how many of them, and whether their windows are read where the inputs lie."""

    rows: int
    number: int
    in_place: bool


@inline
def interleave_padded_row(x, plane, w, left, width, to):
    """A row of three planes, ``plane`` bytes apart, into to[width, 3], as `copy_padded_row` does one of pixels."""
    left = min(left, width)
    zero, real = np.float32(0), min(w, width - left)
    fill_rows(zero, to, 0, 1, left * 3)
    interleave_3(Rows(x, 0), Rows(x + plane, 0), Rows(x + 2 * plane, 0), Rows(to + left * 12, 0), 1, real)
    fill_rows(zero, to + (left + real) * 12, 0, 1, (width - left - real) * 3)


@inline
def copy_padded_rows(x, c, geometry, image, first, count, width, band):
    """Rows first .. first + count of an image into band[count, width, c], zeros where there is no pixel.

    ``x`` has a stride of 0 where it is three planes.
    """
    h, w = geometry.h, geometry.w
    for row in range(count):
        iy, to = first + row, band + row * width * c * 4
        if 0 <= iy < h:
            if x.stride > 0:
                copy_padded_row(x.at((image * h + iy) * w), c, w, geometry.left, width, to)
            else:
                interleave_padded_row(x.address + (image * 3 * h + iy) * w * 4, h * w * 4, w, geometry.left, width, to)
        else:
            fill_rows(np.float32(0), to, 0, 1, width * c)


@task
def direct(
    part, parts, x: Rows, groups: Groups, geometry: Geometry, w, y: Rows, epilogue: Epilogue, bands: Bands, workspace
):
    """clip(conv2d + bias + residual) in bands of output rows of one image, each part with its own workspace.

    An ``x`` with a stride of 0 tells where the address of three planes is.
    """
    band, (b0, b1) = np.intp(own_memory(part, workspace, parts).ctypes.data), own_range(part, bands.number, parts)
    source = x if x.stride > 0 else Rows(load(x.address), 0)
    count, c, n = groups
    _, width, out_h, out_w, kh, kw, stride_h, stride_w, top, _, dilation_h, _ = geometry
    padded = (out_w - 1) * stride_w + kw
    pixel, line = (x.stride, width * x.stride) if bands.in_place else (c, padded * c)
    bands_per_image, w_group, bias_group = -(-out_h // bands.rows), w.size // count, -(-n // NR) * NR
    segments = Segments(kh, dilation_h * line, kw * c)
    for b in range(b0, b1):
        image, oy = b // bands_per_image, b % bands_per_image * bands.rows
        rows, iy = min(bands.rows, out_h - oy), oy * stride_h - top
        in_rows = (rows - 1) * stride_h + (kh - 1) * dilation_h + 1
        for g in range(count):
            if bands.in_place:
                windows = source.address + ((image * geometry.h + iy) * line + g * c) * 4
            else:
                copy_padded_rows(source.at(0, g * c), c, geometry, image, iy, in_rows, padded, band)
                windows = band
            for start in range(0, n, NR):  # outermost, so that one panel of weights stays in cache for the whole band
                panel = w.ctypes.data + (g * w_group + start * kh * kw * c) * 4
                bias = epilogue.bias + (g * bias_group + start) * 4
                for row in range(rows):
                    p, channel = (image * out_h + oy + row) * out_w, g * n + start
                    gemm_segments(
                        Rows(windows + row * stride_h * line * 4, stride_w * pixel), out_w, segments, panel,
                        y.at(p, channel), min(NR, n - start), epilogue.at(p, channel).with_bias(bias),
                    )  # fmt: skip


class Direct(Kernel):
    """No horizontal dilation, zero padding."""

    op = "conv2d"
    name = "direct"

    def __init__(self, problem: Problem, packed: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__(problem, packed)
        h, w, out_h, out_w, kh, kw, stride_h, stride_w, top, left, dilation_h, _ = window_geometry(problem)
        self.groups = group_count(problem)
        padded = (out_w - 1) * stride_w + kw
        padded_row = padded * problem.inputs[0][1] // self.groups
        self.inside = top == left == 0 and padded <= w and (out_h - 1) * stride_h + (kh - 1) * dilation_h < h
        fits = max(1, (BLOCK_FLOATS // padded_row - (kh - 1) * dilation_h - 1) // stride_h + 1)
        batch, threads = problem.inputs[0][0], problem.threads
        share = 1 if batch % threads == 0 else threads  # of three bands one of two threads gets two
        bands_per_image = -(-out_h // (fits * share)) * share
        self.band_rows = -(-out_h // bands_per_image)
        self.bands = batch * -(-out_h // self.band_rows)
        in_rows = (self.band_rows - 1) * stride_h + (kh - 1) * dilation_h + 1
        self.reads_planes = problem.inputs[0][1] == 3 and self.groups == 1
        never_copied = self.inside and kw == 1 and not self.reads_planes
        self.workspace_floats = 0 if never_copied else in_rows * padded_row * problem.threads

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = problem.op
        assert isinstance(op, Conv2d)
        narrow = op.dilation[1] == 1 or problem.params["weight"].shape[3] == 1
        return narrow and op.padding_mode == "zeros" and op.activation in FUSED

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        weight, bias = joined_weight(layer), layer.params.get("bias")
        groups, n = weight.shape[:2]
        biases = np.split(bias, groups) if bias is not None else [None] * groups
        panels = pack_panels(*weight.transpose(0, 3, 4, 2, 1))
        return panels, np.concatenate([pack_bias(b, n) for b in biases])

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        (w, bias), groups, threads = self.packed, self.groups, self.problem.threads
        in_one_piece = self.problem.params["weight"].shape[3] == 1 or (groups == 1 and x.pixel_stride == x.c)
        bands = Bands(self.band_rows, self.bands, self.inside and in_one_piece and not isinstance(x, Planes))
        return direct.bind(
            threads, Rows.of(x), Groups(groups, x.c // groups, y.c // groups), window_geometry(self.problem), w,
            Rows.of(y), Epilogue.of(self.problem.op.activation, bias, inputs, y), bands, workspace,
        )  # fmt: skip


KERNELS = (Direct,)
