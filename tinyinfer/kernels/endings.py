"""What a convolution does to its sums before it stores them: the residual and the fused activation.

An activation is a clip, which costs two instructions a register, or one of a few formulas by number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyinfer.kernels.base import FeatureMap
from tinyinfer.kernels.formulas import hardsigmoid, hardswish, logistic, silu
from tinyinfer.kernels.jit import shared
from tinyinfer.kernels.simd import ADDRESS, INT, LANES, vector_function

CLIPS: dict[str | None, tuple[float, float]] = {
    None: (-np.inf, np.inf),
    "relu": (0.0, np.inf),
    "relu6": (0.0, 6.0),
}
FORMULAS = {"hardswish": hardswish, "silu": silu, "hardsigmoid": hardsigmoid, "sigmoid": logistic}  # numbered from 1
FUSED: frozenset[str | None] = frozenset({*CLIPS, *FORMULAS})


def clip_bounds(activation: str | None) -> tuple[np.float32, np.float32]:
    """The lowest and highest value of an activation that is a clip."""
    low, high = CLIPS[activation]
    return np.float32(low), np.float32(high)


def ending(activation: str | None) -> tuple[np.float32, np.float32, int]:
    """Bounds and number of the formula (0: none) of a fused activation."""
    return (
        *clip_bounds(activation if activation in CLIPS else None),
        [*FORMULAS].index(activation) + 1 if activation in FORMULAS else 0,
    )


def residual_of(inputs: Sequence[FeatureMap], output: FeatureMap) -> tuple[np.ndarray, int]:
    """Array and pixel stride of the residual input; stride 0 tells a kernel that there is none."""
    return (inputs[1].data, inputs[1].pixel_stride) if len(inputs) > 1 else (output.data, 0)


def emit_formula(v: Any, act: Any, values: Sequence[Any]) -> None:
    """Emit the formula numbered ``act`` on variables that hold vectors."""
    with v.when(act != 0):
        for number, formula in enumerate(FORMULAS.values(), 1):
            with v.when(act == number):
                for value in values:
                    value.set(formula(v, value.get(), None, None, None))


@vector_function(y="address", y_stride="int", rows="int", columns="int", act="int")
def _activate(v, y, y_stride, rows, columns, act):
    whole, mask = columns // LANES, v.mask(columns - columns // LANES * LANES)
    for number, formula in enumerate(FORMULAS.values(), 1):
        with v.when(act == number), v.loop(rows) as row:
            with v.loop(whole) as block:
                at = row * y_stride + block * LANES
                v.store(formula(v, v.load(y, at), None, None, None), y, at)
            with v.when(whole * LANES < columns):
                at = row * y_stride + whole * LANES
                v.store_masked(formula(v, v.load_masked(y, at, mask), None, None, None), y, at, mask)


@shared(ADDRESS, INT, INT, INT, INT)
def activate(y, y_stride, rows, columns, act):
    """The formula numbered ``act`` on y[rows, columns] in place: for tiles that were stored a moment ago."""
    _activate(y, y_stride, rows, columns, act)
