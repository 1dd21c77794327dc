"""1x1 convolutions and linear layers of codes: their pixels are the rows of a matrix product, group by group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.arguments.windows import is_pointwise
from tinyinfer.kernels.base import ANY_RANK, ROWS, Bound, FeatureMap, Kernel, Layer, Layout, Problem
from tinyinfer.kernels.codegen.dot_products import PAIRED
from tinyinfer.kernels.codegen.structs import Address
from tinyinfer.kernels.parallel.parts import own_memory, own_units
from tinyinfer.kernels.parallel.task import task
from tinyinfer.kernels.quantized.byte_gemm import FEW_ROWS, UNIT, copy_pays, multiply_rows, product_bytes
from tinyinfer.kernels.quantized.byte_panels import NR, Runs
from tinyinfer.kernels.quantized.epilogue.folding import signed_weight
from tinyinfer.kernels.quantized.epilogue.requantize import Requantize, Results
from tinyinfer.kernels.quantized.packed_layer import PackedLayer, WeightGroups, pack_layer
from tinyinfer.ops.base import Op
from tinyinfer.ops.quantized.requantization import FLOAT
from tinyinfer.ops.quantized.weights import QuantizedLayer

ONE_RUN = np.zeros(1, np.int64)  # the offset of the only run of a matrix product


def takes_codes(problem: Problem) -> bool:
    """Whether a layer reads unsigned codes, and writes such or floats."""
    op = problem.op
    assert isinstance(op, QuantizedLayer)
    codes = set(problem.input_dtypes) == {"uint8"} and problem.output_dtypes[0] in ("uint8", FLOAT)
    return codes and op.activation in FUSED


@task
def matrix_product(
    part, parts, x: ByteRows, pixels, weights: WeightGroups, y: Results, epilogue: Requantize, by_panels, copies, memory
):  # fmt: skip
    """y[pixels, n] for each group: rows are dealt out in whole tiles, or panels where rows are few."""
    own = own_memory(part, memory, parts).ctypes.data
    k, n = weights.first.runs.size, weights.first.n
    end = x.at(pixels - 1, weights.number * k).address
    (n0, n1), (p0, p1) = own_units(part, n, NR, parts), (0, pixels)
    if not by_panels:
        (n0, n1), (p0, p1) = (0, n), own_units(part, pixels, UNIT, parts)
    for g in range(weights.number):
        group, columns = weights.group(g).columns(n0, n1), g * weights.column_bytes
        last = epilogue.at(p0, g * n)
        last = last.with_columns(epilogue.bias + columns, epilogue.multiplier + columns).at(0, n0)
        multiply_rows(x.at(p0, g * k), end, p1 - p0, group, y.at(p0, g * n + n0), last, copies, own)


def by_panels(rows: int, n: int, threads: int) -> bool:
    """Whether panels are dealt out and not rows, of which a thread would get too few for all weights to pass over."""
    return rows < 2 * UNIT * threads and n >= 2 * NR


def unsteady(k: int) -> bool:
    """Whether what is read behind rows of k codes counts, and so must not change while they are multiplied.

    It may where rows are parts of wider ones, as in a concat: the layer's results could be the next part.
    """
    return PAIRED and k % 4 != 0


class _MatrixProduct(Kernel):
    """What the two operators share."""

    name: ClassVar[str] = "matrix_product"
    dtypes = ("uint8", "float32")
    tolerance = 1.0  # of codes, where the activation is a formula; else they are the reference's

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        k, n = self._channels() // packed.groups, len(problem.params["weight"])
        self.may_copy = (packed.groups == 1 and copy_pays(k, n)) or unsteady(k)
        self.workspace_floats = -(-product_bytes(k, self.may_copy) // 64) * 16 * problem.threads

    def _channels(self) -> int:
        raise NotImplementedError

    @classmethod
    def pack(cls, layer: Layer) -> PackedLayer:
        return pack_layer(layer, 1)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y, op, packed, threads = inputs[0], outputs[0], self.problem.op, self.packed, self.problem.threads
        assert isinstance(op, QuantizedLayer)
        _, zero = signed_weight(self.problem)
        weights = WeightGroups.of(
            packed, Runs(Address.of(ONE_RUN), 1, x.c // packed.groups), y.c // packed.groups, zero
        )
        epilogue = Requantize.of(op, packed.bias, packed.multiplier, inputs, y)
        return matrix_product.bind(
            threads, ByteRows.of(x), x.pixels, weights, Results.of(y), epilogue,
            packed.groups == 1 and by_panels(x.pixels, y.c, threads),
            self._copies(x, y), workspace,
        )  # fmt: skip

    def _copies(self, x: FeatureMap, y: FeatureMap) -> bool:
        """Whether all rows are copied before they are multiplied."""
        if unsteady(x.c // self.packed.groups) and x.pixel_stride != x.c:
            return True
        return bool(self.may_copy and copy_pays(x.pixel_stride, y.c) and x.pixels > FEW_ROWS)


class Pointwise(_MatrixProduct):
    """A 1x1 convolution, stride 1, of any groups."""

    op = "quantized_conv2d"
    name = "pointwise"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return is_pointwise(problem) and takes_codes(problem)

    def _channels(self) -> int:
        return self.problem.inputs[0][1]


class Linear(_MatrixProduct):
    """A linear layer on rows: one an image, or of whatever shape (..., C) the input is."""

    op = "quantized_linear"
    name = "gemm"
    ranks = ANY_RANK

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return takes_codes(problem)

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return ROWS

    def _channels(self) -> int:
        return self.problem.inputs[0][-1]


KERNELS = (Pointwise, Linear)
