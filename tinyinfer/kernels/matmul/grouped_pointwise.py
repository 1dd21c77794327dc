"""Grouped 1x1 convolution: a matrix product for each group, its channels read and written where they lie.

Blocks of pixels are outermost, so that all groups pass over one while it is in cache: each alone would use but a part
of the cache lines it brings in.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import Epilogue, Groups, Rows, Segments
from tinyinfer.kernels.arguments.windows import is_pointwise
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.matmul.gemm import BLOCK_FLOATS, MR, NR, gemm_segments, pack_bias, pack_panels
from tinyinfer.kernels.matmul.joined_groups import group_count, joined_weight
from tinyinfer.kernels.parallel.parts import own_units
from tinyinfer.kernels.parallel.task import task
from tinyinfer.ops.convolution.conv2d import Conv2d


@task
def grouped_pointwise(part, parts, x: Rows, pixels, w, y: Rows, groups: Groups, epilogue: Epilogue, block):
    """clip(x @ w + bias + residual), group by group, the panels and biases of which follow one another."""
    p0, p1 = own_units(part, pixels, MR, parts)
    k, n, w_group, bias_group = groups.c, groups.n, w.size // groups.number * 4, -(-groups.n // NR) * NR * 4
    for p in range(p0, p1, block):
        for g in range(groups.number):
            gemm_segments(
                x.at(p, g * k), min(block, p1 - p), Segments(1, 0, k), w.ctypes.data + g * w_group, y.at(p, g * n), n,
                epilogue.at(p, g * n).with_bias(epilogue.bias + g * bias_group),
            )  # fmt: skip


class GroupedPointwise(Kernel):
    """A 1x1 convolution, stride 1, of several groups."""

    op = "conv2d"
    name = "grouped_pointwise"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = problem.op
        assert isinstance(op, Conv2d)
        return is_pointwise(problem) and op.groups > 1 and op.activation in FUSED

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        matrices, bias = joined_weight(layer)[..., 0, 0], layer.params.get("bias")
        groups, n, _ = matrices.shape
        biases = np.split(bias, groups) if bias is not None else [None] * groups
        return pack_panels(*matrices.transpose(0, 2, 1)), np.concatenate([pack_bias(b, n) for b in biases])

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y, op, threads = inputs[0], outputs[0], self.problem.op, self.problem.threads
        assert isinstance(op, Conv2d)
        (w, bias), count = self.packed, group_count(self.problem)
        block, groups = max(1, BLOCK_FLOATS // (x.c + y.c) // MR) * MR, Groups(count, x.c // count, y.c // count)
        epilogue = Epilogue.of(op.activation, bias, inputs, y)
        return grouped_pointwise.bind(threads, Rows.of(x), x.pixels, w, Rows.of(y), groups, epilogue, block)


KERNELS = (GroupedPointwise,)
