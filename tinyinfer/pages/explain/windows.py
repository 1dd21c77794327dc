"""How an output pixel follows from the inputs, as windows.js computes it, for the operators whose arithmetic is shown.

A record has a ``kind``: "conv" (a weighted sum of a window), "max" or "mean" (of a window, or of bins), "add" or "mul"
(of the same pixel of all inputs), "same" (a function of the same pixel), "concat" and "copy" (a pixel taken over).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinyinfer.graph import Graph, Node, Shape, TensorType
from tinyinfer.ops.activation.activation import Activation
from tinyinfer.pages.explain.receptive_field import window_of

POOLS = {"max_pool2d": "max", "avg_pool2d": "mean"}
BINS = {"adaptive_avg_pool2d": "mean", "adaptive_max_pool2d": "max", "mean": "mean"}
ONE = {"kernel": (1, 1), "stride": (1, 1), "pad": (0, 0), "dilation": (1, 1)}
POINTWISE = (
    *("batch_norm", "scale_shift", "layer_scale", "prelu", "clamp", "dropout", "identity"),
    *("quantize_linear", "dequantize_linear", "lookup", "cast"),
)
VIEWS = ("flatten", "reshape", "squeeze")

Record = dict[str, Any]


def arithmetic(graph: Graph, node: Node, types: Mapping[str, TensorType]) -> Record | None:
    """The record of a node; None where the page doesn't show how its pixels come about."""
    op: Any = node.op
    name = op.name
    sizes = [types[value].shape for value in node.inputs]
    after = types[node.outputs[0]].shape
    if name in ("conv2d", "linear") and len(node.inputs) == 1:
        return _weighted(graph, node, sizes[0])
    if len(sizes[0]) != 4:
        return {"kind": "copy"} if name in VIEWS else None
    if name in POOLS:
        window = vars(window_of(graph, node, sizes[0]))
        return {"kind": POOLS[name], **window, "padded": getattr(op, "count_include_pad", False)}
    if name in BINS and (name != "mean" or set(op.dim or ()) in ({2, 3}, {-1, -2})):
        return {"kind": BINS[name], "bins": after[2:] if len(after) == 4 else (1, 1)}
    if name in ("add", "mul") and all(len(size) == 4 for size in (*sizes, after)):
        return {"kind": name}
    if len(node.inputs) == 1 and (isinstance(op, Activation) or name in POINTWISE):
        return {"kind": "same"}
    return _taken_over(op, sizes, after)


def _weighted(graph: Graph, node: Node, size: Shape) -> Record | None:
    op: Any = node.op
    if op.name == "linear":
        return {"kind": "conv", **ONE, "groups": 1, "inputs": size[1]} if len(size) == 2 else None
    if op.padding_mode != "zeros":
        return None
    return {"kind": "conv", **vars(window_of(graph, node, size)), "groups": op.groups, "inputs": size[1]}


def _taken_over(op: Any, sizes: list[Shape], after: Shape) -> Record | None:
    """Channels that come as they are; ``order`` has for each the channel of the input."""
    channels = sizes[0][1]
    if op.name == "concat" and op.dim in (1, -3):
        return {"kind": "concat", "channels": [size[1] for size in sizes]}
    if op.name == "channel_shuffle":
        each = channels // op.groups
        return {"kind": "copy", "order": [(c % op.groups) * each + c // op.groups for c in range(channels)]}
    if op.name == "index_select" and op.dim in (1, -3):
        return {"kind": "copy", "order": list(op.index)}
    if op.name == "split" and op.dim in (1, -3):
        return {"kind": "copy"}
    if op.name in VIEWS and (sizes[0][2:] == (1, 1) or (op.name == "flatten" and len(after) == 2)):
        return {"kind": "copy"}
    return None
