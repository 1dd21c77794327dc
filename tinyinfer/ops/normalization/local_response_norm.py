"""Local response normalisation, by which AlexNet let neighbouring channels compete."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, integer, number, operator, require


@operator
class LocalResponseNorm(Op):
    """x / (k + alpha * mean of x^2 over ``size`` channels)^beta (Krizhevsky et al. 2012, section 3.3).

    The window of channel c runs from c - size // 2 to c + (size - 1) // 2, zeros beyond the first and last; the mean
    divides by ``size`` everywhere, as torch does, where the paper's alpha multiplies the sum.  Any rank from 2 on.
    """

    name: ClassVar[str] = "local_response_norm"

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    def __post_init__(self) -> None:
        self.normalize(
            size=integer(self.size, "size", least=1),
            alpha=number(self.alpha, "alpha"),
            beta=number(self.beta, "beta"),
            k=number(self.k, "k"),
        )
        # or the base of the power could be 0 or negative
        require(self.k > 0, f"k: expected a number above 0, found {self.k}")
        require(self.alpha >= 0, f"alpha: expected a number of at least 0, found {self.alpha}")

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        require(len(inputs[0].shape) >= 2, f"input: expected rank 2 or more, found shape {inputs[0]}")
        return [inputs[0]]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        channels, before, after = x.shape[1], self.size // 2, (self.size - 1) // 2
        squares = x * x
        total = np.zeros_like(x)
        for step in range(-min(before, channels - 1), min(after, channels - 1) + 1):
            first, last = max(0, -step), min(channels, channels - step)  # channels whose neighbour at step exists
            total[:, first:last] += squares[:, first + step : last + step]
        return [x / (self.k + self.alpha / self.size * total) ** self.beta]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"size": 5, "alpha": 1e-4, "k": 2.0}, ((2, 7, 3, 4),)),
            Case({"size": 5, "alpha": 1.0}, ((1, 35, 5, 3),)),
            Case({"size": 4, "alpha": 0.7, "beta": 0.5}, ((1, 18, 3, 4),)),
            Case({"size": 9, "alpha": 0.3, "beta": 1.0}, ((1, 4, 3, 4),)),
            Case({"size": 3, "alpha": 0.5, "beta": 0.6}, ((1, 6, 3, 4),)),
            Case({"size": 2, "alpha": 0.5, "beta": 0.25}, ((2, 11, 3),)),
        ]


OPS = (LocalResponseNorm,)
