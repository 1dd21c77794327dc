"""Pointwise convolution and linear layers: in NHWC, a 1x1 convolution is a matrix product as it stands.

The pixels are the rows and the channels the columns, so nothing is copied or rearranged (lesson 02).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import Address, Epilogue, Rows
from tinyinfer.kernels.arguments.windows import is_pointwise
from tinyinfer.kernels.base import ANY_RANK, ROWS, Bound, FeatureMap, Kernel, Layer, Layout, Problem
from tinyinfer.kernels.matmul.gemm import MR, few_rows, gemm_part, gemm_rows, pack_bias, pack_panels
from tinyinfer.kernels.parallel.parts import own_units
from tinyinfer.kernels.parallel.task import task
from tinyinfer.ops.base import Op
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.linear import Linear


@task
def pointwise(part, parts, x: Rows, pixels, k, w: Address, y: Rows, n, epilogue: Epilogue, by_panels):
    """y[pixels, n] = clip(x[pixels, k] @ w + bias + residual), dealt out in whole tiles."""
    if by_panels:
        gemm_part(part, parts, x, pixels, k, w, y, n, epilogue)
    else:
        p0, p1 = own_units(part, pixels, MR, parts)
        gemm_rows(part, parts, p0, p1, x, k, w, y, n, epilogue)


class _MatrixProduct(Kernel):
    """What the two operators share once their weights are a [K, N] matrix."""

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        (w, bias), threads = self.packed, self.problem.threads
        epilogue = Epilogue.of(self.problem.op.activation, bias, inputs, y)
        by_panels = few_rows(x.pixels, threads)
        return pointwise.bind(threads, Rows.of(x), x.pixels, x.c, Address.of(w), Rows.of(y), y.c, epilogue, by_panels)


class Pointwise(_MatrixProduct):
    """A 1x1 convolution, stride 1, one group."""

    op = "conv2d"
    name = "pointwise"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = problem.op
        assert isinstance(op, Conv2d)
        return is_pointwise(problem) and op.groups == 1 and op.activation in FUSED

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        weight = layer.params["weight"]
        return pack_panels(weight[:, :, 0, 0].T), pack_bias(layer.params.get("bias"), weight.shape[0])


class LinearGemm(_MatrixProduct):
    """A linear layer on rows: one an image, or of whatever shape (..., C) the input is."""

    op = "linear"
    name = "gemm"
    ranks = ANY_RANK

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Linear)
        return problem.op.activation in FUSED

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return ROWS

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        weight = layer.params["weight"]
        return pack_panels(weight.T), pack_bias(layer.params.get("bias"), weight.shape[0])


KERNELS = (Pointwise, LinearGemm)
