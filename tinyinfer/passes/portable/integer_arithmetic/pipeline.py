"""All steps from real numbers between codes to codes, in their order."""

from __future__ import annotations

from collections.abc import Mapping

from tinyinfer.graph import Graph
from tinyinfer.passes.portable.integer_arithmetic.codes import Codes
from tinyinfer.passes.portable.integer_arithmetic.layers import use_integer_weights
from tinyinfer.passes.portable.integer_arithmetic.movement import move_codes, round_before_moving
from tinyinfer.passes.portable.integer_arithmetic.pools import average_codes
from tinyinfer.passes.portable.integer_arithmetic.results import (
    add_and_multiply_codes,
    end_in_codes,
    take_in_activations,
)
from tinyinfer.passes.portable.integer_arithmetic.slopes import read_codes_by_slopes
from tinyinfer.passes.portable.integer_arithmetic.tables import look_up_functions, rescale_before_concat
from tinyinfer.passes.portable.recognise.patterns.editing import Editing


def in_integers(graph: Graph, codes: Mapping[str, Codes]) -> Graph:
    """The network computed with integers, wherever it computes real numbers from codes.

    ``codes`` has, by their keys, what weights were dequantised from.  Values are those of the network it is made of,
    to within a step of their codes.
    """
    if not any(node.op.name in ("quantize_linear", "dequantize_linear") for node in graph.nodes):
        return graph
    editing = Editing(graph)
    move_codes(editing)
    round_before_moving(editing)
    use_integer_weights(editing, codes)
    average_codes(editing)
    read_codes_by_slopes(editing)
    add_and_multiply_codes(editing)
    take_in_activations(editing)
    rescale_before_concat(editing)
    end_in_codes(editing)
    look_up_functions(editing)
    return editing.finish()
