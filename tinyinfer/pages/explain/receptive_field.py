"""How much of a photo each pixel of a feature map can see: its receptive field, followed layer by layer.

The arithmetic is that of Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), with strides
multiplied up on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.ops.geometry import resolve_padding
from tinyinfer.ops.movement.pad import Pad
from tinyinfer.ops.movement.slicing import Slice

# operators of which a pixel sees what the same pixels of the inputs see
ALIKE = (
    *("add", "sub", "mul", "div", "minimum", "maximum", "pow", "neg", "abs", "sqrt", "clamp"),
    *("concat", "split", "index_select", "channel_shuffle", "dropout", "identity"),
    *("batch_norm", "scale_shift", "layer_scale", "softmax", "log_softmax"),
    *("relu", "relu6", "prelu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "hardtanh", "tanh", "softplus"),
    *("sigmoid", "hardsigmoid", "hardswish"),
    *("quantize_linear", "dequantize_linear", "cast", "lookup", "quantized_add", "quantized_sub", "quantized_mul"),
)
WINDOWS = ("conv2d", "quantized_conv2d", "max_pool2d", "avg_pool2d", "quantized_avg_pool2d")
REACH = {"nearest": 0, "nearest-exact": 0, "bilinear": 1, "bicubic": 2}  # pixels to both sides that a mixture takes


@dataclass(frozen=True)
class Axis:
    """Pixel i of a map sees the photo's from ``step`` * i + ``low`` up to, but not, ``step`` * i + ``high``."""

    step: float
    low: float
    high: float

    def window(self, kernel: int, stride: int, before: int, dilation: int) -> Axis:
        """The same for a window that slides over the map, which ``before`` pixels of padding precede."""
        first, last = -before, -before + (kernel - 1) * dilation
        return Axis(self.step * stride, self.step * first + self.low, self.step * last + self.high)

    def enlarged(self, ratio: float, reach: int) -> Axis:
        """The same for a map that is mixed from pixels ``ratio`` apart."""
        centre = 0.5 * ratio - 0.5
        return Axis(
            self.step * ratio, self.step * (centre - reach) + self.low, self.step * (centre + reach) + self.high
        )


Field = tuple[Axis, Axis]  # down and across


def receptive_fields(graph: Graph, types: Mapping[str, TensorType]) -> dict[str, Field | None]:
    """The field of every value; None for those that see all of the photo.

    The gates of squeeze and excitation, of one pixel, see all of it, and are left out of what they multiply.
    """
    fields: dict[str, Field | None] = {i.name: (Axis(1, 0, 1), Axis(1, 0, 1)) for i in graph.inputs}
    for node in graph.topological_order():
        found = _field(graph, node, types, fields)
        fields.update(dict.fromkeys(node.outputs, found))
    return fields


def _field(
    graph: Graph, node: Node, types: Mapping[str, TensorType], fields: Mapping[str, Field | None]
) -> Field | None:
    shape = types[node.outputs[0]].shape
    before = types[node.inputs[0]].shape if node.inputs else ()
    if len(shape) != 4 or len(before) != 4:
        return None
    if node.op.name in ALIKE:
        whole = [fields[value] for value in node.inputs if types[value].shape[2:] == shape[2:]]
        return _union(whole)
    below = fields[node.inputs[0]]
    if below is None:
        return None
    if node.op.name in WINDOWS:
        return _window(graph, node, before, below)
    if isinstance(node.op, Slice | Pad):
        return _moved(node.op, before, below)
    if node.op.name in ("interpolate", "resize", "pixel_shuffle", "conv_transpose2d"):
        reach = REACH.get(getattr(node.op, "mode", "nearest"), 1) + (node.op.name == "conv_transpose2d")
        down, across = (axis.enlarged(before[2 + i] / shape[2 + i], reach) for i, axis in enumerate(below))
        return down, across
    return None


def _union(fields: list[Field | None]) -> Field | None:
    known = [field for field in fields if field is not None]
    if not known or len(known) < len(fields):
        return None
    down, across = (
        Axis(axes[0].step, min(axis.low for axis in axes), max(axis.high for axis in axes))
        for axes in zip(*known, strict=True)
    )
    return down, across


def _moved(op: Slice | Pad, size: tuple[int, ...], below: Field) -> Field:
    """Every so many-th pixel from a start, or pixels around: windows of one pixel."""
    if isinstance(op, Slice):
        cuts = [cut.indices(n) for cut, n in zip(op.slices(4)[2:], size[2:], strict=True)]
        steps = [(-start, step) for start, _, step in cuts]
    else:
        steps = [(before, 1) for before, _ in op.widths(4)[2:]]
    down, across = (axis.window(1, step, before, 1) for axis, (before, step) in zip(below, steps, strict=True))
    return down, across


def _window(graph: Graph, node: Node, size: tuple[int, ...], below: Field) -> Field:
    window = window_of(graph, node, size)
    down, across = (
        axis.window(window.kernel[i], window.stride[i], window.pad[i], window.dilation[i])
        for i, axis in enumerate(below)
    )
    return down, across


@dataclass(frozen=True)
class Window:
    """What slides over a map: each (down, across); ``pad`` is that above and to the left."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    dilation: tuple[int, int]


def window_of(graph: Graph, node: Node, size: tuple[int, ...]) -> Window:
    """The window of a convolution or pooling over maps (N, C, H, W) of this size."""
    op: Any = node.op
    high, wide = graph.weights.shape(node.params["weight"])[2:4] if "weight" in node.params else op.kernel_size
    stride, dilation = op.stride, getattr(op, "dilation", (1, 1))
    top, _, left, _ = resolve_padding(op.padding, (size[2], size[3]), (high, wide), stride, dilation)
    return Window((high, wide), stride, (top, left), dilation)
