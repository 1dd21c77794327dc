"""The singular values of a matrix, and its factors of any rank."""

from __future__ import annotations

import numpy as np

AT_ONCE = 4096  # columns that are in memory in float64, of matrices that may be a network's largest weights


class Spectrum:
    """Singular values and vectors of a matrix (M, N), from the eigenvectors Q of the smaller of A A^T and A^T A.

    Q is orthonormal to rounding, so that Q_r Q_r^T A, or A Q_r Q_r^T, is a projection: of full rank it is A itself,
    and of rank r its squared error is the sum of the squared singular values left out (Eckart and Young 1936).
    """

    def __init__(self, matrix: np.ndarray) -> None:
        self._matrix = matrix
        self._by_rows = matrix.shape[0] <= matrix.shape[1]
        self.energies, self._vectors = principal(matrix if self._by_rows else matrix.T)

    def factors(self, rank: int) -> tuple[np.ndarray, np.ndarray]:
        """(M, rank) and (rank, N), whose product is the best of this rank.

        Each has the root of every singular value, so that both are of a size and 8 bits hold either.
        """
        kept = self._vectors[:, :rank]
        a = self._matrix
        left, right = (kept, kept.T @ a) if self._by_rows else (a @ kept, kept.T)
        roots = np.sqrt(np.sqrt(self.energies[:rank]))
        scale = np.where(roots > 0, roots, 1)
        if not self._by_rows:
            scale = 1 / scale
        return left * scale, right / scale[:, None]


def principal(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared singular values of a matrix (M, N), M of them and the largest first, and its left vectors as columns."""
    values, vectors = np.linalg.eigh(_gram(matrix))
    return np.maximum(values[::-1], 0), vectors[:, ::-1]


def discarded(energies: np.ndarray) -> np.ndarray:
    """Share of the energy that ranks 0, 1 ... leave out: from 1 to 0, and 0 throughout where there is none."""
    left_out = np.append(np.cumsum(energies[::-1])[::-1], 0)
    return left_out / left_out[0] if left_out[0] > 0 else left_out


def _gram(matrix: np.ndarray) -> np.ndarray:
    """A A^T in float64."""
    total = np.zeros((len(matrix), len(matrix)))
    for start in range(0, matrix.shape[1], AT_ONCE):
        some = matrix[:, start : start + AT_ONCE].astype(np.float64)
        total += some @ some.T
    return total
