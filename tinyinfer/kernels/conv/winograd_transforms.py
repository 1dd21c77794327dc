"""The transforms of Winograd convolution: three matrices for each tile size, and the code that applies them.

Constants, zeros and ones are known when the code is emitted, so a transform is straight-line additions and a few
fused multiply-adds, one register of channels at a time.  Lesson 03 derives the matrices.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.kernels.arguments.operands import Image, ImageEpilogue
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function

Matrices = tuple[np.ndarray, np.ndarray, np.ndarray]

# B^T, G and A^T by m, of y = A^T [(G g G^T) * (B^T d B)] A, Lavin and Gray, equations 8 to 14;
# for 3 interpolated at 0, 1, -1, 2 and infinity, as there
TRANSFORMS: dict[int, Matrices] = {
    2: (
        np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], np.float64),
        np.array([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]], np.float64),
        np.array([[1, 1, 1, 0], [0, 1, -1, -1]], np.float64),
    ),
    3: (
        np.array([
            [2, -1, -2, 1, 0], [0, -2, -1, 1, 0], [0, 2, -3, 1, 0], [0, -1, 0, 1, 0], [0, 2, -1, -2, 1],
        ], np.float64),
        np.array([
            [1 / 2, 0, 0], [-1 / 2, -1 / 2, -1 / 2], [-1 / 6, 1 / 6, -1 / 6], [1 / 6, 1 / 3, 2 / 3], [0, 0, 1],
        ], np.float64),
        np.array([[1, 1, 1, 1, 0], [0, 1, -1, 2, 0], [0, 1, 1, 4, 1]], np.float64),
    ),
    4: (
        np.array([
            [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
        ], np.float64),
        np.array([
            [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
        ], np.float64),
        np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float64),
    ),
}  # fmt: skip

# The same for two outputs of five taps, through the points of F(4, 3): so the inputs are transformed as there.
FIVE_TAPS: Matrices = (
    TRANSFORMS[4][0],
    np.array([
        [1 / 4, 0, 0, 0, 0], [-1 / 6, -1 / 6, -1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6, 1 / 3, 2 / 3], [1 / 24, -1 / 12, 1 / 6, -1 / 3, 2 / 3], [0, 0, 0, 0, 1],
    ], np.float64),
    np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 1]], np.float64),
)  # fmt: skip

# The same for two outputs at stride 2: even inputs meet the outer taps as in F(2, 2), which takes three products for
# four, odd ones the middle tap by themselves.  So two rows of G are alike, and some positions have the same weights.
STRIDED: Matrices = (
    np.array([[1, 0, -1, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 0, -1], [0, 1, 0, 0, 0], [0, 0, 0, 1, 0]], np.float64),
    np.array([[1, 0, 0], [1, 0, 1], [0, 0, 1], [0, 1, 0], [0, 1, 0]], np.float64),
    np.array([[1, 1, 0, 1, 0], [0, 1, -1, 0, 1]], np.float64),
)


def distinct_rows(g: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """The rows of a matrix without repetitions, and which of them each row is."""
    rows = list(dict.fromkeys(map(tuple, g)))
    return np.array(rows), [rows.index(tuple(row)) for row in g]


def products(matrices: Matrices) -> np.ndarray:
    """Pairs (matrix of weights, position of inputs and outputs) to be multiplied, those of the same matrix together."""
    rows, which = distinct_rows(matrices[1])
    alpha = len(which)
    pairs = [(which[i] * len(rows) + which[j], i * alpha + j) for i in range(alpha) for j in range(alpha)]
    return np.array(sorted(pairs), np.int64)


def transform_weights(weight: np.ndarray, matrices: Matrices) -> np.ndarray:
    """G g G^T of a (M, C, R, R) weight as (matrices, C, M), worked out in float64."""
    rows, _ = distinct_rows(matrices[1])
    n, c, taps = weight.shape[:3]
    windows = weight.reshape(n, c, taps**2).transpose(2, 1, 0).astype(np.float64, order="C").reshape(taps**2, c * n)
    return (np.kron(rows, rows) @ windows).astype(np.float32).reshape(-1, c, n)


def _twice(v: Any, matrix: np.ndarray, grid: list[list[Any]]) -> list[list[Any]]:
    """matrix @ grid @ matrix.T on a grid of vectors: columns first, then rows."""
    columns = [v.linear(matrix, [row[c] for row in grid]) for c in range(len(grid[0]))]
    return [v.linear(matrix, [column[r] for column in columns]) for r in range(len(matrix))]


def make_input_transform(matrices: Matrices) -> Any:
    """V[:, tile, c] = B^T d B for one register of channels, ``lanes`` of them real."""
    matrix, alpha = matrices[0], len(matrices[0])

    @vector_function(x=Image, lanes="int", to="address", step="int")
    def input_transform(v, x, lanes, to, step):
        with v.either(lanes < LANES) as (partial_register, whole):
            with partial_register:
                mask = v.mask(lanes)
                grid = [[v.load_masked(at, 0, mask) for at in line] for line in _grid(v, x, alpha)]
                _store_grid(v, _twice(v, matrix, grid), to, step)
            with whole:
                grid = [[v.load(at) for at in line] for line in _grid(v, x, alpha)]
                _store_grid(v, _twice(v, matrix, grid), to, step)

    return input_transform


def _grid(v: Any, image: Image, size: int) -> list[list[Any]]:
    """Addresses of size x size pixels."""
    across = v.evenly_spaced(size, image.pixel)
    return [across(line) for line in v.evenly_spaced(size, image.row)(image.address)]


def _store_grid(v: Any, grid: list[list[Any]], to: Any, step: Any) -> None:
    places = v.evenly_spaced(len(grid) ** 2, step)(to)
    for value, place in zip([value for row in grid for value in row], places, strict=True):
        v.store(value, place)


def make_output_transform(matrices: Matrices) -> Any:
    """y = clip(A^T p A + bias + residual) for one register of channels, ``lanes`` of them real."""
    matrix = matrices[2]
    m, alpha = matrix.shape

    @vector_function(p="address", step="int", y=Image, lanes="int", epilogue=ImageEpilogue)
    def output_transform(v, p, step, y, lanes, epilogue):
        values = [v.load(at) for at in v.evenly_spaced(alpha**2, step)(p)]
        grid = [values[i * alpha : (i + 1) * alpha] for i in range(alpha)]
        offset, low, high = v.load(epilogue.bias), v.broadcast(epilogue.lo), v.broadcast(epilogue.hi)
        tile = [(i, j) for i in range(m) for j in range(m)]
        results = _twice(v, matrix, grid)
        sums = {(i, j): v.variable(v.add(results[i][j], offset)) for i, j in tile}
        mask = v.mask(lanes)
        with v.when(epilogue.residual.pixel != 0):
            others = _grid(v, epilogue.residual, m)
            for i, j in tile:
                sums[i, j].set(v.add(sums[i, j].get(), v.load_masked(others[i][j], 0, mask)))
        places = _grid(v, y, m)
        for i, j in tile:
            v.store_masked(v.clip(sums[i, j].get(), low, high), places[i][j], 0, mask)

    return output_transform
