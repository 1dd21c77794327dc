"""F(2x2, 3x3) of Winograd (Lavin and Gray 2015, section 4.1) as matrices on flattened tiles."""

from __future__ import annotations

import numpy as np

_INPUT = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
_KERNEL = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_OUTPUT = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])

# a Kronecker product does both sides at once: flat(A X A^T) = (A x A) flat(X)
MATRICES: dict[str, np.ndarray] = {
    "input": np.kron(_INPUT, _INPUT),
    "kernel": np.kron(_KERNEL, _KERNEL),
    "output": np.kron(_OUTPUT, _OUTPUT),
}

# done side by side and with what can be shared (the paper's section 4.1)
ADDITIONS = {"input": 32, "kernel": 28, "output": 24}
