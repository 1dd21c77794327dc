"""What is known of a type of layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinyinfer.formats.importing.call import Call
from tinyinfer.formats.ncnn.reading.parameters import Parameters
from tinyinfer.formats.ncnn.reading.weights import WeightReader

Lower = Callable[[Call, Parameters], "str | Sequence[str]"]
ReadWeights = Callable[[Parameters, WeightReader], dict[str, np.ndarray]]


@dataclass(frozen=True)
class LayerKind:
    """How a layer is lowered; ``names`` of its parameters by number; what it reads from the .bin, if anything.

    What ``weights`` gives becomes attributes of the node, beside the parameters.
    """

    lower: Lower
    names: Mapping[int, str] = field(default_factory=dict)
    weights: ReadWeights | None = None

    def named(self, parameters: Mapping[int, Any]) -> dict[str, Any]:
        """Parameters by name; one that is not known keeps its number."""
        return {self.names.get(number, f"parameter {number}"): value for number, value in parameters.items()}


Layers = Mapping[str, LayerKind]
