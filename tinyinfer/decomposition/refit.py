"""Fit decomposed layers to what their network computes on pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.graph import Graph, Node
from tinyinfer.model import Model
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.linear import Linear
from tinyinfer.ops.geometry import PADDING_MODES, pad_image, taps
from tinyinfer.quantization.calibrate import Observer
from tinyinfer.quantization.post_training import Samples

RIDGE = 1e-3  # of the mean energy of what a layer reads: what pictures say little about stays as it was

Progress = Callable[[int, int], None]


def refit(
    model: Model, decomposed: Graph, layers: Sequence[str], samples: Samples, progress: Progress | None = None
) -> Graph:
    """The decomposed form of a model's graph, the last part of each of these layers fitted by least squares.

    Weight and bias become those that come closest, on these samples, to what the layer gives in the model before its
    activation.  Layers are fitted in order, each on what it gets from those before, fitted already, so that their
    errors do not add up (Zhang et al. 2015, section 3.3).  ``progress(layers, of)`` is called after each.

    Raises InputError when there are no samples.
    """
    graph = decomposed.copy()
    wanted = set(layers)
    order = [node.name for node in graph.topological_order() if node.name in wanted and len(node.inputs) == 1]
    for done, name in enumerate(order):
        node, original = graph.node(name), model.graph.node(name)
        given = Observer(model, graph, [node.inputs[0]])
        target = Observer(model, _without_activation(model.graph, original), [original.outputs[0]])
        equations = _Equations(graph, node)
        for sample in samples:
            (x,), (y,) = given(sample).values(), target(sample).values()
            equations.add(x, y)
        _replace_weights(graph, node, *equations.solve())
        if progress:
            progress(done + 1, len(order))
    return graph


def _without_activation(graph: Graph, node: Node) -> Graph:
    graph = graph.copy()
    graph.replace_node(node, node.replace(op=dataclasses.replace(node.op, activation=None)))  # type: ignore[type-var]
    return graph


def _replace_weights(graph: Graph, node: Node, weight: np.ndarray, bias: np.ndarray) -> None:
    keys = {"weight": node.params["weight"], "bias": f"{node.name}.bias:fitted"}
    graph.weights[keys["weight"]] = weight
    graph.weights[keys["bias"]] = bias
    graph.replace_node(node, node.replace(params=keys))
    graph.remove_dead()


class _Equations:
    """Normal equations of a layer's weight and bias, in memory that does not grow with the samples."""

    def __init__(self, graph: Graph, node: Node) -> None:
        params = graph.param_arrays(node)
        self._op, self._weight = node.op, params["weight"]
        rows = self._weight.reshape(len(self._weight), -1).astype(np.float64)
        bias = np.asarray(params.get("bias", np.zeros(len(rows))), np.float64)
        self._start = np.concatenate([rows, bias[:, None]], axis=1)
        size = self._start.shape[1]
        self._inner, self._cross = np.zeros((size, size)), np.zeros((len(rows), size))

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Take in what the layer reads in a call, and what it is to give."""
        read = self._columns(x)
        wrong = np.moveaxis(y, 1 if y.ndim == 4 else -1, 0).reshape(len(self._start), -1) - self._start @ read
        self._inner += read @ read.T
        self._cross += wrong @ read.T

    def solve(self) -> tuple[np.ndarray, np.ndarray]:
        """Weight and bias.  Raises InputError when nothing was taken in."""
        mean = float(np.trace(self._inner)) / len(self._inner)
        if not mean:
            raise InputError("low rank: expected at least one picture to fit layers to, found none")
        ridge = RIDGE * mean * np.eye(len(self._inner))
        found = self._start + np.linalg.solve(self._inner + ridge, self._cross.T).T
        return found[:, :-1].reshape(self._weight.shape).astype(np.float32), found[:, -1].astype(np.float32)

    def _columns(self, x: np.ndarray) -> np.ndarray:
        """What each output is a product with: the elements of its window, and 1 for the bias."""
        if isinstance(self._op, Linear):
            read = x.reshape(-1, x.shape[-1]).T
        else:
            assert isinstance(self._op, Conv2d)
            op, window = self._op, self._weight.shape[2:]
            padded = pad_image(x, op.pads(x.shape[2:], window), PADDING_MODES[op.padding_mode])
            seen = [values for *_, values in taps(padded, window, op.stride, op.dilation)]
            read = np.stack(seen).transpose(2, 0, 1, 3, 4).reshape(x.shape[1] * len(seen), -1)
        return np.concatenate([read, np.ones((1, read.shape[1]))]).astype(np.float64)
