"""Where in a photo a class is seen: class activation maps, or maps of what covering a place costs.

Where a network ends in global average pooling and one linear layer, a class's logit is the mean of a map: the sum of
the features, weighted as that layer weighs them (Zhou et al. 2016, "Learning Deep Features for Discriminative
Localization", section 2).  Elsewhere a grey square covers one place after the other, and the map is by how much the
class's probability falls (Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.graph import Graph, Node
from tinyinfer.logits import softmax
from tinyinfer.pages.explain.subject import Subject
from tinyinfer.tasks.classification import VIEWS, as_logits

SQUARE = 5  # squares side by side that would cover the photo
WORK = 60e9  # mult-adds that covering may take
FEWEST, MOST = 6, 14  # squares along a side

Progress = Callable[[int, int], None]


class Head(NamedTuple):
    """The end of a classifier: the maps that are averaged, and the weights of each class, None if maps are classes."""

    features: str
    weight: str | None


def find_head(graph: Graph) -> Head | None:
    """The maps and weights behind the logits; None where these are not weighted means of maps."""
    producers = graph.producers()

    def before(value: str, passing: Sequence[str]) -> Node | None:
        node = producers.get(value)
        while node is not None and node.op.name in passing:
            node = producers.get(node.inputs[0])
        return node

    node = before(graph.outputs[0], (*VIEWS, "dropout", "softmax"))
    weight = None
    if node is not None and _weighs(graph, node):
        weight = node.params["weight"]
        node = before(node.inputs[0], (*VIEWS, "dropout"))
    if node is None or not _averages(node):
        return None
    return Head(node.inputs[0], weight)


def _weighs(graph: Graph, node: Node) -> bool:
    """Whether a node is the linear layer that ends a classifier, also as a 1x1 convolution."""
    if node.op.name not in ("linear", "conv2d") or len(node.inputs) > 1 or getattr(node.op, "activation", None):
        return False
    return getattr(node.op, "groups", 1) == 1 and graph.weights.shape(node.params["weight"])[2:] in ((), (1, 1))


def _averages(node: Node) -> bool:
    op = node.op
    if op.name == "adaptive_avg_pool2d":
        return getattr(op, "output_size", None) == (1, 1)
    return op.name == "mean" and tuple(getattr(op, "dim", ()) or ()) in ((2, 3), (-2, -1))


def activation_maps(subject: Subject, head: Head, classes: Sequence[int]) -> np.ndarray:
    """What each place adds to the logits of these classes: (classes, height, width); the mean is the logit."""
    features = np.asarray(subject.values[head.features][0], np.float64)
    if head.weight is None:
        return features[list(classes)]
    weight = np.asarray(subject.graph.weights[head.weight], np.float64)
    return np.asarray(np.tensordot(weight.reshape(len(weight), -1)[list(classes)], features, axes=1))


def occlusion_maps(subject: Subject, classes: Sequence[int], macs: int, tell: Progress | None = None) -> np.ndarray:
    """By how much the probabilities of these classes fall where a grey square covers a place: (classes, n, n)."""
    count = int(np.clip(np.sqrt(WORK / max(macs, 1)), FEWEST, MOST))
    whole = _probabilities(subject, subject.x)[list(classes)]
    maps = np.zeros((len(classes), count, count))
    height, width = subject.x.shape[2:]
    for i in range(count):
        for j in range(count):
            covered = subject.x.copy()
            covered[:, :, _span(i, count, height), _span(j, count, width)] = subject.x.mean(axis=(2, 3), keepdims=True)
            maps[:, i, j] = whole - _probabilities(subject, covered)[list(classes)]
            if tell:
                tell(i * count + j + 1, count * count)
    return maps


def _span(at: int, count: int, size: int) -> slice:
    centre, half = (at + 0.5) * size / count, size / SQUARE / 2
    return slice(max(round(centre - half), 0), min(round(centre + half), size))


def _probabilities(subject: Subject, x: np.ndarray) -> np.ndarray:
    return softmax(as_logits(subject.graph, subject.model(x).reshape(-1)))
