"""Runs networks whose values are of any dtype: node by node, each by its operator's reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from tinyinfer.errors import GraphError, InputError
from tinyinfer.graph import Graph
from tinyinfer.ops.base import Op
from tinyinfer.runtime.executor import Hook
from tinyinfer.runtime.plan import Step


def run_textbook(
    graph: Graph, inputs: Mapping[str, np.ndarray], outputs: Sequence[str], hook: Hook | None = None
) -> dict[str, np.ndarray]:
    """New arrays by output name.  Raises InputError for inputs of shapes that do not fit the network."""
    shapes = {name: array.shape for name, array in inputs.items()}
    try:
        types = graph.infer_types(shapes)
    except GraphError as error:
        raise InputError(f"the inputs do not fit the network: {error}") from None
    values = dict(inputs)
    for node in graph.topological_order():
        given, made = (tuple(types[value] for value in names) for names in (node.inputs, node.outputs))
        step = Step(node, given, made, dict(graph.param_arrays(node)))

        def call(step: Step = step) -> None:
            arrays = [values[value] for value in step.inputs]
            values.update(zip(step.outputs, cast(Op, step.node.op).reference(arrays, step.params), strict=True))

        if hook is None:
            call()
        else:
            hook(step, call, values.__getitem__)
    return {name: np.array(values[name], order="C") for name in outputs}  # never an input or a weight itself
