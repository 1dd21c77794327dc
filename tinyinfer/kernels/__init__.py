"""The hot loops: arrays in, arrays out.  Nothing here knows a graph.

Importing this package does not import Numba; `find` and `names` do, when a kernel is first needed.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from typing import Any

from tinyinfer.errors import InputError
from tinyinfer.kernels.base import Kernel

# files that define kernels and the operators these are for, so that a network brings in no others; each lists its own
# kernels in KERNELS
_MODULES: dict[str, tuple[str, ...]] = {
    "conv.bf16x3_conv2d": ("conv2d", "gated_conv2d"),
    "matmul.pointwise": ("conv2d", "linear"),
    "matmul.grouped_pointwise": ("conv2d",),
    "depthwise.depthwise": ("conv2d",),
    "depthwise.narrow_groups": ("conv2d",),
    "depthwise.depthwise_chain": ("depthwise_chain",),
    "matmul.gated_pointwise": ("gated_conv2d",),
    "matmul.stacks": ("matmul",),
    "conv.direct": ("conv2d",),
    "conv.im2col": ("conv2d",),
    "conv.winograd": ("conv2d",),
    "quantized.matrix_layers": ("quantized_conv2d", "quantized_linear"),
    "quantized.windows": ("quantized_conv2d",),
    "quantized.winograd": ("quantized_conv2d",),
    "pooling.small_windows": ("max_pool2d", "avg_pool2d"),
    "pooling.pooling": ("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "mean"),
    "pooling.reduction": ("sum", "mean", "amax", "amin"),
    "pointwise_math.softmax": ("softmax", "log_softmax"),
    "pointwise_math.activation": (
        *("relu", "relu6", "hardtanh", "leaky_relu", "hardsigmoid", "hardswish", "softsign"),
        *("sigmoid", "silu", "tanh", "elu", "celu", "selu", "mish", "gelu"),
        *("neg", "abs", "sqrt", "reciprocal", "exp", "clamp"),
        *("log", "erf", "floor", "ceil", "round", "sign", "softplus", "logsigmoid"),
    ),
    "pointwise_math.arithmetic": ("add", "mul", "sub", "div", "minimum", "maximum"),
    "pointwise_math.conversions": ("cast", "quantize_linear", "dequantize_linear"),
    "pointwise_math.predicates": (
        *("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor", "logical_not"),
        *("isnan", "isinf", "where"),
    ),
    "pointwise_math.elementwise": ("batch_norm", "layer_scale", "scale_shift", "prelu"),
    "movement.interleave": ("interleave", "deinterleave"),
    "movement.copies": (
        *("concat", "split", "flatten", "reshape", "reshape_as", "squeeze", "unsqueeze"),
        *("join_pixels", "pixels_to_images", "relayout"),
    ),
    "movement.channel_order": ("channel_shuffle", "index_select"),
    "movement.selections": ("slice", "tile", "expand", "pad", "index_select", "concat", "split"),
    "movement.permute": ("permute",),
    "pointwise_math.norms": ("layer_norm", "group_norm"),
    "pointwise_math.instance_norm": ("instance_norm",),
    "depthwise.shift": ("shift", "sparse_shift"),
    "conv.deform": ("deform_conv2d",),
    "conv.transposed": ("conv_transpose2d",),
    "pooling.resample": ("interpolate", "resize"),
    "pooling.sampling": ("grid_sample",),
    "pooling.regions": ("roi_align",),
    "pooling.extremum": ("argmax", "argmin"),
    "selection.topk": ("topk",),
    "selection.indexing": ("index", "gather"),
    "selection.non_max_suppression": ("non_max_suppression",),
    "pooling.unpooling": ("max_pool2d_with_indices", "max_unpool2d"),
    "quantized.depthwise.depthwise": ("quantized_conv2d",),
    "quantized.depthwise.one_tap": ("quantized_conv2d",),
    "quantized.arithmetic": ("quantized_add", "quantized_sub", "quantized_mul"),
    "quantized.lookup": ("lookup",),
    "quantized.prelu": ("quantized_prelu",),
    "quantized.transposed": ("quantized_conv_transpose2d",),
    "quantized.small_windows": ("max_pool2d",),
    "quantized.pooling": ("quantized_avg_pool2d", "quantized_adaptive_avg_pool2d", "max_pool2d"),
    "movement.pixel_shuffle": ("pixel_shuffle", "pixel_unshuffle"),
    "pointwise_math.response_norm": ("local_response_norm",),
}


@functools.cache
def _kernels_of(op: str) -> dict[str, type[Kernel]]:
    modules = [importlib.import_module(f"tinyinfer.kernels.{name}") for name, ops in _MODULES.items() if op in ops]
    return {kernel.name: kernel for module in modules for kernel in module.KERNELS if kernel.op == op}


def list(op: str) -> Sequence[type[Kernel]]:
    """Every fast kernel of an operator (none for most operators: the reference serves them)."""
    return tuple(_kernels_of(op).values())


def find(op: str, name: str) -> type[Kernel]:
    """The kernel called ``name``; raises InputError naming the ones there are."""
    kernels = _kernels_of(op)
    if name not in kernels:
        raise InputError(f"no kernel {name!r} for {op}; there are: {', '.join(sorted(kernels)) or 'none'}")
    return kernels[name]


def __getattr__(name: str) -> Any:
    if name in ("call", "prepare"):  # they need the files of kernels, which need this package
        return getattr(importlib.import_module("tinyinfer.kernels.bare.on_arrays"), name)
    raise AttributeError(f"module 'tinyinfer.kernels' has no attribute {name!r}")
