"""The portable passes in their order."""

from __future__ import annotations

from tinyinfer.graph import Graph
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


def simplify(graph: Graph) -> Graph:
    """The same function with fewer nodes, in a form that can be saved."""
    fewer = eliminate_common_subexpressions(fold_constants(remove_identity(graph)))
    fewer = instance_norm_as_batch_norm(merge_gate_shortcut(fewer))
    ordered = shift_as_convolution(delay_shuffle(regularise_convolution(fewer)))
    folded = fold_input_scaling(fold_scale_shift(fold_batch_norm(ordered)))
    return merge_branches(folded)
