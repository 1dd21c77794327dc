"""A gate and the pointwise convolution behind it: W (g * x) = (W diag(g)) x, so the weights are scaled, not the map.

A map of 56x56 pixels with 24 filters behind it has 130 times as many values as there are weights, and scaling them
stays in cache.  Each image of a batch has a gate, and thus weights, of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numba import prange

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.endings import FUSED, ending, residual_of
from tinyinfer.kernels.gemm import MR, NR, NV, gemm, pack_bias, pack_panels, packed_size
from tinyinfer.kernels.jit import inline, jit, jit_parallel
from tinyinfer.kernels.simd import LANES, vector_function
from tinyinfer.ops.gated_conv2d import GatedConv2d

AHEAD = 16  # rows of a panel


@vector_function(w="address", gate="address", k_size="int", columns="int", scaled="address")
def scale_panel(v, w, gate, k_size, columns, scaled):
    """scaled[K, width] = gate[K, 1] * w[K, width], one panel as `pack_panels` makes them."""
    with v.either(columns > LANES) as (wide, narrow):
        for width, vectors in ((wide, NV), (narrow, 1)):
            with width, v.loop(k_size) as k:
                factor = v.load_broadcast(gate, k)
                for j in range(vectors):
                    at = (k * vectors + j) * LANES
                    v.prefetch(w, at + AHEAD * NR)
                    v.store(v.mul(v.load(w, at), factor), scaled, at)


@inline
def gated_part(
    x, x_stride, image_pixels, k, gate, gate_stride, w, bias, r, r_stride, y, y_stride, n, lo, hi, act, scaled, p0, p1
):
    """Pixels p0 .. p1 of the batch, the weights scaled anew for each image among them; addresses in bytes."""
    p = p0
    while p < p1:
        image = p // image_pixels
        end = min(p1, (image + 1) * image_pixels)
        for start in range(0, n, NR):
            at = start * k * 4
            scale_panel(w + at, gate + image * gate_stride * 4, k, min(NR, n - start), scaled + at)
        gemm(
            x + p * x_stride * 4, x_stride, end - p, k, scaled, bias, r + p * r_stride * 4, r_stride,
            y + p * y_stride * 4, y_stride, n, lo, hi, act,
        )  # fmt: skip
        p = end


@jit
def gated_pointwise(
    x, x_stride, pixels, image_pixels, k, gate, gate_stride, w, bias, r, r_stride, y, y_stride, n, lo, hi, act, scaled
):
    """y[pixels, n] = clip(x[pixels, k] @ (gate * w) + bias + r)."""
    gated_part(
        x.ctypes.data, x_stride, image_pixels, k, gate.ctypes.data, gate_stride, w.ctypes.data, bias.ctypes.data,
        r.ctypes.data, r_stride, y.ctypes.data, y_stride, n, lo, hi, act, scaled.ctypes.data, 0, pixels,
    )  # fmt: skip


@jit_parallel
def gated_pointwise_parallel(
    x, x_stride, pixels, image_pixels, k, gate, gate_stride, w, bias, r, r_stride, y, y_stride, n, lo, hi, act, scaled,
    row_parts, column_parts,
):  # fmt: skip
    """`gated_pointwise` in row_parts x column_parts pieces, each of which scales the weights it needs."""
    tiles, panels = -(-pixels // MR), -(-n // NR)
    share = scaled.size // (row_parts * column_parts)
    for part in prange(row_parts * column_parts):
        i, j = part // column_parts, part % column_parts
        p0, p1 = tiles * i // row_parts * MR, min(pixels, tiles * (i + 1) // row_parts * MR)
        n0, n1 = panels * j // column_parts * NR, min(n, panels * (j + 1) // column_parts * NR)
        gated_part(
            x.ctypes.data, x_stride, image_pixels, k, gate.ctypes.data, gate_stride, w.ctypes.data + n0 * k * 4,
            bias.ctypes.data + n0 * 4, r.ctypes.data + n0 * 4, r_stride, y.ctypes.data + n0 * 4, y_stride, n1 - n0,
            lo, hi, act, scaled.ctypes.data + part * share * 4, p0, p1,
        )  # fmt: skip


def partition(problem: Problem) -> tuple[int, int]:
    """(row_parts, column_parts)."""
    return problem.threads, 1


class GatedPointwise(Kernel):
    """A gate and a 1x1 convolution."""

    op = "gated_conv2d"
    name = "scaled_weights"

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        m, k = problem.params["weight"].shape[:2]
        row_parts, column_parts = self.parts = partition(problem)
        width = -(-(-(-m // NR)) // column_parts) * NR  # of the widest part
        self.scratch_floats = row_parts * column_parts * packed_size(k, min(m, width))

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, GatedConv2d)
        return problem.op.activation in FUSED

    @classmethod
    def pack(cls, problem: Problem) -> tuple[np.ndarray, np.ndarray]:
        weight = problem.params["weight"]
        return pack_panels(weight[:, :, 0, 0].T), pack_bias(problem.params.get("bias"), weight.shape[0])

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        x, gate, *rest = inputs
        (w, bias), y = self.packed, outputs[0]
        assert isinstance(self.problem.op, GatedConv2d)
        args = (
            x.data, x.pixel_stride, x.pixels, x.h * x.w, x.c, gate.data, gate.pixel_stride, w, bias,
            *residual_of([x, *rest], y), y.data, y.pixel_stride, y.c, *ending(self.problem.op.activation), scratch,
        )  # fmt: skip
        return partial(gated_pointwise, *args) if self.problem.threads == 1 else partial(gated_pointwise_parallel, *args, *self.parts)


KERNELS = (GatedPointwise,)
