"""Linear layers over the channels of 1x1 maps that become maps again: 1x1 convolutions.

So files have the layers of squeeze-and-excitation gates, around which convolutions are looked for.
"""

from __future__ import annotations

from tinyinfer.dim import expression_of
from tinyinfer.graph import Node
from tinyinfer.ops.activation.activation import Activation
from tinyinfer.ops.arithmetic.clamp import Clamp
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.linear import Linear
from tinyinfer.ops.normalization.scale_shift import ScaleShift
from tinyinfer.passes.portable.recognise.patterns.chains import Chain, chains
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.rearrangement import only_views
from tinyinfer.passes.portable.recognise.permutes import pixel_weights


def recognise_gate_layers(editing: Editing) -> None:
    """Make linear layers between two views of a 1x1 map convolutions, and leave the views out."""
    for old in editing.in_order():
        node = editing.current(old)
        if node is None or not only_views(node) or not _views_pixels(editing, node.outputs[0], node.inputs[0]):
            continue
        for chain in chains(editing, node, _belongs):
            if _is_of_pixels(editing, chain):
                _as_images(editing, chain)
                break


def _belongs(node: Node) -> bool:
    return only_views(node) or (len(node.inputs) == 1 and isinstance(node.op, Activation | Clamp | ScaleShift | Linear))


def _is_of_pixels(editing: Editing, chain: Chain) -> bool:
    """Whether a chain leads from an image of one pixel to another one, by way of a squeeze and an excitation."""
    if len(chain) < 3:
        return False
    (first, value), *inner, _ = chain
    layers = [node for node, _ in inner if isinstance(node.op, Linear)]
    views = [node for node, _ in inner if only_views(node)]
    return len(layers) > 1 and not views and only_views(first) and _views_pixels(editing, first.inputs[0], value)


def _views_pixels(editing: Editing, image: str, row: str) -> bool:
    """Whether a value is an image of one pixel, (N, C, 1, 1), and another one the same without these dimensions."""
    sizes, features = ([*map(expression_of, editing.types[value].shape)] for value in (image, row))
    one = expression_of(1)
    return len(sizes) == 4 and sizes == [*features, one, one]


def _as_images(editing: Editing, chain: Chain) -> None:
    """Compute in the shape of images what is between the first and the last view of a chain."""
    (first, _), *inner, (_, result) = chain
    source = first.inputs[0]
    for node, _ in reversed(chain):
        editing.remove(node)
    for node, value in inner:
        op, params = node.op, dict(node.params)
        if isinstance(op, Linear):
            op, params = Conv2d(activation=op.activation), pixel_weights(editing, node)
        output = result if node is inner[-1][0] else value
        (editing.types[output],) = op.infer([editing.types[source]], editing.param_types(params))
        editing.add(node.replace(op=op, inputs=(source,), outputs=(output,), params=params))
        source = output
