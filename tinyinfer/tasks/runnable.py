"""What tasks need of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from tinyinfer.graph import Graph


class Runnable(Protocol):
    """What tasks use of `tinyinfer.Model`."""

    graph: Graph
    meta: dict[str, Any]

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
