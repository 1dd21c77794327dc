"""Graph -> Graph, one idea a file; `pipeline` has their order.

Those of ``portable`` give a graph that can be saved; those of ``machine`` fuse epilogues, choose kernels and lay out
memory for this computer.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tinyinfer.passes.machine.advance_stride import advance_stride
from tinyinfer.passes.machine.fuse_activation import fuse_activation
from tinyinfer.passes.machine.fuse_residual import fuse_residual
from tinyinfer.passes.pipeline import lower, specialise
from tinyinfer.passes.portable.delay_shuffle import delay_shuffle
from tinyinfer.passes.portable.eliminate_common_subexpressions import eliminate_common_subexpressions
from tinyinfer.passes.portable.fold_batch_norm import fold_batch_norm
from tinyinfer.passes.portable.fold_constants import fold_constants
from tinyinfer.passes.portable.fold_input_scaling import fold_input_scaling
from tinyinfer.passes.portable.fold_scale_shift import fold_scale_shift
from tinyinfer.passes.portable.instance_norm_as_batch_norm import instance_norm_as_batch_norm
from tinyinfer.passes.portable.merge_branches import merge_branches
from tinyinfer.passes.portable.merge_gate_shortcut import merge_gate_shortcut
from tinyinfer.passes.portable.regularise_convolution import regularise_convolution
from tinyinfer.passes.portable.remove_identity import remove_identity
from tinyinfer.passes.portable.shift_as_convolution import shift_as_convolution
from tinyinfer.passes.portable.simplify import simplify

if TYPE_CHECKING:
    from tinyinfer.passes.portable.low_rank.low_rank import low_rank
    from tinyinfer.passes.portable.quantize.equalize import equalize
    from tinyinfer.passes.portable.quantize.quantize import quantize
    from tinyinfer.passes.portable.slimming.slim import slim

_LATER = {  # what no plan needs
    "equalize": "portable.quantize.equalize",
    "low_rank": "portable.low_rank.low_rank",
    "quantize": "portable.quantize.quantize",
    "slim": "portable.slimming.slim",
}

__all__ = [
    "advance_stride",
    "delay_shuffle",
    "eliminate_common_subexpressions",
    "equalize",
    "fold_batch_norm",
    "fold_constants",
    "fold_input_scaling",
    "fold_scale_shift",
    "fuse_activation",
    "fuse_residual",
    "instance_norm_as_batch_norm",
    "low_rank",
    "lower",
    "merge_branches",
    "merge_gate_shortcut",
    "quantize",
    "regularise_convolution",
    "remove_identity",
    "shift_as_convolution",
    "simplify",
    "slim",
    "specialise",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(f"tinyinfer.passes.{_LATER[name]}"), name)
    raise AttributeError(f"module 'tinyinfer.passes' has no attribute {name!r}")
