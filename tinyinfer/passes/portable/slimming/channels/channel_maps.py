"""Every operator's channel map: one row for each kind, and the operators that no channel is cut across."""

from __future__ import annotations

from collections.abc import Callable

from tinyinfer.passes.portable.slimming.channels import elementwise, layers, movement, per_channel
from tinyinfer.passes.portable.slimming.channels.step import Step, Value

ChannelMap = Callable[[Step], list[Value]]

_OPERATORS: dict[ChannelMap, tuple[str, ...]] = {
    layers.conv2d: ("conv2d",),
    layers.conv_transpose2d: ("conv_transpose2d",),
    layers.deform_conv2d: ("deform_conv2d",),
    layers.irregular_conv2d: ("irregular_conv2d",),
    layers.linear: ("linear",),
    per_channel.norm: ("batch_norm", "instance_norm"),
    per_channel.factors: ("layer_scale", "prelu", "sparse_shift"),
    per_channel.scale_shift: ("scale_shift",),
    per_channel.pixels: (
        *("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "max_pool2d_with_indices"),
        *("interpolate", "grid_sample", "shift"),
    ),
    per_channel.resize: ("resize",),
    per_channel.unpool: ("max_unpool2d",),
    per_channel.along_dim: ("softmax", "log_softmax", "cumsum"),
    per_channel.reduction: ("mean", "sum", "prod", "amax", "amin"),
    elementwise.elementwise: (
        *("relu", "relu6", "sigmoid", "hardsigmoid", "hardswish", "silu", "tanh", "mish", "selu", "softsign"),
        *("logsigmoid", "tanhshrink", "gelu", "leaky_relu", "elu", "celu", "softplus", "hardtanh", "hardshrink"),
        *("softshrink", "threshold", "clamp", "cast"),
        *("add", "sub", "mul", "div", "pow", "minimum", "maximum", "remainder", "fmod"),
        *("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor", "logical_not", "isnan"),
        *("isinf", "where", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"),
        *("bitwise_not", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh"),
        *("neg", "abs", "sign", "sqrt", "exp", "log", "reciprocal", "erf", "floor", "ceil", "round"),
    ),
    movement.moved: (
        *("concat", "split", "index_select", "permute", "slice", "channel_shuffle", "pixel_shuffle"),
        *("pixel_unshuffle", "flatten", "reshape", "squeeze", "unsqueeze", "dropout", "identity", "tile"),
    ),
    movement.of_one: ("expand",),
    movement.pad: ("pad",),
    movement.constant: ("constant",),
}
CHANNEL_MAPS = {name: channel_map for channel_map, names in _OPERATORS.items() for name in names}

BARRIERS = frozenset(
    (
        # all channels of a pixel are set against each other, or runs of neighbours
        *("local_response_norm", "layer_norm", "group_norm", "encoding", "argmax", "argmin", "topk"),
        # rows and columns of products of two values, sizes, places and orders that are worked out
        *("matmul", "shape", "reshape_as", "index", "gather", "gather_nd", "scatter", "scatter_nd", "tril", "triu"),
        *("reverse_sequence", "non_max_suppression", "roi_align"),
        # passes for this machine and for integers make these, later
        *("depthwise_chain", "gated_conv2d", "interleave", "deinterleave", "join_pixels", "pixels_to_images"),
        *("relayout", "lookup", "quantize_linear", "dequantize_linear", "quantized_add", "quantized_mul"),
        *("quantized_sub", "quantized_prelu", "quantized_conv_transpose2d"),
        *("quantized_conv2d", "quantized_linear", "quantized_avg_pool2d", "quantized_adaptive_avg_pool2d"),
    )
)


def channel_map(operator: str) -> ChannelMap:
    """The map of an operator; channels stop at one that has none."""
    return CHANNEL_MAPS.get(operator, Step.barrier)
