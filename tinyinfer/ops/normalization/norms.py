"""Normalisations by the statistics of the input itself: layer, group and instance norm."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.errors import WeightsError
from tinyinfer.graph import TensorType
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    cast,
    integer,
    integers,
    number,
    operator,
    require,
    require_shape,
)
from tinyinfer.ops.normalization.batch_norm import STATISTICS


def normalize(x: np.ndarray, axes: tuple[int, ...], eps: float) -> np.ndarray:
    """(x - mean) / sqrt(variance + eps), both taken over these axes."""
    mean = x.mean(axes, keepdims=True)
    variance = np.square(x - mean).mean(axes, keepdims=True)
    return np.asarray((x - mean) / np.sqrt(variance + eps))


def affine(y: np.ndarray, params: Params, shape: tuple[int, ...]) -> np.ndarray:
    """y * weight + bias, with those that there are seen in a shape that broadcasts."""
    p = {role: v.reshape(shape) for role, v in cast(params, y.dtype).items()}
    return np.asarray(y * p.get("weight", y.dtype.type(1)) + p.get("bias", y.dtype.type(0)))


@operator
class LayerNorm(Op):
    """Each sample brought to mean 0 and variance 1 over some dimensions, then y * weight + bias (Ba et al. 2016).

    ``normalized_shape`` are the sizes of these dimensions, weight and bias are of that shape.  They are the last ones,
    as in torch, or begin at ``dim``: 1 with (C,) is the norm over the channels of every pixel of (N, C, H, W).
    """

    name: ClassVar[str] = "layer_norm"
    param_names: ClassVar[tuple[str, ...]] = ("weight", "bias")

    normalized_shape: tuple[int, ...]
    eps: float = 1e-5
    dim: int | None = None

    def __post_init__(self) -> None:
        shape = self.normalized_shape
        shape = integers(shape if isinstance(shape, list | tuple) else (shape,), "normalized_shape", least=1)
        require(len(shape) > 0, "normalized_shape: expected at least one size, found none")
        dim = None if self.dim is None else integer(self.dim, "dim", least=0)
        self.normalize(normalized_shape=shape, eps=number(self.eps, "eps"), dim=dim)

    def axes(self, rank: int) -> tuple[int, ...]:
        """The dimensions it normalises over, for inputs of this rank."""
        first = rank - len(self.normalized_shape) if self.dim is None else self.dim
        return tuple(range(first, first + len(self.normalized_shape)))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        axes = self.axes(len(x.shape))
        require(
            axes[0] >= 0 and tuple(x.shape[axes[0] : axes[-1] + 1]) == self.normalized_shape,
            f"input: expected {self.normalized_shape} in dims {axes[0]} to {axes[-1]}, found shape {x}",
        )
        for role, found in params.items():
            require_shape(found, self.normalized_shape, role)
        return [x]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        axes = self.axes(x.ndim)
        behind = (1,) * (x.ndim - 1 - axes[-1])
        return [affine(normalize(x, axes, self.eps), params, self.normalized_shape + behind)]

    @classmethod
    def cases(cls) -> list[Case]:
        def case(x: tuple[int, ...], *shape: int, with_affine: bool = True, **attrs: float) -> Case:
            params = dict.fromkeys(cls.param_names, shape) if with_affine else {}
            return Case({"normalized_shape": shape, **attrs}, (x,), params)

        return [
            case((2, 5, 6), 6),
            case((3, 37), 37, eps=1e-3),
            case((2, 21, 5, 7), 21, dim=1, eps=1e-6),
            case((1, 16, 4, 4), 16, dim=1, with_affine=False),
            case((2, 3, 4, 5), 3, 4, 5),
            case((2, 3, 4, 5), 5, with_affine=False),
        ]


@operator
class GroupNorm(Op):
    """Each sample's ``num_groups`` runs of channels brought to mean 0 and variance 1 (Wu & He 2018, section 3).

    x (N, C, ...), weight and bias (C,): y * weight + bias.
    """

    name: ClassVar[str] = "group_norm"
    param_names: ClassVar[tuple[str, ...]] = ("weight", "bias")

    num_groups: int
    eps: float = 1e-5

    def __post_init__(self) -> None:
        self.normalize(num_groups=integer(self.num_groups, "num_groups", least=1), eps=number(self.eps, "eps"))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        require(len(x.shape) >= 2, f"input: expected rank 2 or more, found shape {x}")
        c = x.shape[1]
        require(c % self.num_groups == 0, f"num_groups {self.num_groups} do not divide {c} channels")
        for role, found in params.items():
            require_shape(found, (c,), role)
        return [x]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        groups = x.reshape(x.shape[0], self.num_groups, -1)
        return [affine(normalize(groups, (2,), self.eps).reshape(x.shape), params, (-1,) + (1,) * (x.ndim - 2))]

    @classmethod
    def cases(cls) -> list[Case]:
        def case(groups: int, *shape: int, with_affine: bool = True, **attrs: float) -> Case:
            params = dict.fromkeys(cls.param_names, (shape[1],)) if with_affine else {}
            return Case({"num_groups": groups, **attrs}, (shape,), params)

        return [
            case(1, 2, 21, 5, 7),
            case(3, 2, 42, 6, 5),
            case(8, 1, 16, 3, 4, with_affine=False, eps=1e-3),
            case(2, 3, 10),
        ]


@operator
class InstanceNorm(Op):
    """Each channel of each sample brought to mean 0 and variance 1 (Ulyanov et al. 2016, equation 4).

    x (N, C, ...), every parameter (C,).  With running_mean and running_var, which some networks track in training,
    these take the place of the sample's own, which is batch norm.
    """

    name: ClassVar[str] = "instance_norm"
    param_names: ClassVar[tuple[str, ...]] = (*STATISTICS, "weight", "bias")

    eps: float = 1e-5

    def __post_init__(self) -> None:
        self.normalize(eps=number(self.eps, "eps"))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        require(len(x.shape) >= 3, f"input: expected rank 3 or more, found shape {x}")
        given = [role for role in STATISTICS if role in params]
        require(len(given) != 1, f"{' and '.join(STATISTICS)}: expected both or neither, found {''.join(given)} alone")
        for role, found in params.items():
            require_shape(found, (x.shape[1],), role)
        return [x]

    def learnable(self, params: ParamTypes) -> int:
        """Elements of weight and bias."""
        return sum(p.size for role, p in params.items() if role not in STATISTICS)

    def check_values(self, params: Params) -> None:
        """Raises WeightsError where running_var + eps is not positive."""
        smallest = float(np.min(params.get("running_var", np.inf), initial=np.inf))
        if not smallest + self.eps > 0:
            raise WeightsError(f"running_var + eps: expected above 0, found {smallest:g} + {self.eps:g}")

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        per_channel = (-1,) + (1,) * (x.ndim - 2)
        learnt = {role: v for role, v in params.items() if role not in STATISTICS}
        if "running_var" in params:
            mean, variance = (np.asarray(params[role], x.dtype).reshape(per_channel) for role in STATISTICS)
            y = (x - mean) / np.sqrt(variance + self.eps)
        else:
            y = normalize(x, tuple(range(2, x.ndim)), self.eps)
        return [affine(y, learnt, per_channel)]

    @classmethod
    def cases(cls) -> list[Case]:
        def case(roles: tuple[str, ...], *shape: int, **attrs: float) -> Case:
            return Case(attrs, (shape,), dict.fromkeys(roles, (shape[1],)))

        return [
            case(("weight", "bias"), 2, 21, 5, 7),
            case((), 1, 16, 6, 4, eps=1e-3),
            case(cls.param_names, 2, 7, 5, 6),
        ]


OPS = (LayerNorm, GroupNorm, InstanceNorm)
