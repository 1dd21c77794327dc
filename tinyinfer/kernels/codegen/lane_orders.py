"""Words of the vector language that put lanes in another order: all are shuffles whose indices are known.

LLVM picks the instructions; a shuffle of two registers is one on CPUs with AVX-512.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

_I32 = ir.IntType(32)


class LaneOrders:
    """What `Vectors` can do with lanes."""

    builder: ir.IRBuilder
    lanes: int

    def _shuffle(self, a: ir.Value, b: ir.Value, lanes: list[int]) -> ir.Value:
        """Lanes of two vectors, those of the second counted on from the first's."""
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, self.lanes), lanes))

    def interleave(self, vectors: list[ir.Value]) -> list[ir.Value]:
        """Lane 0 of every vector, then lane 1 of every vector, ...: as many vectors as were given."""
        count = len(vectors)
        elements = [divmod(at, count)[::-1] for at in range(count * self.lanes)]
        return [self._picked(vectors, elements[j * self.lanes : (j + 1) * self.lanes]) for j in range(count)]

    def deinterleave(self, vectors: list[ir.Value]) -> list[ir.Value]:
        """What `interleave` undoes: every ``len(vectors)``-th element, from the first on, the second on, ..."""
        count = len(vectors)
        elements = [divmod(at, self.lanes) for at in range(count * self.lanes)]
        return [self._picked(vectors, elements[first::count]) for first in range(count)]

    def _picked(self, vectors: list[ir.Value], places: list[tuple[int, int]]) -> ir.Value:
        """A vector of the given (vector, lane), two vectors at a time."""
        result, picked = vectors[0], [lane for _, lane in places]
        for number, vector in enumerate(vectors[1:], 1):
            lanes = [
                self.lanes + lane if source == number else at for (source, lane), at in zip(places, picked, strict=True)
            ]
            result, picked = self._shuffle(result, vector, lanes), [*range(self.lanes)]
        return result

    def transpose(self, rows: list[ir.Value]) -> list[ir.Value]:
        """Columns of as many vectors as a vector has lanes: ever larger blocks beside the diagonal change places."""
        rows, distance = list(rows), 1
        while distance < self.lanes:
            upper = [i if not i & distance else self.lanes + i - distance for i in range(self.lanes)]
            lower = [i + distance if not i & distance else self.lanes + i for i in range(self.lanes)]
            for i in (i for i in range(self.lanes) if not i & distance):
                a, b = rows[i], rows[i + distance]
                rows[i], rows[i + distance] = self._shuffle(a, b, upper), self._shuffle(a, b, lower)
            distance *= 2
        return rows

    def xor_shuffle(self, a: ir.Value, distance: int) -> ir.Value:
        """Lane i from lane i ^ distance: neighbours change places, within groups of any power of two above it."""
        return self._shuffle(a, a, [i ^ distance for i in range(self.lanes)])

    def across_each(self, rows: list[ir.Value], combine: Callable[[ir.Value, ir.Value], ir.Value]) -> ir.Value:
        """In lane i all lanes of row i combined, of as many rows as a vector has lanes."""
        distance = 1
        while len(rows) > 1:
            first = [i if not i & distance else self.lanes + i - distance for i in range(self.lanes)]
            second = [i + distance if not i & distance else self.lanes + i for i in range(self.lanes)]
            pairs = zip(rows[::2], rows[1::2], strict=True)
            rows = [combine(self._shuffle(a, b, first), self._shuffle(a, b, second)) for a, b in pairs]
            distance *= 2
        return rows[0]

    def across(self, a: ir.Value, combine: Callable[[ir.Value, ir.Value], ir.Value]) -> ir.Value:
        """All lanes combined, in every lane: with the neighbour, then pair with pair, and so on."""
        distance = 1
        while distance < self.lanes:
            a, distance = combine(a, self.xor_shuffle(a, distance)), 2 * distance
        return a
