"""Norms of a network that was never trained scale down what has grown too large.

With random weights and norms that do nothing, values grow at every sum until gates know only 0 and 1.  Such a network
is chaotic (a change in the fifth digit of an input can move an output by more than its standard deviation), and no
two engines agree on it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyinfer.bench.networks import make_inputs
from tinyinfer.graph import Graph, Node
from tinyinfer.model import Model
from tinyinfer.runtime.executor import View, execute
from tinyinfer.runtime.plan import Step


def calibrate(model: Model) -> Model:
    """The model with every norm dividing by the root mean square of its input where that is above 1, in one pass.

    As LSUV does with weights (Mishkin and Matas, "All you need is a good init", 2016), except that nothing is scaled
    up, which would do the same to errors.  Variances alone are set, and none if any norm
    has seen data: a model with weights of its own is returned as it is.
    """
    norms = [node for node in model.graph.nodes if node.op.name == "batch_norm"]
    if not norms or not all(_untouched(model.graph, node) for node in norms):
        return model
    graph = model.graph.copy()
    for node in norms:
        key = node.params["running_var"]
        graph.weights[key] = np.ones(graph.weights.shape(key), np.float32)

    def observe(step: Step, call: Callable[[], None], view: View) -> None:
        if step.node.op.name == "batch_norm":
            step.params["running_var"][:] = max(1, np.mean(np.square(view(step.node.inputs[0]), dtype=np.float64)))
        call()

    inputs = make_inputs(graph, 1)
    shapes = {name: array.shape for name, array in inputs.items()}
    execute(Model(graph, kernels="reference").plan(shapes), inputs, observe)
    return Model(graph, model.meta, model.options.threads, model.options.kernels)


def _untouched(graph: Graph, node: Node) -> bool:
    arrays = graph.param_arrays(node)
    return bool(np.all(arrays["running_mean"] == 0) and np.all(arrays["running_var"] == 1))
