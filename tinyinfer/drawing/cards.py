"""What stands on the cards of a drawing: a layer with its norm and activation, and which card feeds which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tinyinfer.graph import Graph, Node, Shape, TensorType
from tinyinfer.ops.activation.activation import Activation
from tinyinfer.passes.machine.choose_kernels import REFERENCE
from tinyinfer.reporting.tables import shape_text

# a stripe's colour by what the operator does: Okabe and Ito's palette
KINDS = (
    ("#56b4e9", "depthwise", ("depthwise",)),
    ("#0072b2", "convolution", ("conv2d", "conv_transpose2d")),
    ("#cc79a7", "linear", ("linear", "matmul")),
    (
        "#009e73",
        "resampling",
        ("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "interpolate"),
    ),
    ("#e69f00", "joining", ("add", "mul", "concat", "split", "channel_shuffle")),
)
OTHER_COLOUR = "#9aa5b1"
SHORT = {"batch_norm": "norm"}
INPUT_COLOUR = "#7b8794"


@dataclass
class Card:
    """One or several nodes in a row: what is written on the card, and its colour."""

    title: str
    text: str
    shape: Shape
    macs: int
    colour: str
    names: list[str]

    @property
    def tooltip(self) -> str:
        """What shows when the pointer rests on it."""
        counts = f"{self.macs:,} mult-adds" if self.macs else "no mult-adds"
        return f"{', '.join(self.names)}\n{self.text}\noutput {shape_text(self.shape)}\n{counts}"


class Cards(NamedTuple):
    """The cards, in an order in which each follows what it reads, and (from, to) of each edge between them."""

    cards: list[Card]
    edges: list[tuple[int, int]]


def cards_of(graph: Graph, types: Mapping[str, TensorType], macs: Mapping[str, int], *, trailing: bool = True) -> Cards:
    """The cards of a graph whose values have these types and whose nodes these mult-adds.

    A batch norm, activation or dropout stands on the card of the layer it follows, or if not ``trailing`` on its own.
    """
    cards, made_by = _cards(graph, types, macs, trailing)
    edges = [
        (made_by[value], made_by[node.outputs[0]])
        for node in graph.topological_order()
        for value in node.inputs
        if made_by[value] != made_by[node.outputs[0]]
    ]
    return Cards(cards, list(dict.fromkeys(edges)))


def _cards(
    graph: Graph, types: Mapping[str, TensorType], macs: Mapping[str, int], trailing: bool
) -> tuple[list[Card], dict[str, int]]:
    """The cards, and which one makes each value."""
    consumers = graph.consumers()
    cards = [Card(i.name, "input", types[i.name].shape, 0, INPUT_COLOUR, [i.name]) for i in graph.inputs]
    made_by = {i.name: n for n, i in enumerate(graph.inputs)}
    for node in graph.topological_order():
        joins = trailing and _trails(node) and graph.sole_consumer(node.inputs[0], consumers) is node
        if joins and (before := made_by[node.inputs[0]]) >= len(graph.inputs):
            card = cards[before]
            card.text += f", {SHORT.get(node.op.name, node.op.name)}"
            card.names.append(node.name)
            card.shape = types[node.outputs[0]].shape
        else:
            text, colour = _describe(graph, node, types)
            before = len(cards)
            cards.append(Card(node.name, text, types[node.outputs[0]].shape, macs[node.name], colour, [node.name]))
        made_by.update((value, before) for value in node.outputs)
    return cards, made_by


def _trails(node: Node) -> bool:
    """Whether a node belongs on the card of what it follows."""
    simple = isinstance(node.op, Activation) or node.op.name in ("batch_norm", "dropout", "prelu", "identity")
    return simple and len(node.inputs) == len(node.outputs) == 1


def _describe(graph: Graph, node: Node, types: Mapping[str, TensorType]) -> tuple[str, str]:
    """The operator in a few words, and its colour."""
    op, words, kind = node.op, [node.op.name], node.op.name
    if "weight" in node.params and len(graph.weights.shape(node.params["weight"])) == 4:
        words.append(shape_text(graph.weights.shape(node.params["weight"])[2:]))
        groups = getattr(op, "groups", 1)
        if groups > 1 and groups == types[node.inputs[0]].shape[1]:
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
    if node.kernel and node.kernel != REFERENCE:
        words.append(f"[{node.kernel}]")
    colour = next((colour for colour, _, names in KINDS if kind in names), OTHER_COLOUR)
    return " ".join(words), colour
