"""Layers as one counts them: an operator with the norm and the activation that follow it, and what it does in words."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from tinyinfer.graph import Graph, Node
from tinyinfer.ops.activation.activation import Activation
from tinyinfer.reporting.tables import shape_text

# operators that belong to what they follow, as activations do; a norm belongs to a layer with weights alone
TRAILING = ("batch_norm", "dropout", "prelu", "identity")
SHORT = {"batch_norm": "norm"}
QUANTIZED = "quantized_"  # before the names of operators on 8-bit codes


class Layer(NamedTuple):
    """Some nodes in a row.

    ``before`` are the positions of the layers that it reads, in the list it stands in; ``text`` says what the layer
    does, ``main`` what its first operator does, ``kind`` that operator's name, or "depthwise".
    """

    nodes: tuple[Node, ...]
    before: tuple[int, ...]
    text: str
    main: str
    kind: str

    @property
    def name(self) -> str:
        """Its first node's."""
        return self.nodes[0].name


def find_layers(graph: Graph, *, trailing: bool = True) -> list[Layer]:
    """All nodes of a graph as layers, each behind what it reads; one a node if not ``trailing``.  Raises GraphError."""
    consumers = graph.consumers()
    groups: list[list[Node]] = []
    made_by: dict[str, int] = {}  # values by the layer that computes them; inputs of the graph have none
    for node in graph.topological_order():
        source = made_by.get(node.inputs[0]) if node.inputs else None
        if (
            trailing
            and source is not None
            and _trails(node, groups[source][0])
            and graph.sole_consumer(node.inputs[0], consumers) is node
        ):
            at = source
            groups[at].append(node)
        else:
            at = len(groups)
            groups.append([node])
        made_by.update((value, at) for value in node.outputs)
    return [_layer(graph, nodes, made_by) for nodes in groups]


def _trails(node: Node, first: Node) -> bool:
    """Whether a node belongs to the layer that it follows, which begins with ``first``."""
    simple = isinstance(node.op, Activation) or node.op.name in TRAILING
    fits = node.op.name != "batch_norm" or "weight" in first.params
    return simple and fits and len(node.inputs) == len(node.outputs) == 1


def _layer(graph: Graph, nodes: list[Node], made_by: dict[str, int]) -> Layer:
    reads = dict.fromkeys(made_by[value] for value in nodes[0].inputs if value in made_by)
    main, kind = describe(graph, nodes[0])
    trail = (SHORT.get(node.op.name, node.op.name) for node in nodes[1:])
    return Layer(tuple(nodes), tuple(reads), ", ".join((main, *trail)), main, kind)


def describe(graph: Graph, node: Node) -> tuple[str, str]:
    """The operator in a few words, as "depthwise 3x3 /2", and its name, or "depthwise"; for codes that of floats."""
    op, kind = node.op, node.op.name.removeprefix(QUANTIZED)
    words = [kind]
    weight = graph.weights.shape(node.params["weight"]) if "weight" in node.params else ()
    if len(weight) == 4:
        words.append(shape_text(weight[2:]))
        groups = getattr(op, "groups", 1)
        if groups > 1 and weight[1] == 1:
            words[0] = kind = "depthwise"
        elif groups > 1:
            words.append(f"{groups} groups")
    elif isinstance(kernel := getattr(op, "kernel_size", None), tuple):
        words.append(shape_text(kernel))
    stride = getattr(op, "stride", None)
    if isinstance(stride, tuple) and set(stride) != {1}:
        words.append(f"/{stride[0]}" if len(set(stride)) == 1 else f"/{shape_text(stride)}")
    if activation := getattr(op, "activation", None):
        words[-1] += f", {activation}"
    codes = ["int8"] if op.name.startswith(QUANTIZED) else []
    return " ".join([*codes, *words]), kind


def counted(layers: Sequence[Layer]) -> str:
    """What layers do, alike ones counted: "2 conv2d 1x1, depthwise 3x3, add"."""
    texts = [layer.main.split(",")[0] for layer in layers]
    times = [(len(list(same)), text) for text, same in itertools.groupby(sorted(texts, key=texts.index))]
    return ", ".join(f"{count} {text}" if count > 1 else text for count, text in times)
