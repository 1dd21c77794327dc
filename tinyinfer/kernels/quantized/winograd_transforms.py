"""The transforms of Winograd convolution on codes, in integers alone: of 16 bits before the products, of 32 after them.

The matrices are those that real numbers have (`conv.winograd_transforms`), but for their fractions.  Each row of G is
multiplied until it is whole, and what all rows of A^T have then too much, `unit` times for rows and columns together,
is divided out of the results, which are multiples of it.  That works though sums wrap around: an odd factor has an
inverse modulo 2^32, and what is left is a shift.  Results have as many bits less.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import ByteImage
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import Address, struct
from tinyinfer.kernels.conv.winograd_transforms import TRANSFORMS
from tinyinfer.kernels.quantized.byte_panels import NR

HALVES = 2 * LANES  # 16-bit integers in a register


class Matrices(NamedTuple):
    """B^T, G and A^T in integers, the first and the last as factors, the one that is applied last standing first."""

    inputs: tuple[np.ndarray, ...]
    weights: np.ndarray
    outputs: tuple[np.ndarray, ...]
    unit: int  # what results are multiplied by

    @property
    def m(self) -> int:
        """Rows and columns of a tile's outputs."""
        return len(self.outputs[0])

    @property
    def alpha(self) -> int:
        """Rows and columns of its inputs."""
        return len(self.weights)

    @property
    def shift(self) -> int:
        """How often the unit can be halved."""
        return (self.unit & -self.unit).bit_length() - 1

    @property
    def inverse(self) -> int:
        """What undoes the rest of the unit, modulo 2^32."""
        return pow(self.unit >> self.shift, -1, 2**32)

    @property
    def largest_sum(self) -> int:
        """Sums of products within this distance of their middle are found."""
        return 2**31 >> self.shift


