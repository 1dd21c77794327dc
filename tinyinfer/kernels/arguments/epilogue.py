"""What a convolution does to its sums before it stores them: the residual and the fused activation.

An activation is a clip, which costs two instructions a register, or one of a few formulas by number.
"""

from __future__ import annotations

import numpy as np

from tinyinfer.ops.activation.activation_functions import CLIPS as CLIPS

FORMULAS = ("hardswish", "silu", "hardsigmoid", "sigmoid")  # numbered from 1; fused_activation.py has their code
FUSED: frozenset[str | None] = frozenset({*CLIPS, *FORMULAS})


def clip_bounds(activation: str | None) -> tuple[np.float32, np.float32]:
    """The lowest and highest value of an activation that is a clip."""
    low, high = CLIPS[activation]
    return np.float32(low), np.float32(high)


def clip_and_formula(activation: str | None) -> tuple[np.float32, np.float32, int]:
    """Bounds and number of the formula (0: none) of a fused activation."""
    if activation in FORMULAS:
        return (*clip_bounds(None), FORMULAS.index(activation) + 1)
    return (*clip_bounds(activation), 0)
