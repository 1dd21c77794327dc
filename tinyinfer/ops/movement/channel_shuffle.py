"""The channel shuffle of ShuffleNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, integer, operator, require
from tinyinfer.ops.dtypes import ANY_DTYPE


@operator
class ChannelShuffle(Op):
    """y[:, i * groups + g] = x[:, g * (C / groups) + i] (ShuffleNet, figure 1).

    Seen as a table of ``groups`` rows, the channels are transposed; C / groups in place of groups undoes it.
    """

    name: ClassVar[str] = "channel_shuffle"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE  # float32 alone unless said

    groups: int

    def __post_init__(self) -> None:
        self.normalize(groups=integer(self.groups, "groups", least=1))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        require(len(x.shape) >= 2, f"input: expected rank 2 or more, found shape {x}")
        require(x.shape[1] % self.groups == 0, f"groups {self.groups} do not divide {x.shape[1]} channels")
        return [x]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        n, c, *image = x.shape
        return [x.reshape(n, self.groups, c // self.groups, *image).swapaxes(1, 2).reshape(x.shape)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"groups": 2}, ((2, 58, 3, 4),)),
            Case({"groups": 3}, ((1, 12, 5, 7),)),
            Case({"groups": 5}, ((2, 5, 3, 3),)),
            Case({"groups": 7}, ((1, 35, 4, 3),)),
            *(Case({"groups": groups}, ((1, 11 * groups, 3, 2),)) for groups in (4, 8)),
            *(Case({"groups": 11}, ((1, 11 * channels, 2, 3),)) for channels in (2, 3, 4, 8)),
        ]


OPS = (ChannelShuffle,)
