"""What stands on the cards of a drawing: a layer with its norm and activation, and which card feeds which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tinyinfer.graph import Graph, Shape, TensorType
from tinyinfer.reporting.tables import shape_text
from tinyinfer.structure.layers import find_layers

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
    """The cards of a graph whose values have these types and whose nodes these mult-adds: inputs, then its layers.

    A norm, activation or dropout stands on the card of the layer it follows, or if not ``trailing`` on its own.
    """
    layers = find_layers(graph, trailing=trailing)
    cards = [Card(i.name, "input", types[i.name].shape, 0, INPUT_COLOUR, [i.name]) for i in graph.inputs]
    made_by = {i.name: at for at, i in enumerate(graph.inputs)}
    edges = []
    for at, layer in enumerate(layers, len(cards)):
        first, last = layer.nodes[0], layer.nodes[-1]
        names = [node.name for node in layer.nodes]
        count = sum(macs[name] for name in names)
        cards.append(Card(layer.name, layer.text, types[last.outputs[0]].shape, count, colour_of(layer.kind), names))
        edges += [(made_by[value], at) for value in first.inputs]
        made_by.update((value, at) for node in layer.nodes for value in node.outputs)
    return Cards(cards, list(dict.fromkeys(edges)))


def colour_of(kind: str) -> str:
    """The colour of a kind of layer (`tinyinfer.structure.layers.Layer.kind`)."""
    return next((colour for colour, _, names in KINDS if kind in names), OTHER_COLOUR)