def integer_matrices(m: int, inputs: Sequence[np.ndarray] = (), outputs: Sequence[np.ndarray] = ()) -> Matrices:
    """Those of tiles of m x m outputs; factors may be given for B^T and, before it is made whole, A^T."""
    b, g, a = TRANSFORMS[m]
    scales = [math.lcm(*(Fraction(x).limit_denominator(99).denominator for x in row)) for row in g]
    common = math.lcm(*scales)
    whole = [np.rint(matrix).astype(int) for matrix in (*(outputs or [a]),)]
    columns = np.diag([common // scale for scale in scales])
    whole[-1] = whole[-1] @ columns
    return Matrices(
        tuple(np.rint(matrix).astype(int) for matrix in (*(inputs or [b]),)),
        np.rint(g * np.array(scales)[:, None]).astype(int), tuple(whole), common**2,
    )  # fmt: skip


# Of F(4x4) the matrices as factors, which take 17 and 21 additions and shifts for a column where the whole ones take 28
# and 30: what the rows for the points 1 and -1 share, and those for 2 and -2.
_OF_POINTS = np.array([
    [1, 0, -1, 0, 0, 0], [0, 0, -1, 0, 1, 0], [0, 0, -4, 0, 1, 0],
    [0, -4, 0, 1, 0, 0], [0, -1, 0, 1, 0, 0], [0, 0, 0, -1, 0, 1],
])  # fmt: skip
_TO_ROWS = np.array([
    [4, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 1, -1, 0, 0],
    [0, 1, 0, 0, 2, 0], [0, 1, 0, 0, -2, 0], [0, 0, 0, 0, -4, 1],
])  # fmt: skip

INTEGERS = {2: integer_matrices(2), 4: integer_matrices(4, (_TO_ROWS, _OF_POINTS))}


def _twice(v: Any, factors: Sequence[np.ndarray], grid: list[list[Any]]) -> list[list[Any]]:
    """matrix @ grid @ matrix.T on a grid of vectors, the matrix being the product of the factors."""

    def once(line: list[Any]) -> list[Any]:
        for matrix in reversed(factors):
            line = v.combinations(matrix, line)
        return line

    columns = [once([row[c] for row in grid]) for c in range(len(grid[0]))]
    return [once([column[r] for column in columns]) for r in range(len(columns[0]))]


def make_input_transform(matrices: Matrices) -> Any:
    """V[:, tile, c] = B^T d B for ``c`` channels, a multiple of `HALVES`; positions of V lie ``step`` bytes apart."""
    alpha = matrices.alpha

    @vector_function(x=ByteImage, c="int", to="address", step="int")
    def input_transform(v, x, c, to, step):
        rows, columns = (v.evenly_spaced(alpha, distance, size=1) for distance in (x.row, x.pixel))
        places = v.evenly_spaced(alpha**2, step, size=1)
        with v.loop(c, HALVES) as first:
            grid = [[v.load_wide_codes(at) for at in columns(line)] for line in rows(x.address + first)]
            found = _twice(v, matrices.inputs, grid)
            values = [value for row in found for value in row]
            for value, place in zip(values, places(to + first * 2), strict=True):
                v.store_halves(value, place)

    return input_transform


def make_tile_terms(matrices: Matrices) -> Any:
    """What the m x m results of a tile lack (`dot_sums`), int32, from its row of V at each position.

    Whole registers are stored.
    """
    alpha = matrices.alpha

    @vector_function(values="address", step="int", c="int", scratch="address", to="address")
    def tile_terms(v, values, step, c, scratch, to):
        with v.loop(alpha**2) as position:
            total, row = v.variable(v.integer(0)), values + position * step
            with v.loop(c, HALVES) as at:
                total.set(v.sub_integers(total.get(), v.dot_neighbours(v.load_halves(row + at * 2))))
            v.store_sums(total.get(), scratch, position * LANES)
        lanes = [v.load_sums(scratch, position * LANES) for position in range(alpha**2)]
        found = _twice(v, matrices.outputs, [lanes[i * alpha : (i + 1) * alpha] for i in range(alpha)])
        rows = [value for row in found for value in row]
        rows += [v.integer(0)] * (-len(rows) % LANES)
        for first in range(0, len(rows), LANES):
            v.store_sums(v.across_each(rows[first : first + LANES], v.add_integers), to, first)

    return tile_terms


@struct
class Constants(NamedTuple):
    """What is added to the results of a panel: before division, an int32 for each of m * m and column, and after it."""

    before: Address
    after: Address
    row: int  # bytes from one of m * m to the next

    def columns(self, first: int) -> Constants:
        """Those from a column on."""
        return Constants(self.before + first * 4, self.after + first * 4, self.row)


def make_output_transform(matrices: Matrices) -> Any:
    """to[i, j, columns] = sums of a tile's m x m outputs from its products, which lie ``step`` bytes apart.

    Of ``columns`` whole registers are taken; rows of ``to`` are `NR` integers apart, lines of outputs ``line`` bytes.
    """
    m, alpha = matrices.m, matrices.alpha

    @vector_function(
        p="address", step="int", columns="int", terms="address", constants=Constants, to="address", line="int"
    )
    def output_transform(v, p, step, columns, terms, constants, to, line):
        places, lines = v.evenly_spaced(alpha**2, step, size=1), v.evenly_spaced(m, line, size=1)
        with v.loop(columns, LANES) as at:
            products = [v.load_sums(place) for place in places(p + at * 4)]
            results = _twice(v, matrices.outputs, [products[i * alpha : (i + 1) * alpha] for i in range(alpha)])
            after = v.load_sums(constants.after, at)
            for i, target in enumerate(lines(to + at * 4)):
                for j in range(m):
                    number = i * m + j
                    total = v.add_integers(results[i][j], v.load_sums(constants.before + constants.row * number, at))
                    total = v.add_integers(total, v.load_sum(terms, number))
                    if matrices.inverse != 1:
                        total = v.mul_integers(total, v.integer(matrices.inverse))
                    total = v.shift_right(total, matrices.shift)
                    v.store_sums(v.add_integers(total, after), target, j * NR)

    return output_transform
