"""Tables of 256 codes: by permutes of bytes where the CPU has them, else code by code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.operands import Address, ByteRows
from tinyinfer.kernels.base import ANY_RANK, Bound, FeatureMap, Kernel, Layer, Layout, Problem
from tinyinfer.kernels.codegen.cpu import LANES, has_byte_permutes
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.pages import aligned_empty
from tinyinfer.kernels.parallel.parts import Pieces, as_one_row, own_channels, pieces_of, worthwhile
from tinyinfer.kernels.parallel.task import task
from tinyinfer.ops.base import Op

PERMUTES = has_byte_permutes()
BYTES = 4 * LANES  # in a register


@vector_function(x=ByteRows, table="address", y=ByteRows, rows="int", count="int")
def look_up_rows(v, x, table, y, rows, count):
    """y[row, i] = table[x[row, i]]."""
    (_by_permutes if PERMUTES else _one_by_one)(v, x, table, y, rows, count)


def _by_permutes(v: Any, x: Any, table: Any, y: Any, rows: Any, count: Any) -> None:
    words, end = v.registers(4), count // BYTES * BYTES
    quarters = [words.load_byte_vector(table, quarter * BYTES) for quarter in range(4)]
    mask = words.mask(count - end)
    with v.loop(rows) as row:
        with v.loop(end, BYTES) as at:
            found = words.look_up(quarters, words.load_byte_vector(x.address, row * x.stride + at))
            words.store_byte_vector(found, y.address, row * y.stride + at)
        with v.when(count != end):
            found = words.look_up(quarters, words.load_byte_vector(x.address, row * x.stride + end, mask))
            words.store_byte_vector(found, y.address, row * y.stride + end, mask)


def _one_by_one(v: Any, x: Any, table: Any, y: Any, rows: Any, count: Any) -> None:
    with v.loop(rows) as row, v.loop(count) as at:
        code = v.load_byte(x.address, row * x.stride + at)
        v.store_byte(v.load_byte(table, code), y.address, row * y.stride + at)


@task
def look_up(part, parts, x: ByteRows, table: Address, y: ByteRows, count, pieces: Pieces):
    """Rows of ``count`` codes."""
    p0, p1, first, channels = own_channels(part, parts, count, pieces)
    look_up_rows(x.at(p0, first), table, y.at(p0, first), p1 - p0, channels)


class LookupCodes(Kernel):
    """Any table, of codes of either kind."""

    op = "lookup"
    name: ClassVar[str] = "codes"
    dtypes = ("uint8", "int8")
    ranks = ANY_RANK
    tolerance = 0.0

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return None

    @classmethod
    def pack(cls, layer: Layer) -> np.ndarray:
        """The table's bytes, from that of the smallest code on; `bind` turns them round for signed codes."""
        return np.ascontiguousarray(layer.params["table"]).view(np.uint8)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,) = inputs, outputs
        table = aligned_empty(self.packed.size // 4).view(np.uint8)
        signed = x.data.dtype == np.int8  # bytes from 128 on are below 0
        table[:] = np.roll(self.packed, 128) if signed else self.packed
        rows, count = as_one_row(x, y)
        pieces, parts = pieces_of(rows, count, worthwhile(self.problem.threads, rows * count))
        return look_up.bind(parts, ByteRows.of(x), Address.of(table), ByteRows.of(y), count, pieces)


KERNELS = (LookupCodes,)
