"""Whether a network can run in the page itself, and the program that network.js runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.geometry import resolve_padding
from tinyinfer.ops.movement.pad import Pad
from tinyinfer.ops.movement.slicing import Slice
from tinyinfer.ops.normalization.batch_norm import BatchNorm
from tinyinfer.ops.normalization.scale_shift import ScaleShift
from tinyinfer.ops.pooling.pooling import AvgPool2d, WindowPool
from tinyinfer.pages.document import base64_bytes

MOST_WEIGHTS = 400_000  # float32 numbers: 2.1 MB of a page
MOST_MACS = 100_000_000  # half a second in plain JavaScript

POINTWISE = ("relu", "relu6", "sigmoid", "hardsigmoid", "hardswish", "silu", "tanh")  # of activations.js
VIEWS = ("flatten", "reshape", "squeeze", "unsqueeze", "identity", "dropout")


def program(graph: Graph, types: dict[str, TensorType], macs: int) -> dict[str, Any] | None:
    """Steps and weights for network.js, or None for a network that is too large or has what it does not know.

    Values are numbered: the input, then the outputs of one node after the other.
    """
    if sum(array.size for array in graph.weights.values()) > MOST_WEIGHTS or macs > MOST_MACS:
        return None
    number = {graph.inputs[0].name: 0}
    weights = _Weights()
    steps = []
    for node in graph.topological_order():
        if (step := _step(graph, node, types, weights)) is None:
            return None
        for value in node.outputs:
            number[value] = len(number)
        step["reads"] = [number[value] for value in node.inputs]
        step["writes"] = [number[value] for value in node.outputs]
        step["shapes"] = [_image(types[value].shape) for value in node.outputs]
        steps.append(step)
    return {
        "steps": steps,
        "input": _image(types[graph.inputs[0].name].shape),
        "output": number[graph.outputs[0]],
        "numbers": number,
        "weights": base64_bytes(np.concatenate([*weights.arrays, np.zeros(0, "<f4")]).astype("<f4").tobytes()),
    }


class _Weights:
    """All weights in one row; a step names its own by where they begin and end."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self.length = 0

    def put(self, array: np.ndarray) -> list[int]:
        self.arrays.append(np.asarray(array, np.float32).reshape(-1))
        self.length += array.size
        return [self.length - array.size, self.length]


def _image(shape: tuple[int, ...]) -> list[int]:
    """A shape (1, C, H, W) or (1, F) as channels, height and width."""
    return [*shape[1:], 1, 1][:3]


def _step(graph: Graph, node: Node, types: dict[str, TensorType], weights: _Weights) -> dict[str, Any] | None:
    """One node for network.js; None if that does not know it."""
    if not all(_fits(types[value]) for value in (*node.inputs, *node.outputs)):
        return None
    op, name = node.op, node.op.name
    before, after = (types[value].shape for value in (node.inputs[0], node.outputs[0]))
    activation = getattr(op, "activation", None)
    if activation not in (None, *POINTWISE):
        return None
    common = {"op": name, "activation": activation}
    if name in ("conv2d", "linear") and len(node.inputs) == 1:
        return _weighted(graph, node, before, weights, common)
    if isinstance(op, WindowPool) and not (isinstance(op, AvgPool2d) and _odd(op)):
        top, _, left, _ = op.pads((before[2], before[3]))
        kind = "max_pool2d" if name == "max_pool2d" else "avg_pool2d"
        inside = not getattr(op, "count_include_pad", False)
        return {
            "op": kind, "activation": None, "kernel": op.kernel_size, "stride": op.step, "pad": (top, left),
            "dilation": op.dilation, "inside": inside,
        }  # fmt: skip
    if name == "adaptive_avg_pool2d" or (name == "mean" and set(getattr(op, "dim", None) or ()) in ({2, 3}, {-1, -2})):
        return {"op": "bins", "activation": None}
    if isinstance(op, BatchNorm | ScaleShift):
        scale, shift = _scaled(graph, node, op, before[1])
        return {**common, "op": "scale_shift", "scale": weights.put(scale), "shift": weights.put(shift)}
    if name == "channel_shuffle":
        return {**common, "groups": op.groups}  # type: ignore[attr-defined]
    if isinstance(op, Slice | Pad):
        return _moved(op, before, common)
    if name in ("concat", "split") and getattr(op, "dim", None) in (1, 1 - len(before)):
        return common
    if name in ("softmax", "log_softmax"):
        return common if len(after) == 2 and getattr(op, "dim", None) in (1, -1) else None
    if name in ("add", "mul") and all(len(types[value].shape) == len(after) for value in node.inputs):
        return common
    if name in VIEWS:
        return {**common, "op": "view"}
    return common if name in POINTWISE else None


def _fits(kind: TensorType) -> bool:
    return kind.dtype == "float32" and len(kind.shape) in (2, 4) and kind.shape[0] == 1


def _scaled(graph: Graph, node: Node, op: BatchNorm | ScaleShift, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """The factor of each channel, and what is added to it then: of a norm its four parameters folded into two."""
    if isinstance(op, ScaleShift):
        return np.broadcast_to(op.scale, (channels,)), np.broadcast_to(op.shift, (channels,))
    p = {role: graph.weights[key].astype(np.float64) for role, key in node.params.items()}
    scale = p.get("weight", 1.0) / np.sqrt(p["running_var"] + op.eps)
    return scale, p.get("bias", 0.0) - p["running_mean"] * scale


def _moved(op: Slice | Pad, before: tuple[int, ...], common: dict[str, Any]) -> dict[str, Any] | None:
    """Part of a map, or zeros around it: output i along a dimension is input (i - before) or start + i * step."""
    if isinstance(op, Slice):
        cuts = [cut.indices(size) for cut, size in zip(op.slices(len(before)), before, strict=True)]
        return {**common, "start": _three([cut[0] for cut in cuts], 0), "step": _three([cut[2] for cut in cuts], 1)}
    widths = op.widths(len(before))
    if op.mode != "constant" or min(min(sides) for sides in widths) < 0 or widths[0] != (0, 0):
        return None
    return {**common, "before": _three([side for side, _ in widths], 0), "value": op.value}


def _three(numbers: list[int], rest: int) -> list[int]:
    """What belongs to channels, rows and columns."""
    return [*numbers[1:], rest, rest][:3]


def _odd(op: AvgPool2d) -> bool:
    return op.divisor_override is not None or op.ceil_mode


def _weighted(
    graph: Graph, node: Node, before: tuple[int, ...], weights: _Weights, common: dict[str, Any]
) -> dict[str, Any] | None:
    weight = graph.weights[node.params["weight"]]
    bias = graph.weights[node.params["bias"]] if "bias" in node.params else np.zeros(len(weight), np.float32)
    step = {**common, "op": "conv2d", "weight": weights.put(weight), "bias": weights.put(bias)}
    op = node.op
    if not isinstance(op, Conv2d):
        one = {"kernel": (1, 1), "stride": (1, 1), "dilation": (1, 1)}
        return {**step, **one, "pad": (0, 0), "groups": 1} if len(before) == 2 else None
    if op.padding_mode != "zeros":
        return None
    kernel = (weight.shape[2], weight.shape[3])
    top, _, left, _ = resolve_padding(op.padding, (before[2], before[3]), kernel, op.stride, op.dilation)
    return {
        **step, "kernel": kernel, "stride": op.stride, "pad": (top, left), "dilation": op.dilation, "groups": op.groups,
    }  # fmt: skip
