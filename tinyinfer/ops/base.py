"""What every operator is: attributes, a shape rule, a cost rule, a textbook reference, example cases."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.graph import OpCost, Shape, TensorType

Arrays = Sequence[np.ndarray]
Params = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """An example of an operator's use: attributes, input shapes, parameter shapes by role.

    Tests and kernel benchmarks walk over these, so a new operator needs no new test file.
    """

    attrs: Mapping[str, Any]
    inputs: tuple[Shape, ...]
    params: Mapping[str, Shape] = field(default_factory=dict)


class Op:
    """Base of the operators: frozen dataclasses whose fields are the attributes, spelled as in torch."""

    name: ClassVar[str]
    param_names: ClassVar[tuple[str, ...]] = ()  # roles in torch.nn.functional's argument order
    required_params: ClassVar[tuple[str, ...]] = ()
    arity: ClassVar[int | None] = 1  # inputs a plain call takes; None: any number

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes by name, as JSON can hold them."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]

    def infer(self, inputs: Sequence[TensorType], params: Mapping[str, TensorType]) -> list[TensorType]:
        """Types of the outputs.  Raises GraphError saying what does not fit."""
        raise NotImplementedError

    def cost(
        self, inputs: Sequence[TensorType], params: Mapping[str, TensorType], outputs: Sequence[TensorType]
    ) -> OpCost:
        """Multiply-adds, parameters and elements moved; elementwise work counts no multiply-adds, as in the papers."""
        weights = sum(p.size for p in params.values())
        return OpCost(
            macs=self.macs(inputs, params, outputs),
            params=self.learnable(params),
            reads=sum(t.size for t in inputs) + weights,
            writes=sum(t.size for t in outputs),
        )

    def macs(
        self, inputs: Sequence[TensorType], params: Mapping[str, TensorType], outputs: Sequence[TensorType]
    ) -> int:
        """Multiply-adds of convolutions and linear layers; zero for everything else."""
        return 0

    def learnable(self, params: Mapping[str, TensorType]) -> int:
        """Elements of the learnable parameters (running statistics are not)."""
        return sum(p.size for p in params.values())

    def check_values(self, params: Params) -> None:
        """Refuse parameter values the operator can't work with; raises WeightsError."""

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        """The operator in plain NumPy, clear before quick; computes in the dtype of the inputs."""
        raise NotImplementedError

    @classmethod
    def cases(cls) -> list[Case]:
        """Examples with odd sizes, for the tests."""
        raise NotImplementedError


def require(condition: bool, message: str) -> None:
    """Raise GraphError with ``message`` unless the condition holds."""
    if not condition:
        raise GraphError(message)


def require_rank(t: TensorType, rank: int, what: str = "input") -> None:
    """Raise GraphError unless the tensor has this rank."""
    require(len(t.shape) == rank, f"{what}: expected rank {rank}, found shape {t}")


def pair(value: int | Sequence[int], what: str) -> tuple[int, int]:
    """An int or two ints as (height, width)."""
    values = (value, value) if isinstance(value, (int, np.integer)) else tuple(value)
    require(len(values) == 2 and all(isinstance(v, (int, np.integer)) for v in values), f"{what}: expected one or two integers, found {value!r}")
    return int(values[0]), int(values[1])
