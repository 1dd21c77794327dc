"""A gate and the pointwise convolution behind it: W (g * x) = (W diag(g)) x, so the weights are scaled, not the map.

A map of 56x56 pixels with 24 filters behind it has 130 times as many values as there are weights.  Each image of a
batch has a gate, and thus weights, of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import Address, Epilogue, Rows
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.matmul.gemm import (
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
from tinyinfer.kernels.parallel.parts import own_memory, own_units
from tinyinfer.kernels.parallel.task import task
from tinyinfer.ops.convolution.gated_conv2d import GatedConv2d

AHEAD = 64  # rows of a panel fetched before they are scaled: weights come from afar


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


class Sizes(NamedTuple):
    """Of a batch: its images, the pixels of each, and the channels in and out."""

    images: int
    pixels: int
    k: int
    n: int


@task
def gated_pointwise(
    part, parts, x: Rows, sizes: Sizes, gate: Rows, w: Address, y: Rows, epilogue: Epilogue, workspace, by_panels
):
    """y[pixels, n] = clip(x[pixels, k] @ (gate * w) + bias + residual), the weights scaled anew for each image.

    Pixels are dealt out by whole images if they are as many for each thread, else by whole tiles, and each thread
    scales all weights of its images: one that scales a panel for others keeps them waiting.  Of few pixels
    each thread takes all, and scales the panels that it multiplies.
    """
    images, pixels, k, n = sizes
    p, p1 = own_units(part, images * pixels, pixels if images % parts == 0 else MR, parts)
    n0, n1 = 0, n
    if by_panels:
        p, p1 = 0, images * pixels
        n0, n1 = own_columns(part, parts, pixels, n)
    scaled = own_memory(part, workspace, parts).ctypes.data
    while p < p1:
        image = p // pixels
        end = min(p1, (image + 1) * pixels)
        for start in range(n0, n1, NR):
            at = start * k * 4
            scale_panel(w + at, gate.at(image).address, k, min(NR, n - start), scaled + at)
        if by_panels:
            gemm_part(part, parts, x.at(p), end - p, k, scaled, y.at(p), n, epilogue.at(p))
        else:
            gemm_rows(part, parts, p, end, x, k, scaled, y, n, epilogue)
        p = end


class GatedPointwise(Kernel):
    """A gate and a 1x1 convolution."""

    op = "gated_conv2d"
    name = "scaled_weights"

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        m, k = problem.params["weight"].shape[:2]
        self.workspace_floats = problem.threads * packed_size(k, m)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, GatedConv2d)
        return problem.op.activation in FUSED

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        weight = layer.params["weight"]
        return pack_panels(weight[:, :, 0, 0].T), pack_bias(layer.params.get("bias"), weight.shape[0])

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, gate, *rest = inputs
        (w, bias), y = self.packed, outputs[0]
        assert isinstance(self.problem.op, GatedConv2d)
        sizes, by_panels = Sizes(x.n, x.h * x.w, x.c, y.c), few_rows(x.h * x.w, self.problem.threads)
        epilogue = Epilogue.of(self.problem.op.activation, bias, [x, *rest], y)
        return gated_pointwise.bind(
            self.problem.threads, Rows.of(x), sizes, Rows.of(gate), Address.of(w), Rows.of(y), epilogue, workspace,
            by_panels,
        )  # fmt: skip


KERNELS = (GatedPointwise,)
