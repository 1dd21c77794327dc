"""Scores to probabilities."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, axis, integer, operator


class Normalized(Op):
    """Base: ``dim`` is the dimension whose elements are set against each other."""

    dim: int

    def __post_init__(self) -> None:
        self.normalize(dim=integer(self.dim, "dim"))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        axis(self.dim, len(inputs[0].shape))
        return [inputs[0]]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"dim": 1}, ((2, 5, 3, 4),)),
            Case({"dim": -1}, ((3, 11),)),
            Case({"dim": -1}, ((2, 3, 5, 37),)),
            Case({"dim": 1}, ((2, 7, 5),)),
        ]


@operator
class Softmax(Normalized):
    """exp(x) / sum(exp(x)) along ``dim``, shifted by the largest x so that nothing overflows."""

    name: ClassVar[str] = "softmax"

    dim: int = -1

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        e = np.exp(inputs[0] - inputs[0].max(axis=self.dim, keepdims=True))
        return [e / e.sum(axis=self.dim, keepdims=True)]


@operator
class LogSoftmax(Normalized):
    """log(softmax(x)) along ``dim``, without taking the logarithm of a number near 0."""

    name: ClassVar[str] = "log_softmax"

    dim: int = -1

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        shifted = inputs[0] - inputs[0].max(axis=self.dim, keepdims=True)
        return [shifted - np.log(np.exp(shifted).sum(axis=self.dim, keepdims=True))]


OPS = (Softmax, LogSoftmax)
