"""Shift biases so that layers of a quantised network have the means that they had in real numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from tinyinfer.changed_model import like
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.model import Model
from tinyinfer.ops.base import Op
from tinyinfer.ops.quantized.weights import LARGEST_SUM, QuantizedLayer
from tinyinfer.passes.portable.quantize.prepare import prepare
from tinyinfer.quantization.calibrate import Observer, Sample, by_name
from tinyinfer.runtime.inputs import check_inputs

PICTURES = 32  # whose means are compared, and whose codes are in memory at once

Progress = Callable[[int, int], None]


def correct_bias(model: Model, quantized: Graph, samples: Iterable[Sample], progress: Progress | None = None) -> Graph:
    """The quantised form of a model with other biases: on these samples, all layers' outputs have the model's means.

    Rounded weights and clipped values shift the mean of a channel, and shifts add up from layer to layer.  Layers are
    corrected in order, each on the codes that it gets from those before, corrected already, the mean being taken before
    the activation (Nagel et al. 2019, "Data-free quantization", appendix D; depthwise layers gain most).  A layer is
    linear, so that its mean output is its output for the mean input.  ``progress(layers, of)`` is called after each.

    Raises InputError when there are no samples, or of different shapes.
    """
    arrays = [dict(by_name(model.graph, sample)) for sample in samples]
    graph = prepare(model.graph)
    originals = {node.name: node for node in graph.nodes}
    layers = [n.name for n in quantized.nodes if isinstance(n.op, QuantizedLayer) and n.name in originals]
    wanted = {name: _mean_output(originals[name], graph, x) for name, x in _mean_inputs(model, graph, layers, arrays)}
    corrected, run = quantized.copy(), _Run(model, quantized, arrays)
    for node in quantized.topological_order():
        if node.name in wanted:
            node = _corrected(corrected, node, run.mean(node), wanted[node.name])
            if progress:
                progress(run.layers, len(layers))
        run.step(corrected, node)
    return corrected


def _mean_inputs(
    model: Model, graph: Graph, layers: Iterable[str], samples: Iterable[Mapping[str, np.ndarray]]
) -> Iterable[tuple[str, np.ndarray]]:
    """What each of these layers reads in the model, (1, ...), averaged over all samples."""
    reads = {name: graph.node(name).inputs[0] for name in layers}
    observe = Observer(model, graph, dict.fromkeys(reads.values()))
    means: dict[str, _Mean] = {}
    for sample in samples:
        for value, array in observe(sample).items():
            means.setdefault(value, _Mean()).add(array)
    if not means:
        raise InputError("bias correction: expected at least one picture, found none")
    return [(name, means[value].result) for name, value in reads.items()]


class _Mean:
    """A mean over batches, in memory of one element of them."""

    def __init__(self) -> None:
        self._sum: np.ndarray | None = None
        self._count = 0

    def add(self, batch: np.ndarray) -> None:
        """Take in the elements of a batch."""
        total = batch.sum(axis=0, dtype=np.float64)
        if self._sum is not None and total.shape != self._sum.shape:
            raise InputError(
                f"bias correction: expected pictures of one shape, found {self._sum.shape} and {total.shape}"
            )
        self._sum = total if self._sum is None else self._sum + total
        self._count += len(batch)

    @property
    def result(self) -> np.ndarray:
        """The mean, as a batch of one."""
        assert self._sum is not None
        return np.asarray(self._sum[None] / self._count)


def _mean_output(node: Node, graph: Graph, mean_input: np.ndarray) -> np.ndarray:
    """A layer's mean output by channel, before its activation."""
    op = dataclasses.replace(node.op, activation=None)  # type: ignore[type-var]
    params = {role: array.astype(np.float64) for role, array in graph.param_arrays(node).items()}
    assert isinstance(op, Op)
    (y,) = op.reference([mean_input], params)
    return _by_channel(y, 1 if y.ndim == 4 else -1)


def _by_channel(y: np.ndarray, axis: int) -> np.ndarray:
    return np.asarray(np.moveaxis(y, axis, 0).reshape(y.shape[axis], -1).mean(axis=1))


def _corrected(graph: Graph, node: Node, mean_input: np.ndarray, wanted: np.ndarray) -> Node:
    """The node, in the graph, with a bias that gives it the wanted means."""
    op, params = node.op, graph.param_arrays(node)
    assert isinstance(op, QuantizedLayer)
    worth = params["weight_scale"].astype(np.float64) * op.input_scale
    bias = params["bias"].astype(np.int64) if "bias" in params else np.zeros(len(worth), np.int64)
    weight = params["weight"].astype(np.float64) - op.weight_zero_point
    (sums,) = op.layer.reference([mean_input / op.input_scale], {"weight": weight, "bias": bias.astype(np.float64)})
    shift = np.rint(wanted / worth - _by_channel(sums, op.channel_axis)).astype(np.int64)
    most = LARGEST_SUM // 2
    key = f"{node.name}.bias:corrected"
    graph.weights[key] = np.clip(bias + shift, -most, most).astype(np.int32)
    changed = node.replace(params={**node.params, "bias": key})
    graph.replace_node(graph.node(node.name), changed)
    graph.remove_dead()
    return changed


class _Run:
    """A quantised network computed node by node, on all samples at once; values are let go after their last use."""

    def __init__(self, model: Model, graph: Graph, samples: list[dict[str, np.ndarray]]) -> None:
        self._model = model
        self._types = graph.infer_types()
        self._readers = {value: len(nodes) for value, nodes in graph.consumers().items()}
        self._values: dict[str, list[np.ndarray]] = {}
        self.layers, self._samples = 0, len(samples)
        for sample in samples:
            for name, array in check_inputs(graph, sample).items():
                self._values.setdefault(name, []).append(array)

    def mean(self, node: Node) -> np.ndarray:
        """What a layer reads, as real numbers, averaged over all samples."""
        self.layers += 1
        op, mean = node.op, _Mean()
        assert isinstance(op, QuantizedLayer)
        for codes in self._values[node.inputs[0]]:
            mean.add(codes)
        return np.asarray((mean.result - op.input_zero_point) * op.input_scale)

    def step(self, graph: Graph, node: Node) -> None:
        """Compute a node's outputs."""
        if node.inputs:
            compute = self._alone(graph, node)
            found = [compute(inputs) for inputs in zip(*(self._values[value] for value in node.inputs), strict=True)]
        else:
            assert isinstance(node.op, Op)
            found = [node.op.reference([], graph.param_arrays(node))] * self._samples
        for at, value in enumerate(node.outputs):
            self._values[value] = [outputs[at] for outputs in found]
        for value in node.inputs:
            self._readers[value] -= 1
            if not self._readers[value]:
                self._values.pop(value, None)

    def _alone(self, graph: Graph, node: Node) -> Callable[[tuple[np.ndarray, ...]], list[np.ndarray]]:
        """One node as a function of arrays, computed by the kernels that the model would take."""
        names = list(dict.fromkeys(node.inputs))
        ports = []
        for name in names:
            t = self._types[name]
            ports.append(Input(name, (None,) * len(t.shape), t.shape, t.dtype, t.quant))
        weights = graph.weights.select({key: key for key in node.params.values()})
        alone = like(self._model, Graph(ports, [node], list(node.outputs), weights))

        def compute(inputs: tuple[np.ndarray, ...]) -> list[np.ndarray]:
            outputs = alone.run(dict(zip(node.inputs, inputs, strict=True)))
            return [outputs[value] for value in node.outputs]

        return compute
