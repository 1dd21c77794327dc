"""The shuffled channels of several maps as one operator each way, so that nobody has to join them first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, require
from tinyinfer.ops.dtypes import ANY_DTYPE


class Interleave(Op):
    """y[:, i * groups + g] = x_g[:, i] for ``groups`` inputs: their concat, channel-shuffled (ShuffleNet V2, figure 3).

    Passes make this operator of concat and channel_shuffle; model files do not hold it.
    """

    name: ClassVar[str] = "interleave"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE
    arity: ClassVar[int | None] = None
    composite: ClassVar[bool] = True

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        first = inputs[0]
        require(len(first.shape) >= 2, f"inputs: expected rank 2 or more, found {first}")
        for t in inputs[1:]:
            require(t.shape == first.shape, f"expected inputs of one shape, found {first} and {t}")
            require(t.quant == first.quant, f"expected inputs of one quantisation, found {first.quant} and {t.quant}")
        return [first.reshaped((first.shape[0], len(inputs) * first.shape[1], *first.shape[2:]))]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        n, c, *image = inputs[0].shape
        return [np.stack(inputs, axis=2).reshape(n, len(inputs) * c, *image)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({}, ((2, 29, 3, 4),) * 2), Case({}, ((1, 16, 5, 7),) * 2), Case({}, ((1, 4, 5, 7),) * 3)]


class Deinterleave(Op):
    """Even channels of all inputs and then their odd ones: their concat, channel-shuffled in groups of two.

    So the units of Megvii's ShuffleNet V2 begin, whose halves are what `Interleave` has dealt together.  Passes make
    this operator of concat and channel_shuffle; model files do not hold it.
    """

    name: ClassVar[str] = "deinterleave"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE
    arity: ClassVar[int | None] = None
    composite: ClassVar[bool] = True

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        for t in inputs:
            require(len(t.shape) >= 2, f"input: expected rank 2 or more, found shape {t}")
            same = (t.shape[0], *t.shape[2:]) == (inputs[0].shape[0], *inputs[0].shape[2:])
            require(same, f"expected maps of one size, found {inputs[0]} and {t}")
            require(t.shape[1] % 2 == 0, f"expected even numbers of channels, found {t.shape[1]}")
        n, _, *image = inputs[0].shape
        return [TensorType((n, sum(t.shape[1] for t in inputs), *image), inputs[0].dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.concatenate([x[:, first::2] for first in (0, 1) for x in inputs], axis=1)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({}, ((2, 58, 3, 4), (2, 24, 3, 4))),
            Case({}, ((1, 32, 5, 7),) * 2),
            Case({}, ((1, 4, 5, 7),) * 3),
        ]


OPS = (Interleave, Deinterleave)
