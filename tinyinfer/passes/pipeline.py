"""All passes in their order: what is done once for a network, and what once for each of its input shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.passes.machine.advance_stride import advance_stride
from tinyinfer.passes.machine.choose_kernels import REFERENCE, choose_kernels
from tinyinfer.passes.machine.fuse_activation import fuse_activation
from tinyinfer.passes.machine.fuse_depthwise_chain import fuse_depthwise_chain
from tinyinfer.passes.machine.fuse_gate import fuse_gate
from tinyinfer.passes.machine.fuse_join_pixels import fuse_join_pixels
from tinyinfer.passes.machine.fuse_residual import fuse_residual
from tinyinfer.passes.machine.fuse_shuffle import fuse_shuffle
from tinyinfer.passes.portable.simplify import simplify

Fuse = bool | Literal["endings"]  # as much as the kernels can, nothing, or a layer with what follows it alone


def lower(graph: Graph, fuse: Fuse = True) -> Graph:
    """Simplified, fused as the kernels can at any size unless ``fuse`` is False, and in order."""
    simplified = simplify(graph)
    if any(_is_of_codes(node) for node in simplified.nodes):
        simplified = _lower_codes(simplified)
    lowered = advance_stride(fuse_activation(fuse_residual(simplified))) if fuse else simplified.copy()
    lowered.nodes = lowered.topological_order()
    return lowered


def _is_of_codes(node: Node) -> bool:
    name = node.op.name
    return name in ("lookup", "quantize_linear", "dequantize_linear") or name.startswith("quantized_")


def _lower_codes(graph: Graph) -> Graph:
    from tinyinfer.passes.machine.fuse_requantization import fuse_requantization  # here, as most networks have no codes
    from tinyinfer.passes.machine.join_lookups import join_lookups
    from tinyinfer.passes.machine.unsigned_codes import unsigned_codes

    return unsigned_codes(fuse_requantization(join_lookups(graph)))


def specialise(
    lowered: Graph,
    types: Mapping[str, TensorType],
    forced: Mapping[str, str] | None = None,
    threads: int = 1,
    fuse: Fuse = True,
) -> Graph:
    """A lowered graph for the input shapes that ``types`` follow from: fused as pays there, each node with its kernel.

    Whole blocks become one node only if ``fuse`` is True.  ``forced`` is that of `choose_kernels`.  No weight is added,
    so that all shapes share those of the lowered graph.
    """
    if fuse is True and not forced:  # who asks for a layer's kernel wants to see that layer
        lowered = fuse_depthwise_chain(lowered, types, threads)
        lowered = fuse_shuffle(fuse_gate(lowered, types, threads), types)
        lowered = fuse_join_pixels(lowered, types)
    return choose_kernels(lowered, types, forced, threads)


def unchanged(graph: Graph) -> Graph:
    """Instead of all these: the graph's own nodes in order, each for the NumPy reference to compute."""
    graph = graph.copy()
    graph.nodes = [node.replace(kernel=REFERENCE, why="asked for") for node in graph.topological_order()]
    return graph
