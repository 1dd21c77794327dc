"""All that is recognised, in its order: done once, when a network is imported."""

from __future__ import annotations

import numpy as np

from tinyinfer.graph import Graph
from tinyinfer.passes.portable.recognise.activations import recognise_activations
from tinyinfer.passes.portable.recognise.encodings import recognise_encodings
from tinyinfer.passes.portable.recognise.gate_layers import recognise_gate_layers
from tinyinfer.passes.portable.recognise.gathers import recognise_gathers
from tinyinfer.passes.portable.recognise.joins import recognise_joins
from tinyinfer.passes.portable.recognise.layers import recognise_layers
from tinyinfer.passes.portable.recognise.norms import recognise_norms
from tinyinfer.passes.portable.recognise.pads import recognise_pads
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.permutes import recognise_permutes
from tinyinfer.passes.portable.recognise.pooling import recognise_pooling
from tinyinfer.passes.portable.recognise.powers import recognise_powers
from tinyinfer.passes.portable.recognise.scales import recognise_scales
from tinyinfer.passes.portable.recognise.shifts import recognise_shifts
from tinyinfer.passes.portable.recognise.shuffles import recognise_shuffles
from tinyinfer.passes.portable.recognise.space_to_depth import recognise_space_to_depth
from tinyinfer.passes.portable.recognise.splits import recognise_splits
from tinyinfer.passes.portable.recognise.strides import recognise_strides
from tinyinfer.passes.portable.recognise.views import recognise_views

STEPS = (
    recognise_gathers,
    recognise_encodings,
    recognise_shuffles,  # before views merge their reshapes with others
    recognise_norms,
    recognise_views,
    recognise_activations,
    recognise_pooling,  # before layers take its matrices for weights
    recognise_layers,
    recognise_gate_layers,
    recognise_permutes,  # of layers that are known by then
    recognise_views,
    recognise_pads,
    recognise_space_to_depth,
    recognise_strides,
    recognise_splits,
    recognise_joins,
    recognise_shifts,
    recognise_powers,
    recognise_scales,  # last, as numbers are parts of most patterns
)


@np.errstate(all="ignore")  # a file may have any numbers; rules look at what has become of them
def recognise(graph: Graph) -> Graph:
    """The same function as a network of ours would have it: operators that exporters break up are whole again."""
    editing = Editing(graph)
    for step in STEPS:
        step(editing)
    recognised = editing.finish()
    if any(node.op.name == "non_max_suppression" for node in recognised.nodes):
        from tinyinfer.passes.portable.limit_suppression import limit_suppression  # here, as few networks have it

        recognised = limit_suppression(recognised)
    return recognised
