"""What quantised operators share: the scales of what they read, and the way from integer sums to the output's codes.

An integer q stands for scale * (q - zero_point) (Jacob et al. 2018, "Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference", section 2.1).  Sums of products are exact, in 32 bits; from there to the
output's code it is float32, in the order that `Requantization.finish` writes down, so that a kernel can do the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.graph import Quant, Shape, TensorType
from tinyinfer.ops.activation.activation import apply_activation, check_activation
from tinyinfer.ops.activation.activation_functions import CLIPS
from tinyinfer.ops.base import Op, Types, integer, number, operator, require
from tinyinfer.ops.dtypes import CODES as CODES

FLOAT = "float32"

# an integer array and what one of its units is worth, a number or one for each channel
Term = tuple[np.ndarray, float | np.ndarray]


@operator(kw_only=True)
class Requantization(Op):
    """Base: reads codes, adds up, applies ``activation``, writes codes of ``dtype``, ``scale`` and ``zero_point``.

    With a ``dtype`` of float32 the results stay real numbers, and scale and zero point mean nothing.
    """

    dtypes: ClassVar[Sequence[str]] = CODES

    scale: float = 1.0
    zero_point: int = 0
    dtype: str = "uint8"
    activation: str | None = None

    def __post_init__(self) -> None:
        require(self.dtype in (*CODES, FLOAT), f"dtype: expected {', '.join(CODES)} or {FLOAT}, found {self.dtype!r}")
        check_activation(self.activation)
        zero_point = code(self.zero_point, "zero_point", "int8" if self.dtype == FLOAT else self.dtype)
        self.normalize(scale=positive(self.scale, "scale"), zero_point=zero_point)

    @property
    def is_clip(self) -> bool:
        """Whether the activation is no more than bounds on the output's codes."""
        return self.activation in CLIPS

    @property
    def unit(self) -> float:
        """What 1 stands for while terms are added: a step of the output's codes, or 1 for a formula."""
        return self.scale if self.is_clip and self.dtype != FLOAT else 1.0

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest code that the output can have, those of a clip taken in."""
        limits = np.iinfo(self.dtype)
        low, high = CLIPS.get(self.activation, CLIPS[None])
        return max(limits.min, self._code(low)), min(limits.max, self._code(high))

    def _code(self, real: float) -> int:
        """The code nearest to a real number."""
        limits = np.iinfo(self.dtype)
        if not np.isfinite(real):
            return int(limits.min if real < 0 else limits.max)
        return int(np.clip(np.rint(real / self.scale) + self.zero_point, limits.min, limits.max))

    @cached_property
    def quant(self) -> Quant | None:
        """What the output's codes stand for; None for real numbers."""
        return None if self.dtype == FLOAT else Quant((self.scale,), (self.zero_point,))

    def output(self, shape: Shape) -> TensorType:
        """The type of an output of this shape."""
        return TensorType(shape, self.dtype, self.quant)

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Codes from all of the range."""
        return [all_codes(t, rng) for t in inputs]

    def finish(self, terms: Sequence[Term]) -> np.ndarray:
        """The output from integer terms.

        Each is rounded to float32 and multiplied by float32(worth / `unit`), then they are added up in order.  What a
        clip leaves of that is rounded, halves to even.  The result of a formula is multiplied by float32(1 / scale)
        before.
        """
        first, *more = (
            np.asarray(integers.astype(np.float32) * np.asarray(np.asarray(worth, np.float64) / self.unit, np.float32))
            for integers, worth in terms
        )
        real: np.ndarray = sum(more, start=first)
        if self.dtype == FLOAT:
            return apply_activation(self.activation, real)
        if not self.is_clip:
            real = apply_activation(self.activation, real) * np.float32(1 / self.scale)
        low, high = (np.float32(bound - self.zero_point) for bound in self.bounds)
        return np.asarray((np.rint(np.clip(real, low, high)) + self.zero_point).astype(self.dtype))


def all_codes(t: TensorType, rng: np.random.Generator) -> np.ndarray:
    """Any codes of this type."""
    limits = np.iinfo(t.dtype)
    return np.asarray(rng.integers(limits.min, limits.max, t.shape, np.dtype(t.dtype), endpoint=True))


def positive(value: object, what: str) -> float:
    """A number above 0, rounded to float32; raises GraphError for anything else."""
    rounded = float(np.float32(number(value, what)))
    require(rounded > 0, f"{what}: expected a number above 0 in float32, found {value}")
    return rounded


def code(value: object, what: str, dtype: str) -> int:
    """An integer that the dtype holds; raises GraphError for anything else."""
    limits, found = np.iinfo(dtype), integer(value, what)
    require(
        limits.min <= found <= limits.max, f"{what}: expected {limits.min} to {limits.max} for {dtype}, found {found}"
    )
    return found


def check_scale(t: TensorType, scale: float, zero_point: int, what: str) -> None:
    """Raise GraphError unless a value of this type can have the scale that an operator reads it with."""
    code(zero_point, f"{what}_zero_point", t.dtype)
    found = t.quant
    if found is not None and (found.scale, found.zero_point, found.axis) != ((scale,), (zero_point,), None):
        raise GraphError(f"{what}: expected values quantised by {Quant((scale,), (zero_point,))}, found {found}")
