"""A gate and the pointwise convolution behind it: W (g * x) = (W diag(g)) x, so the weights are scaled, not the map.

A map of 56x56 pixels with 24 filters behind it has 130 times as many values as there are weights.  Each image of a
batch has a gate, and thus weights, of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.endings import FUSED, ending, residual_of
from tinyinfer.kernels.gemm import (
    MR,
    NR,
    NV,
    few_rows,
    gemm_part,
    gemm_rows,
    own_columns,
    pack_bias,
    pack_panels,
    packed_size,
)
from tinyinfer.kernels.parts import own_memory, own_units
from tinyinfer.kernels.simd import vector_function
from tinyinfer.kernels.task import task
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


@task
def gated_pointwise(
    part, parts, x, x_stride, pixels, image_pixels, k, gate, gate_stride, w, bias, r, r_stride, y, y_stride, n, lo, hi,
    act, scratch, by_panels,
):  # fmt: skip
    """y[pixels, n] = clip(x[pixels, k] @ (gate * w) + bias + r), the weights scaled anew for each image.

    Pixels are dealt out by whole images if they are as many for each thread, else by whole tiles, and each thread
    scales all weights of its images: one that scales a panel for others keeps them waiting (1.2 times as long at 28x28
    and 14x14).  Of few pixels each thread takes all, and scales the panels that it multiplies.
    """
    unit = image_pixels if pixels // image_pixels % parts == 0 else MR
    p, p1 = own_units(part, pixels, unit, parts)
    n0, n1 = 0, n
    if by_panels:
        p, p1 = 0, pixels
        n0, n1 = own_columns(part, parts, image_pixels, n)
    scaled, w_at, b_at = own_memory(part, scratch, parts).ctypes.data, w.ctypes.data, bias.ctypes.data
    x_start, r_start, y_start = x.ctypes.data, r.ctypes.data, y.ctypes.data
    while p < p1:
        image = p // image_pixels
        end = min(p1, (image + 1) * image_pixels)
        for start in range(n0, n1, NR):
            at = start * k * 4
            scale_panel(w_at + at, gate.ctypes.data + image * gate_stride * 4, k, min(NR, n - start), scaled + at)
        if by_panels:
            x_at, r_at, y_at = x_start + p * x_stride * 4, r_start + p * r_stride * 4, y_start + p * y_stride * 4
            gemm_part(
                part, parts, x_at, x_stride, end - p, k, scaled, b_at, r_at, r_stride, y_at, y_stride, n, lo, hi, act
            )
        else:
            gemm_rows(
                part, parts, p, end, x_start, x_stride, k, scaled, b_at, r_start, r_stride, y_start, y_stride, n, lo,
                hi, act,
            )  # fmt: skip
        p = end


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
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        weight = layer.params["weight"]
        return pack_panels(weight[:, :, 0, 0].T), pack_bias(layer.params.get("bias"), weight.shape[0])

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        x, gate, *rest = inputs
        (w, bias), y = self.packed, outputs[0]
        assert isinstance(self.problem.op, GatedConv2d)
        return gated_pointwise.bind(
            self.problem.threads, x.data, x.pixel_stride, x.pixels, x.h * x.w, x.c, gate.data, gate.pixel_stride,
            w, bias, *residual_of([x, *rest], y), y.data, y.pixel_stride, y.c, *ending(self.problem.op.activation),
            scratch, few_rows(x.h * x.w, self.problem.threads),
        )  # fmt: skip


KERNELS = (GatedPointwise,)
