"""Layer scale: a learned factor for every channel of a residual branch."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, cast, require, require_shape


class LayerScale(Op):
    """y[:, c] = x[:, c] * gamma[c] (Touvron et al. 2021, section 2).

    x (N, C, ...), gamma (C,).
    """

    name: ClassVar[str] = "layer_scale"
    param_names: ClassVar[tuple[str, ...]] = ("gamma",)
    required_params: ClassVar[tuple[str, ...]] = ("gamma",)

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        require(len(x.shape) >= 2, f"input: expected rank 2 or more, found shape {x}")
        require_shape(params["gamma"], (x.shape[1],), "gamma")
        return [x]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        return [x * cast(params, x.dtype)["gamma"].reshape(-1, *[1] * (x.ndim - 2))]

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({}, (shape,), {"gamma": (shape[1],)}) for shape in ((2, 7, 5, 6), (1, 35, 3, 3), (3, 5))]


OPS = (LayerScale,)
