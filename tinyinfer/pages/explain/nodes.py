"""What a page knows of every node without its maps: what it reads, how its window slides, what it can see."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.pages.explain.receptive_field import Field, receptive_fields
from tinyinfer.pages.explain.subject import Subject, as_maps
from tinyinfer.pages.explain.windows import arithmetic


class Shown(NamedTuple):
    """A card of the graph: the network's input (``node`` is None) or a node; ``maps`` are (C, H, W), or None."""

    name: str
    node: Node | None
    maps: np.ndarray | None


class Place(NamedTuple):
    """Where a value's maps are: those of a card, from this channel on."""

    card: int
    first: int


def shown(subject: Subject) -> list[Shown]:
    """The cards in the order of `cards_of`: the input, then the nodes; maps of several outputs follow each other."""
    graph = subject.graph
    cards = [Shown(i.name, None, _maps(subject, i.name)) for i in graph.inputs]
    for node in graph.topological_order():
        maps = [_maps(subject, value) for value in _visible(node, subject.types)]
        found = [m for m in maps if m is not None]
        cards.append(Shown(node.name, node, np.concatenate(found) if len(found) == len(maps) > 0 else None))
    return cards


def _visible(node: Node, types: dict[str, TensorType]) -> list[str]:
    """The outputs whose maps can stand side by side: those of the first one's size."""
    size = types[node.outputs[0]].shape[2:]
    return [value for value in node.outputs if types[value].shape[2:] == size]


def _maps(subject: Subject, value: str) -> np.ndarray | None:
    return as_maps(subject.values[value], subject.types[value])


def describe(subject: Subject, cards: list[Shown]) -> list[dict[str, Any]]:
    """One record a card, as JSON can hold it."""
    graph, types = subject.graph, subject.types
    fields = receptive_fields(graph, types)
    places: dict[str, Place] = {}
    records = []
    for at, card in enumerate(cards):
        outputs = [card.name] if card.node is None else _visible(card.node, types)
        first = 0
        for value in outputs:
            places[value] = Place(at, first)
            first += types[value].shape[1] if len(types[value].shape) > 1 else 0
        record: dict[str, Any] = {"name": card.name, "op": "input", "reads": [], "window": None, "activation": None}
        if card.node is not None:
            record |= _record(graph, card.node, types, places)
        record["shape"] = None if card.maps is None else list(card.maps.shape)
        record["field"] = _numbers(fields[outputs[0]])
        records.append(record)
    return records


def _record(graph: Graph, node: Node, types: dict[str, TensorType], places: dict[str, Place]) -> dict[str, Any]:
    reads = [list(places[value]) if value in places else None for value in node.inputs]
    return {
        "op": node.op.name,
        "reads": reads,
        "window": None if None in reads or not reads else arithmetic(graph, node, types),
        "activation": getattr(node.op, "activation", None),
    }


def _numbers(field: Field | None) -> list[float] | None:
    return None if field is None else [n for axis in field for n in (axis.step, axis.low, axis.high)]


def kernels(graph: Graph, card: Shown) -> tuple[np.ndarray, np.ndarray] | None:
    """Weights (M, C / groups, R, S) and bias (M,) of a node whose sums the page shows; None for others."""
    node = card.node
    if node is None or node.op.name not in ("conv2d", "linear") or "weight" not in node.params:
        return None
    weight = graph.weights[node.params["weight"]]
    bias = graph.weights[node.params["bias"]] if "bias" in node.params else np.zeros(len(weight), np.float32)
    return weight.reshape(*weight.shape, *[1] * (4 - weight.ndim)), bias
