"""What the rest of the package uses of a model, which is built on top of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tinyinfer.graph import Graph, Shape

if TYPE_CHECKING:
    from tinyinfer.runtime.plan import Plan


class Runnable(Protocol):
    """`tinyinfer.Model` for those that it calls: tasks, profiling, evaluation, formats."""

    graph: Graph
    meta: dict[str, Any]

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def preprocess(self) -> dict[str, Any]:
        """How a picture becomes an input."""
        ...

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The first output for the only input."""
        ...

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All outputs by name."""
        ...

    def plan(self, input_shapes: Mapping[str, Shape] | None = None, capture: Sequence[str] = ()) -> Plan:
        """The plan for these input shapes."""
        ...
