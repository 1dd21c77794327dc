"""What can be looked at: a model, or a plan that someone has already made."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.runtime.inputs import check_inputs, random_inputs
from tinyinfer.runtime.plan import Plan
from tinyinfer.runtime.runnable import Runnable

Inputs = np.ndarray | Mapping[str, np.ndarray] | None


def make_inputs(graph: Graph, x: Inputs) -> dict[str, np.ndarray]:
    """Arrays by input name: as given, or random numbers at nominal size for None.  Raises InputError."""
    if x is None:
        return random_inputs(graph, graph.input_shapes())
    if isinstance(x, Mapping):
        return check_inputs(graph, x)
    if len(graph.inputs) != 1:
        raise InputError(f"inputs: expected {', '.join(i.name for i in graph.inputs)}; found one array")
    return check_inputs(graph, {graph.inputs[0].name: x})


def plan_for(subject: Runnable | Plan, arrays: Mapping[str, np.ndarray]) -> Plan:
    """The plan that runs these arrays.  Raises InputError when they do not fit the model."""
    return subject if isinstance(subject, Plan) else subject.plan({name: array.shape for name, array in arrays.items()})
