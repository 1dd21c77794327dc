"""What a channel is worth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np

from tinyinfer.graph import Graph
from tinyinfer.ops.normalization.batch_norm import BatchNorm
from tinyinfer.passes.portable.slimming.follow import Followed

Score = Literal["norms", "l1"]
TINY = float(np.finfo(np.float32).tiny)
SCORES: tuple[Score, ...] = ("norms", "l1")


class Scores(NamedTuple):
    """For every channel number the mean of what was found (NaN where nothing was), and how much was found."""

    mean: np.ndarray
    found: np.ndarray


def has_norms(graph: Graph) -> bool:
    """Whether there are batch norms with a scale to go by."""
    return any(isinstance(node.op, BatchNorm) and "weight" in node.params for node in graph.nodes)


def score_channels(graph: Graph, found: Followed, score: Score) -> Scores:
    """Sizes of batch norms' scales, over sets of channels that are cut together their mean (Liu et al. 2017, 3).

    Or "l1": sums of sizes of the weights that compute a channel (Li et al. 2017, "Pruning filters for efficient
    convnets", section 3.1), in units of their mean in the layer, so that layers compare.
    """
    sizes = _norm_scales(graph, found) if score == "norms" else _filter_norms(graph, found)
    roots = found.sets.roots()
    total, count = np.zeros(len(roots)), np.zeros(len(roots))
    for numbers, values in sizes:
        np.add.at(total, roots[numbers], values)
        np.add.at(count, roots[numbers], 1)
    with np.errstate(invalid="ignore"):
        return Scores((total / count)[roots], count[roots])


def _norm_scales(graph: Graph, found: Followed) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    for node in graph.nodes:
        if isinstance(node.op, BatchNorm) and "weight" in node.params:
            written = found.labels[node.params["weight"]].written
            if written is not None:
                yield written, np.abs(graph.weights[node.params["weight"]])


def _filter_norms(graph: Graph, found: Followed) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    for layer in found.layers:
        weight, written = graph.weights[layer.weight], found.labels[layer.weight].written
        if written is not None:
            others = tuple(axis for axis, size in enumerate(written.shape) if size == 1)
            numbers, place = np.unique(written, return_inverse=True)
            sums = np.bincount(place.reshape(-1), np.abs(weight).sum(axis=others).reshape(-1))
            yield numbers, sums / max(float(sums.mean()), TINY)
