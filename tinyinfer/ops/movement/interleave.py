"""The shuffled channels of several maps as one operator, so that nobody has to join them first."""

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


OPS = (Interleave,)
