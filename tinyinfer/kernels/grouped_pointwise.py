"""Grouped 1x1 convolution: a matrix product for each group, its channels read and written where they lie.

Blocks of pixels are outermost, so that all groups pass over one while it is in cache: each alone would use but a part
of the cache lines it brings in.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numba import prange

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.endings import FUSED, ending, residual_of
from tinyinfer.kernels.gemm import BLOCK_FLOATS, MR, gemm_segments, pack_bias, pack_panels
from tinyinfer.kernels.jit import inline, jit, jit_parallel
from tinyinfer.ops.conv2d import Conv2d


@inline
def grouped_rows(x, x_stride, k, w, bias, r, r_stride, y, y_stride, n, groups, lo, hi, act, block, p0, p1):
    """Pixels p0 .. p1 of all groups; ``k`` and ``n`` are channels of one group."""
    w_group, b_group = w.size // groups * 4, bias.size // groups * 4
    for p in range(p0, p1, block):
        for g in range(groups):
            gemm_segments(
                x.ctypes.data + (p * x_stride + g * k) * 4, x_stride, min(block, p1 - p), 1, 0, k,
                w.ctypes.data + g * w_group, bias.ctypes.data + g * b_group,
                r.ctypes.data + (p * r_stride + g * n) * 4, r_stride,
                y.ctypes.data + (p * y_stride + g * n) * 4, y_stride, n, lo, hi, act,
            )  # fmt: skip


@jit
def grouped_pointwise(x, x_stride, pixels, k, w, bias, r, r_stride, y, y_stride, n, groups, lo, hi, act, block):
    """clip(x @ w + bias + r), group by group."""
    grouped_rows(x, x_stride, k, w, bias, r, r_stride, y, y_stride, n, groups, lo, hi, act, block, 0, pixels)


@jit_parallel
def grouped_pointwise_parallel(
    x, x_stride, pixels, k, w, bias, r, r_stride, y, y_stride, n, groups, lo, hi, act, block, threads
):
    """`grouped_pointwise` with the pixels dealt out in whole tiles."""
    tiles = -(-pixels // MR)
    for t in prange(threads):
        p0, p1 = tiles * t // threads * MR, min(pixels, tiles * (t + 1) // threads * MR)
        grouped_rows(x, x_stride, k, w, bias, r, r_stride, y, y_stride, n, groups, lo, hi, act, block, p0, p1)


class GroupedPointwise(Kernel):
    """A 1x1 convolution, stride 1, of several groups."""

    op = "conv2d"
    name = "grouped_pointwise"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = problem.op
        assert isinstance(op, Conv2d)
        kernel = problem.params["weight"].shape[2:]
        no_border = op.pads(problem.inputs[0][2:], kernel) == (0, 0, 0, 0)
        return kernel == (1, 1) and op.stride == (1, 1) and op.groups > 1 and no_border and op.activation in FUSED

    @classmethod
    def pack(cls, problem: Problem) -> tuple[np.ndarray, np.ndarray]:
        op, weight, bias = problem.op, problem.params["weight"], problem.params.get("bias")
        assert isinstance(op, Conv2d)
        n = weight.shape[0] // op.groups
        matrices = weight.reshape(op.groups, n, -1)
        biases = np.split(bias, op.groups) if bias is not None else [None] * op.groups
        return np.concatenate([pack_panels(w.T) for w in matrices]), np.concatenate([pack_bias(b, n) for b in biases])

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        x, y, op, threads = inputs[0], outputs[0], self.problem.op, self.problem.threads
        assert isinstance(op, Conv2d)
        w, bias = self.packed
        r, r_stride = residual_of(inputs, y)
        block = max(1, BLOCK_FLOATS // (x.c + y.c) // MR) * MR
        args = (
            x.data, x.pixel_stride, x.pixels, x.c // op.groups, w, bias, r, r_stride, y.data, y.pixel_stride,
            y.c // op.groups, op.groups, *ending(op.activation), block,
        )  # fmt: skip
        return (
            partial(grouped_pointwise, *args) if threads == 1 else partial(grouped_pointwise_parallel, *args, threads)
        )


KERNELS = (GroupedPointwise,)
