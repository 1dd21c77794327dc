"""A label for a picture, from the logits of a classification network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.logits import ranking, softmax
from tinyinfer.runtime.runnable import Runnable
from tinyinfer.tasks import CLASSIFY, require_task
from tinyinfer.vision.image import ImageSource
from tinyinfer.vision.preprocess import prepare

VIEWS = ("reshape", "flatten", "squeeze", "unsqueeze", "identity")  # operators that leave the numbers alone
ROUNDED = ("quantize_linear", "dequantize_linear", "lookup")  # or nearly so, behind a softmax


def classify(model: Runnable, image: ImageSource, top: int = 5) -> list[tuple[int, str, float]]:
    """The ``top`` most probable classes of a picture as (index, label, probability).

    Raises ImageError for the picture, InputError for a model that does not label pictures or whose output is not
    finite logits, one a label.
    """
    require_task(model.meta, CLASSIFY, "predict")
    values = model(prepare(image, model.preprocess)).reshape(-1)
    return most_probable(as_logits(model.graph, values), top, model.meta.get("labels"))


def as_logits(graph: Graph, values: np.ndarray) -> np.ndarray:
    """A network's first output as logits, whose softmax gives the probabilities that it has if it ends with one."""
    producers = graph.producers()
    node = producers.get(graph.outputs[0])
    while node is not None and node.op.name in (*VIEWS, *ROUNDED):
        node = producers.get(node.inputs[0])
    if node is None or node.op.name != "softmax":
        return values
    return np.log(np.maximum(np.asarray(values, np.float64), np.finfo(np.float64).tiny))


def most_probable(logits: np.ndarray, k: int = 5, labels: Sequence[str] | None = None) -> list[tuple[int, str, float]]:
    """The k most probable classes as (index, label, probability), at most as many as there are.

    ``logits`` is (classes,) or (1, classes); without ``labels`` a class is called by its index.  Raises InputError for
    another shape, values that are not finite, k below 1, or a list of labels of another length.
    """
    values = np.asarray(logits, np.float64)
    if values.ndim == 2 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 1 or values.size == 0:
        raise InputError(f"logits: expected shape (classes,) or (1, classes), found {np.shape(logits)}")
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise InputError(f"logits: expected finite values, found {bad} of {values.size} that are not")
    if k < 1:
        raise InputError(f"top: expected at least 1, found {k}")
    if labels and len(labels) != values.size:
        raise InputError(f"labels: expected {values.size}, one a class, found {len(labels)}")
    probabilities = softmax(values)
    return [(int(i), labels[i] if labels else str(i), float(probabilities[i])) for i in ranking(values, k)]
