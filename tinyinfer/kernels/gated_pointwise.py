"""A gate and the pointwise convolution behind it: W (g * x) = (W diag(g)) x, so the weights are scaled, not the map.

A map of 56x56 pixels with 24 filters behind it has 130 times as many values as there are weights.  Each image of a
batch has a gate, and thus weights, of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numba import prange

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.endings import FUSED, ending, residual_of
from tinyinfer.kernels.gemm import MR, NR, NV, gemm, pack_bias, pack_panels, packed_size
from tinyinfer.kernels.jit import inline, jit, jit_parallel
from tinyinfer.kernels.simd import vector_function
from tinyinfer.ops.gated_conv2d import GatedConv2d

AHEAD = 64  # rows of a panel fetched before they are scaled: weights come from afar, 0.97 of the time with 16


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
    threads,
):  # fmt: skip
    """`gated_pointwise` with the pixels dealt out, whole images if they are as many for each thread, else whole tiles.

    Each thread scales all weights of its images: dealing out panels instead leaves threads waiting for each other
    (1.2 times as long at 28x28 and 14x14).
    """
    unit = image_pixels if pixels // image_pixels % threads == 0 else MR
    units, share = -(-pixels // unit), scaled.size // threads
    for t in prange(threads):
        gated_part(
            x.ctypes.data, x_stride, image_pixels, k, gate.ctypes.data, gate_stride, w.ctypes.data, bias.ctypes.data,
            r.ctypes.data, r_stride, y.ctypes.data, y_stride, n, lo, hi, act, scaled.ctypes.data + t * share * 4,
            units * t // threads * unit, min(pixels, units * (t + 1) // threads * unit),
        )  # fmt: skip


class GatedPointwise(Kernel):
    """A gate and a 1x1 convolution."""

    op = "gated_conv2d"
    name = "scaled_weights"

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        m, k = problem.params["weight"].shape[:2]
        self.scratch_floats = problem.threads * packed_size(k, m)

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
        threads = self.problem.threads
        return partial(gated_pointwise, *args) if threads == 1 else partial(gated_pointwise_parallel, *args, threads)


KERNELS = (GatedPointwise,)
