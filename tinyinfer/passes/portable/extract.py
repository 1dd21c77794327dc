"""The part of a network that some of its values need."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from functools import partial
from operator import eq

from tinyinfer.errors import InputError
from tinyinfer.graph import Graph


def extract(graph: Graph, outputs: Sequence[str]) -> Graph:
    """A copy that computes these values and no others, without inputs that they do not depend on.

    ``outputs`` are values by name.  Raises InputError for one that no node computes.
    """
    computed = graph.producers()
    unknown = [name for name in outputs if name not in computed]
    if unknown:
        raise InputError(f"outputs: no node computes {unknown[0]!r}")
    part = graph.copy()
    part.outputs = list(dict.fromkeys(outputs))
    part.remove_dead()
    read = {value for node in part.nodes for value in node.inputs}
    part.inputs = [i for i in part.inputs if i.name in read]
    return part


def matching_values(graph: Graph, patterns: Sequence[str], what: str = "outputs") -> list[str]:
    """The values that are named so or whose nodes are; else those that a pattern such as "features.3*" fits.

    In the graph's order for each of the patterns in turn.  Raises InputError for one that fits nothing.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        values = _values(graph, partial(eq, pattern)) or _values(graph, partial(_fits, pattern))
        if not values:
            raise InputError(f"{what}: no node is called {pattern!r}")
        found |= dict.fromkeys(values)
    return list(found)


def _values(graph: Graph, wanted: Callable[[str], bool]) -> list[str]:
    return [value for node in graph.nodes for value in node.outputs if wanted(node.name) or wanted(value)]


def _fits(pattern: str, name: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern)
