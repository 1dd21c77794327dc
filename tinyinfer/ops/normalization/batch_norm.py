"""Batch normalisation with running statistics, as it is at inference."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.errors import WeightsError
from tinyinfer.graph import TensorType
from tinyinfer.ops.activation.activation import apply_activation, check_activation
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    cast,
    number,
    operator,
    require,
    require_shape,
)

STATISTICS = ("running_mean", "running_var")


@operator
class BatchNorm(Op):
    """y = activation((x - running_mean) / sqrt(running_var + eps) * weight + bias), per channel (Ioffe & Szegedy 2015).

    x (N, C, ...), every parameter (C,); without weight or bias they count as 1 and 0.
    """

    name: ClassVar[str] = "batch_norm"
    param_names: ClassVar[tuple[str, ...]] = (*STATISTICS, "weight", "bias")
    required_params: ClassVar[tuple[str, ...]] = STATISTICS

    eps: float = 1e-5
    activation: str | None = None

    def __post_init__(self) -> None:
        check_activation(self.activation)
        self.normalize(eps=number(self.eps, "eps"))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        require(len(x.shape) >= 2, f"input: expected rank 2 or more, found shape {x}")
        for role, found in params.items():
            require_shape(found, (x.shape[1],), role)
        return [x]

    def learnable(self, params: ParamTypes) -> int:
        """Elements of weight and bias."""
        return sum(p.size for role, p in params.items() if role not in STATISTICS)

    def check_values(self, params: Params) -> None:
        """Raises WeightsError where running_var + eps is not positive."""
        smallest = float(np.min(params["running_var"], initial=np.inf))
        if not smallest + self.eps > 0:
            raise WeightsError(f"running_var + eps: expected above 0, found {smallest:g} + {self.eps:g}")

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        p = {role: v.reshape(-1, *[1] * (x.ndim - 2)) for role, v in cast(params, x.dtype).items()}
        y = (x - p["running_mean"]) / np.sqrt(p["running_var"] + self.eps)
        if "weight" in p:
            y = y * p["weight"]
        if "bias" in p:
            y = y + p["bias"]
        return [apply_activation(self.activation, y)]

    @classmethod
    def cases(cls) -> list[Case]:
        def case(*shape: int, affine: bool = True, **attrs: float | str) -> Case:
            roles = cls.param_names if affine else STATISTICS
            return Case(attrs, (shape,), dict.fromkeys(roles, (shape[1],)))

        return [
            case(2, 7, 5, 6),
            case(1, 16, 3, 3, eps=1e-3),
            case(3, 5, affine=False),
            case(2, 19, 3, 4, activation="relu6"),
        ]


OPS = (BatchNorm,)
