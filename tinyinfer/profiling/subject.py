"""What can be looked at: a model, or a plan that someone has already made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.graph import Graph, Shape
from tinyinfer.runtime.plan import Plan

Inputs = np.ndarray | Mapping[str, np.ndarray] | None


class ModelLike(Protocol):
    """What is used of `tinyinfer.Model`."""

    graph: Graph
    meta: dict[str, Any]

    def plan(self, input_shapes: Mapping[str, Shape] | None = None, capture: Sequence[str] = ()) -> Plan:
        """The plan for these input shapes."""
        ...


def make_inputs(graph: Graph, x: Inputs) -> dict[str, np.ndarray]:
    """Arrays by input name: as given, or random numbers at nominal size for None.  Raises InputError."""
    names = [i.name for i in graph.inputs]
    if x is None:
        rng = np.random.default_rng(0)
        return {i.name: rng.standard_normal(i.nominal, np.float32) for i in graph.inputs}
    given = dict(x) if isinstance(x, Mapping) else {names[0]: x} if len(names) == 1 else {}
    if sorted(given) != sorted(names):
        raise InputError(f"inputs: expected arrays for {', '.join(names)}; found {', '.join(given) or 'one array'}")
    return {name: np.asarray(given[name]).astype(np.float32, copy=False) for name in names}


def plan_for(subject: ModelLike | Plan, arrays: Mapping[str, np.ndarray]) -> Plan:
    """The plan that runs these arrays.  Raises InputError when they do not fit."""
    shapes = {name: array.shape for name, array in arrays.items()}
    if not isinstance(subject, Plan):
        return subject.plan(shapes)
    for name, shape in shapes.items():
        if subject.types[name].shape != shape:
            raise InputError(
                f"input {name!r}: the plan is for {subject.types[name]}, found {'x'.join(map(str, shape))}"
            )
    return subject
