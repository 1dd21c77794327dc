"""A tinyinfer graph as a torch module: what benchmarks run beside us, and what the default network is trained with.

It is also a second opinion on every operator, since torch computes each one here (tests/test_torch_cross_check.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinyinfer.bench.torch_peer.indexing import FUNCTIONS as INDEXING
from tinyinfer.bench.torch_peer.resampling import FUNCTIONS as RESAMPLING
from tinyinfer.bench.torch_peer.sampling import FUNCTIONS as SAMPLING
from tinyinfer.errors import UnsupportedOpError
from tinyinfer.graph import Graph, Node

FIXED = ("constant", "sparse_shift")  # operators whose numbers are given, or are rounded and so have no gradient
STATISTICS = ("running_mean", "running_var")


class TorchGraph(nn.Module):  # type: ignore[misc]
    """Runs a graph's nodes with torch.nn.functional, one function an operator.

    Parameters are the graph's weights under their keys with "/" for ".", which torch does not allow; running
    statistics are buffers.  In training mode batch norm uses the batch's statistics and moves the running ones
    towards them by ``momentum``.  Raises UnsupportedOpError for an operator that torch has no function for.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.order = graph.topological_order()
        self.momentum = 0.0
        statistics = {key for n in self.order for role, key in n.params.items() if role in STATISTICS}
        for node in self.order:
            if node.op.name not in FUNCTIONS and not any(hasattr(space, node.op.name) for space in (F, torch)):
                raise UnsupportedOpError(f"node {node.name!r}: torch has no function {node.op.name!r}")
            for key in node.params.values():
                value = torch.tensor(np.ascontiguousarray(graph.weights[key]))
                if key in statistics:
                    self.register_buffer(_safe(key), value)
                else:
                    trainable = value.is_floating_point() and node.op.name not in FIXED
                    self.register_parameter(_safe(key), nn.Parameter(value, trainable))
        self._overwrites = self._overwritable()

    def forward(self, *inputs: Tensor) -> Any:
        """The output for the inputs in the graph's order; a tuple when there are several outputs."""
        values = dict(zip((i.name for i in self.graph.inputs), inputs, strict=True))
        for node in self.order:
            params = {role: getattr(self, _safe(key)) for role, key in node.params.items()}
            function = FUNCTIONS.get(node.op.name, _by_name)
            results = function(self, node, [values[v] for v in node.inputs], params)
            values.update(zip(node.outputs, (results,) if isinstance(results, Tensor) else results, strict=True))
        outputs = tuple(values[name] for name in self.graph.outputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def parameter(self, key: str) -> Tensor:
        """The weight of this key of the graph."""
        return self.get_parameter(_safe(key))

    def weights(self) -> dict[str, np.ndarray]:
        """All weights, running statistics too, by the graph's keys."""
        return {name.replace("/", "."): value.detach().numpy().copy() for name, value in self.state_dict().items()}

    def trained(self) -> Graph:
        """A copy of the graph with the weights as they are now."""
        graph = self.graph.copy()
        graph.weights.update(self.weights())
        return graph

    def overwrites(self, node: Node) -> bool:
        """Whether the node may write its result over its input."""
        return node.name in self._overwrites

    def _overwritable(self) -> set[str]:
        # batch norm's gradient needs its input but not its output; fresh memory is what costs most here
        producers, consumers = self.graph.producers(), self.graph.consumers()
        return {
            reader.name
            for value, node in producers.items()
            if node.op.name == "batch_norm" and (reader := self.graph.sole_consumer(value, consumers))
        }


def _safe(key: str) -> str:
    return key.replace(".", "/")


Inputs = Sequence[Tensor]
Params = Mapping[str, Tensor]
Function = Callable[[TorchGraph, Any, Inputs, Params], Any]


def _by_name(_: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Any:
    """Operators that are torch's in name and attributes."""
    function = getattr(F, node.op.name, None) or getattr(torch, node.op.name)
    return function(*inputs, *params.values(), **node.op.attrs)


def _conv2d(_: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Tensor:
    op, x, weight = node.op, inputs[0], params["weight"]
    top, bottom, left, right = op.pads(tuple(x.shape[2:]), tuple(weight.shape[2:]))
    padding: Any = (top, left)
    if (top, left) != (bottom, right) or op.padding_mode != "zeros":
        mode = "constant" if op.padding_mode == "zeros" else op.padding_mode
        x, padding = F.pad(x, (left, right, top, bottom), mode=mode), 0
    y = F.conv2d(x, weight, params.get("bias"), op.stride, padding, op.dilation, op.groups)
    return _ending(op, y, inputs)


def _linear(_: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Tensor:
    return _ending(node.op, F.linear(inputs[0], params["weight"], params.get("bias")), inputs)


def _add(_: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Tensor:
    return _ending(node.op, inputs[0], inputs)


def _ending(op: Any, y: Tensor, inputs: Inputs) -> Tensor:
    if len(inputs) > 1:
        y = y + inputs[1]
    return y if op.activation is None else getattr(F, op.activation)(y)


def _batch_norm(net: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Tensor:
    roles = (params["running_mean"], params["running_var"], params.get("weight"), params.get("bias"))
    y = F.batch_norm(inputs[0], *roles, training=net.training, momentum=net.momentum, eps=node.op.eps)
    return _ending(node.op, y, inputs)


def _layer_scale(_: TorchGraph, __: Any, inputs: Inputs, params: Params) -> Tensor:
    return inputs[0] * params["gamma"].reshape(-1, *[1] * (inputs[0].dim() - 2))


def _scale_shift(_: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Tensor:
    across = (-1, *[1] * (inputs[0].dim() - 2))
    scale, shift = (torch.tensor(values, dtype=inputs[0].dtype) for values in (node.op.scale, node.op.shift))
    return inputs[0] * scale.reshape(across) + shift.reshape(across)


def _layer_norm(_: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Tensor:
    op, x = node.op, inputs[0]
    axes, back = op.axes(x.dim()), range(x.dim() - len(op.normalized_shape), x.dim())
    x = x.movedim(axes, tuple(back))  # torch normalises the last dimensions
    y = F.layer_norm(x, op.normalized_shape, params.get("weight"), params.get("bias"), op.eps)
    return y.movedim(tuple(back), axes)


def _group_norm(_: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Tensor:
    return F.group_norm(inputs[0], node.op.num_groups, params.get("weight"), params.get("bias"), node.op.eps)


def _instance_norm(_: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Tensor:
    mean, var, weight, bias = (params.get(role) for role in ("running_mean", "running_var", "weight", "bias"))
    return F.instance_norm(
        inputs[0], mean, var, weight, bias, use_input_stats="running_var" not in params, eps=node.op.eps
    )


def _relu6(net: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Tensor:
    return F.relu6(inputs[0], inplace=net.overwrites(node))


def _relu(net: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Tensor:
    return F.relu(inputs[0], inplace=net.overwrites(node))


def _dropout(net: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Tensor:
    return F.dropout(inputs[0], node.op.p, net.training)


def _max_pool2d(_: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Tensor:
    op, x = node.op, inputs[0]
    top, bottom, left, right = op.pads(tuple(x.shape[2:]))
    padding: Any = (top, left)
    if (top, left) != (bottom, right):
        x, padding = F.pad(x, (left, right, top, bottom), value=-torch.inf), 0
    return F.max_pool2d(x, op.kernel_size, op.stride, padding, op.dilation, op.ceil_mode)


def _avg_pool2d(_: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Tensor:
    op, x = node.op, inputs[0]
    size = tuple(x.shape[2:])
    top, bottom, left, right = op.pads(size)
    if (top, left) == (bottom, right):
        padding = (top, left)
        return F.avg_pool2d(
            x, op.kernel_size, op.stride, padding, op.ceil_mode, op.count_include_pad, op.divisor_override
        )
    # torch has no uneven padding here: sum the windows, divide by what our own rule counts
    x = F.pad(x, (left, right, top, bottom))
    sums = F.avg_pool2d(x, op.kernel_size, op.stride, 0, op.ceil_mode, divisor_override=1)
    return sums / torch.from_numpy(op.counts(size)).to(x)


def _pad(_: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Tensor:
    op = node.op
    sides = [side for before in range(len(op.pad) - 2, -1, -2) for side in op.pad[before : before + 2]]
    return F.pad(inputs[0], sides, op.mode, op.value if op.mode == "constant" else None)


def _reshape(_: TorchGraph, node: Any, inputs: Inputs, params: Params) -> Tensor:
    x = inputs[0]
    sizes = zip(node.op.keeps(), node.op.shape, strict=True)
    return x.reshape([size if at is None else x.shape[at] for at, size in sizes])


FUNCTIONS: dict[str, Function] = {
    "conv2d": _conv2d,
    "linear": _linear,
    "batch_norm": _batch_norm,
    "layer_scale": _layer_scale,
    "scale_shift": _scale_shift,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "relu": _relu,
    "relu6": _relu6,
    "dropout": _dropout,
    "constant": lambda net, node, inputs, params: params["value"],
    "shape": lambda net, node, inputs, params: torch.tensor(inputs[0].shape),
    "identity": lambda net, node, inputs, params: inputs[0],
    "max_pool2d": _max_pool2d,
    "avg_pool2d": _avg_pool2d,
    "pad": _pad,
    "add": _add,
    "concat": lambda net, node, inputs, params: torch.cat(list(inputs), node.op.dim),
    "split": lambda net, node, inputs, params: torch.split(inputs[0], **node.op.attrs),
    "index_select": lambda net, node, inputs, params: inputs[0].index_select(node.op.dim, torch.tensor(node.op.index)),
    "permute": lambda net, node, inputs, params: inputs[0].permute(node.op.dims),
    "flatten": lambda net, node, inputs, params: inputs[0].flatten(**node.op.attrs),
    "reshape": _reshape,
    **INDEXING,
    **RESAMPLING,
    **SAMPLING,
    "channel_shuffle": lambda net, node, inputs, params: torch.channel_shuffle(inputs[0], node.op.groups),
}
