"""A network made to fit what the shapes of a state dict show: its head's name, the channels of its pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.formats.state_dict import fits, is_needed
from tinyinfer.graph import Graph, Node
from tinyinfer.weights import placeholder

State = Mapping[str, np.ndarray]


def rename_head(graph: Graph, state: State, ignore: Sequence[str]) -> tuple[State, str | None]:
    """The state dict with its last layer under the network's name for it, and the name that it had.

    Public networks are trained anew with a head of one's own ("fc.1" for "fc").  A layer is taken for the head if it
    is the only one that the network lacks and the head is all that the network misses.
    """
    head = _last_matrix(graph)
    if head is None:
        return state, None
    wanted = [key for key in head.params.values() if key not in state]
    missing = [key for key in graph.weights if key not in state]
    surplus = [key for key in state if is_needed(key, graph, ignore) and key not in graph.weights]
    modules = {key.rpartition(".")[0] for key in surplus}
    if not wanted or len(wanted) != len(missing) or len(modules) != 1 or len(surplus) != len(wanted):
        return state, None
    theirs = modules.pop()
    names = {f"{theirs}.{role}": key for role, key in head.params.items()}
    weight, ours = state.get(f"{theirs}.weight"), graph.weights.shape(head.params["weight"])
    if set(names) != set(surplus) or weight is None or not fits(ours[1:], weight.shape[1:]):
        return state, None
    return {names.get(key, key): array for key, array in state.items()}, theirs


def _last_matrix(graph: Graph) -> Node | None:
    nodes = [n for n in graph.nodes if "weight" in n.params and len(graph.weights.shape(n.params["weight"])) > 1]
    return nodes[-1] if nodes else None


def picture_channels(graph: Graph, state: State) -> int | None:
    """How many channels the state dict's first layer takes, where the network's own takes another number."""
    stems = _stems(graph)
    if not stems:
        return None
    counts = {_channels(state, stem) for stem in stems}
    count = counts.pop() if len(counts) == 1 else None
    return None if count == graph.inputs[0].nominal[1] else count


def _channels(state: State, stem: Node) -> int | None:
    array = state.get(stem.params["weight"])
    return int(array.shape[1]) if array is not None and array.ndim == 4 else None


def with_picture_channels(graph: Graph, channels: int) -> Graph:
    """A copy for pictures of so many channels.  Raises GraphError if its first layers can't be changed so."""
    stems = _stems(graph)
    if not stems:
        raise GraphError("the first layer is no convolution over all channels")
    changed = graph.copy()
    for stem in stems:
        out, _, *window = graph.weights.shape(stem.params["weight"])
        changed.weights[stem.params["weight"]] = placeholder((out, channels, *window))
    first = graph.inputs[0]
    batch, _, *size = first.shape
    one, _, *nominal = first.nominal
    changed.inputs[0] = dataclasses.replace(first, shape=(batch, channels, *size), nominal=(one, channels, *nominal))
    return changed


def _stems(graph: Graph) -> list[Node]:
    """The convolutions that see the picture, if nothing else does and each sees all of its channels."""
    readers = [node for node in graph.nodes if graph.inputs[0].name in node.inputs]
    good = all(
        node.op.name == "conv2d" and graph.weights.shape(node.params["weight"])[1] == graph.inputs[0].nominal[1]
        for node in readers
    )
    return readers if good else []
