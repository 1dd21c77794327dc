"""Network slimming: the same network with fewer channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.errors import GraphError, InputError, UnsupportedOpError
from tinyinfer.graph import Graph
from tinyinfer.passes.portable.quantize.select import matching_nodes
from tinyinfer.passes.portable.slimming.adjust import InTheWayError
from tinyinfer.passes.portable.slimming.follow import Followed, follow
from tinyinfer.passes.portable.slimming.rewrite import rewrite
from tinyinfer.passes.portable.slimming.scores import SCORES, Score, has_norms, score_channels
from tinyinfer.passes.portable.slimming.select import Rule, select

NAMED = 3  # nodes in a message


class Plan(NamedTuple):
    """What is known of a network's channels, which of them stay, and the graph of these."""

    found: Followed
    kept: np.ndarray
    graph: Graph


def slim(
    graph: Graph,
    ratio: float,
    *,
    multiple: int = 16,
    score: Score | None = None,
    per_layer: bool = False,
    keep: Sequence[str] = (),
) -> Graph:
    """A smaller dense graph: without the ``ratio`` of the channels that have the lowest scores (Liu et al. 2017).

    Scores are sorted over the whole network, or, with ``per_layer``, over the channels of each layer.  They are sizes
    of batch norms' scales ("norms"), or sums of filters' weights ("l1"); None takes norms where there are any.
    Channels that depend on one another, as those of both sides of a residual sum, are cut together.  Layers keep
    counts that are multiples of ``multiple``, one at least, or all of their channels; those of inputs and outputs stay,
    and those of nodes that ``keep`` names, by patterns such as "features.1*".

    The result needs training anew.  Raises InputError for numbers and patterns that do not fit, GraphError for a graph
    that is quantised, and UnsupportedOpError when nothing can be cut, naming what is in the way.
    """
    return plan_slimming(graph, Rule(ratio, multiple, per_layer), score, keep).graph


def plan_slimming(graph: Graph, rule: Rule, score: Score | None = None, keep: Sequence[str] = ()) -> Plan:
    """The slimmed graph, and how it came about; arguments and errors are those of `slim`."""
    _check(rule, score)
    if any(t.quant is not None for t in graph.infer_types().values()):
        raise GraphError("the network is quantised already; slim it before")
    found = follow(graph)
    for node in (node for pattern in keep for node in matching_nodes(graph, pattern)):
        _keep_values(found, node.outputs, node.name)
    score = score or ("norms" if has_norms(graph) else "l1")
    while True:
        kept = select(found, score_channels(graph, found, score), rule)
        if kept.all():
            raise UnsupportedOpError(f"no channel can be cut: {_in_the_way(graph, found, score, rule)}")
        if _keep_what_must_not_go(found, kept):
            continue
        try:
            smaller = rewrite(graph, found, kept)
        except InTheWayError as error:
            _keep_values(found, (*error.node.inputs, *error.node.outputs), error.node.name)
            continue
        smaller.infer_types()
        return Plan(found, kept, smaller)


def _check(rule: Rule, score: str | None) -> None:
    if not 0 < rule.ratio < 1:
        raise InputError(f"ratio: expected a number between 0 and 1, found {rule.ratio}")
    if rule.multiple < 1:
        raise InputError(f"multiple: expected at least 1, found {rule.multiple}")
    if score is not None and score not in SCORES:
        raise InputError(f"score: expected one of {', '.join(SCORES)}, found {score!r}")


def _keep_what_must_not_go(found: Followed, kept: np.ndarray) -> bool:
    """Whether a value would lose all of its channels, or groups of a layer different numbers: then these stay."""
    for node, blocks in found.sets.alike:
        if len(set(kept[blocks].sum(axis=1).tolist())) > 1:
            found.sets.keep(blocks.reshape(-1), node)
            return True
    for name, value in found.values.items():
        if value.channels is not None and not kept[value.channels.numbers].any():
            found.sets.keep(value.channels.numbers, name)
            return True
    return False


def _keep_values(found: Followed, names: Iterable[str], node: str) -> None:
    for name in names:
        channels = found.values[name].channels
        if channels is not None:
            found.sets.keep(channels.numbers, node)


def _in_the_way(graph: Graph, found: Followed, score: Score, rule: Rule) -> str:
    """The nodes across which nothing can be cut; or that there were none, and the numbers left nothing to do."""
    keepers = {*found.sets.keepers, *(alike.node for alike in found.sets.alike)}
    names = [f"{node.name!r} ({node.op.name})" for node in graph.nodes if node.name in keepers]
    if not names:
        return (
            f"at ratio {rule.ratio:g} no layer that has a score {score!r} and whose outputs stay inside the network "
            f"goes down to a multiple of {rule.multiple} channels"
        )
    more = f" and {len(names) - NAMED} others" if len(names) > NAMED else ""
    return f"in the way {'is node' if len(names) == 1 else 'are nodes'} {', '.join(names[:NAMED])}{more}"
