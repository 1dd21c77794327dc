"""Network slimming: the same network with fewer channels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinyinfer.errors import GraphError, InputError, UnsupportedOpError
from tinyinfer.graph import Graph
from tinyinfer.passes.portable.slimming.adjust import InTheWayError
from tinyinfer.passes.portable.slimming.follow import OUTPUT, Followed, follow
from tinyinfer.passes.portable.slimming.rewrite import rewrite
from tinyinfer.passes.portable.slimming.scores import SCORES, Score, has_norms, score_channels
from tinyinfer.passes.portable.slimming.select import Rule, select

MULTIPLE = 16


class Plan(NamedTuple):
    """What is known of a network's channels, which of them stay, and the graph of these."""

    found: Followed
    kept: np.ndarray
    graph: Graph


def slim(
    graph: Graph, ratio: float, *, multiple: int = MULTIPLE, score: Score | None = None, per_layer: bool = False
) -> Graph:
    """A smaller dense graph: without the ``ratio`` of the channels that have the lowest scores (Liu et al. 2017).

    Scores are sorted over the whole network, or, with ``per_layer``, over the channels of each layer.  They are sizes
    of batch norms' scales ("norms"), or sums of filters' weights ("l1"); None takes norms where there are any.
    Channels that depend on one another, as those of both sides of a residual sum, are cut together.  Layers keep
    counts that are multiples of ``multiple``, one at least, or all of their channels; those of inputs and outputs stay.

    The result needs training anew.  Raises InputError for numbers that do not fit, UnsupportedOpError when there is
    nothing that can be cut, naming what is in the way, GraphError for a graph that is quantised.
    """
    return plan_slimming(graph, ratio, multiple=multiple, score=score, per_layer=per_layer).graph


def plan_slimming(
    graph: Graph, ratio: float, *, multiple: int = MULTIPLE, score: Score | None = None, per_layer: bool = False
) -> Plan:
    """The slimmed graph, and how it came about; arguments and errors are those of `slim`."""
    _check(ratio, multiple, score)
    if any(t.quant is not None for t in graph.infer_types().values()):
        raise GraphError("the network is quantised already; slim it before")
    score = score or ("norms" if has_norms(graph) else "l1")
    found = follow(graph)
    while True:
        kept = select(found, score_channels(graph, found, score), Rule(ratio, multiple, per_layer))
        if kept.all():
            raise _nothing_to_cut(graph, found, score, ratio, multiple)
        if _keep_what_must_not_go(found, kept):
            continue
        try:
            smaller = rewrite(graph, found, kept)
        except InTheWayError as error:
            _keep_around(found, error)
            continue
        smaller.verify(allow_nonfinite=True)
        return Plan(found, kept, smaller)


def _check(ratio: float, multiple: int, score: str | None) -> None:
    if not 0 < ratio < 1:
        raise InputError(f"ratio: expected a number between 0 and 1, found {ratio}")
    if multiple < 1:
        raise InputError(f"multiple: expected at least 1, found {multiple}")
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


def _keep_around(found: Followed, error: InTheWayError) -> None:
    for name in (*error.node.inputs, *error.node.outputs):
        channels = found.values[name].channels
        if channels is not None:
            found.sets.keep(channels.numbers, error.node.name)


def _nothing_to_cut(graph: Graph, found: Followed, score: Score, ratio: float, multiple: int) -> UnsupportedOpError:
    """What to say: the nodes in the way, or that there was none."""
    ops = {node.name: node.op.name for node in graph.nodes}
    barriers = [f"{node!r} ({ops[node]})" for node in found.sets.keepers if node != OUTPUT and node in ops]
    if barriers:
        return UnsupportedOpError(f"no channel can be cut: in the way {_be(barriers)} {_listed(barriers)}")
    return UnsupportedOpError(
        f"no channel can be cut: at ratio {ratio:g}, score {score!r}, no layer whose outputs stay inside the network "
        f"loses {multiple} channels and keeps as many"
    )


def _be(names: list[str]) -> str:
    return "is node" if len(names) == 1 else "are nodes"


def _listed(names: list[str]) -> str:
    shown = names[:3]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} others" if len(names) > len(shown) else "")
