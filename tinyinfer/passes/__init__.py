"""Graph -> Graph, one idea a file; `pipeline` has their order.

Portable passes (`remove_identity`, `fold_constants`, `merge_duplicates`, `regularise_convolution`, `delay_shuffle`,
`shift_as_convolution`, `fold_batch_norm`, `fold_scale_shift`, `merge_branches`) give a graph that can be saved; machine
passes fuse endings, choose kernels and lay out memory for this computer.
"""

from __future__ import annotations

from tinyinfer.passes.advance_stride import advance_stride
from tinyinfer.passes.delay_shuffle import delay_shuffle
from tinyinfer.passes.fold_batch_norm import fold_batch_norm
from tinyinfer.passes.fold_constants import fold_constants
from tinyinfer.passes.fold_scale_shift import fold_scale_shift
from tinyinfer.passes.fuse_activation import fuse_activation
from tinyinfer.passes.fuse_residual import fuse_residual
from tinyinfer.passes.merge_branches import merge_branches
from tinyinfer.passes.merge_duplicates import merge_duplicates
from tinyinfer.passes.pipeline import lower, simplify, specialise
from tinyinfer.passes.regularise_convolution import regularise_convolution
from tinyinfer.passes.remove_identity import remove_identity
from tinyinfer.passes.shift_as_convolution import shift_as_convolution

__all__ = [
    "advance_stride",
    "delay_shuffle",
    "fold_batch_norm",
    "fold_constants",
    "fold_scale_shift",
    "fuse_activation",
    "fuse_residual",
    "lower",
    "merge_branches",
    "merge_duplicates",
    "regularise_convolution",
    "remove_identity",
    "shift_as_convolution",
    "simplify",
    "specialise",
]
