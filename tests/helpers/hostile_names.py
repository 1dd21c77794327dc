"""Networks under names that passes, plans or files might use for something of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tinyinfer.graph import Graph

NAMES = (
    "[x]", "[y]", "workspace of c", "workspace of [x]", "conv.weight", "c.weight:folded", "c.bias:folded'", "c[0]", "c",
    "Workspace(step=1)", "1", "(1,)", " ", "e\u0301", "\U0001f984", "null", "a/b\\..", "conv2d", "reference", "%2F",
)  # fmt: skip
SUFFIXES = ("", ":folded", ".weight", "'", ".weight:folded", "[0]", ":unshuffled", " as rows", " as nhwc", ":constant")


def renamed(graph: Graph, values: Mapping[str, str], nodes: Mapping[str, str], keys: Mapping[str, str]) -> Graph:
    """The same network under other names."""
    return Graph(
        [dataclasses.replace(i, name=values.get(i.name, i.name)) for i in graph.inputs],
        [
            node.replace(
                name=nodes.get(node.name, node.name),
                inputs=tuple(values.get(v, v) for v in node.inputs),
                outputs=tuple(values.get(v, v) for v in node.outputs),
                params={role: keys.get(key, key) for role, key in node.params.items()},
            )
            for node in graph.nodes
        ],
        [values.get(v, v) for v in graph.outputs],
        graph.weights.select({keys.get(key, key): key for key in graph.weights}),
    )


def hostile(graph: Graph, rng: np.random.Generator) -> Graph:
    """The same network, all of its nodes, values and weights under such names."""
    values = [i.name for i in graph.inputs] + [v for node in graph.nodes for v in node.outputs]
    nodes = [node.name for node in graph.nodes]
    return renamed(graph, _names(values, rng), _names(nodes, rng), _names(list(graph.weights), rng))


def _names(old: Sequence[str], rng: np.random.Generator) -> dict[str, str]:
    """Another name for each, all different."""
    names = list(dict.fromkeys(name + suffix for name in NAMES for suffix in SUFFIXES))
    return {name: names[i] for name, i in zip(old, rng.permutation(len(names)))}  # noqa: B905
