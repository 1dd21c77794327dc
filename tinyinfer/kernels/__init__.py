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
    "bf16x3_conv2d": ("conv2d", "gated_conv2d"),
    "pointwise": ("conv2d", "linear"),
    "grouped_pointwise": ("conv2d",),
    "depthwise": ("conv2d",),
    "narrow_groups": ("conv2d",),
    "depthwise_chain": ("depthwise_chain",),
    "gated_pointwise": ("gated_conv2d",),
    "direct": ("conv2d",),
    "im2col": ("conv2d",),
    "winograd": ("conv2d",),
    "small_windows": ("max_pool2d", "avg_pool2d"),
    "pooling": ("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "mean"),
    "activation": (
        *("relu", "relu6", "hardtanh", "leaky_relu", "hardsigmoid", "hardswish", "softsign"),
        *("sigmoid", "silu", "tanh", "elu", "celu", "selu", "mish", "gelu"),
        *("neg", "abs", "sqrt", "reciprocal", "exp", "clamp"),
    ),
    "arithmetic": ("add", "mul", "sub", "div", "minimum", "maximum"),
    "elementwise": ("batch_norm", "layer_scale", "scale_shift", "prelu"),
    "interleave": ("interleave",),
    "layout": ("concat", "split", "pad", "flatten", "join_pixels", "relayout"),
    "channel_order": ("channel_shuffle", "index_select"),
    "norms": ("layer_norm", "group_norm"),
    "instance_norm": ("instance_norm",),
    "shift": ("shift", "sparse_shift"),
    "deform": ("deform_conv2d",),
    "transposed": ("conv_transpose2d",),
    "resample": ("interpolate",),
    "unpooling": ("max_pool2d_with_indices", "max_unpool2d"),
    "pixel_shuffle": ("pixel_shuffle", "pixel_unshuffle"),
    "response_norm": ("local_response_norm",),
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
        return getattr(importlib.import_module("tinyinfer.kernels.on_arrays"), name)
    raise AttributeError(f"module 'tinyinfer.kernels' has no attribute {name!r}")
