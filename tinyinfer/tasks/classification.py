"""A label for a picture, from the logits of a classification network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.runtime.runnable import Runnable
from tinyinfer.tasks import CLASSIFY, require_task
from tinyinfer.tasks.logits import ranking, softmax
from tinyinfer.vision.image import ImageSource
from tinyinfer.vision.preprocess import prepare


def classify(model: Runnable, image: ImageSource, top: int = 5) -> list[tuple[int, str, float]]:
    """The ``top`` most probable classes of a picture as (index, label, probability).

    Raises ImageError for the picture, InputError for a model that does not label pictures or whose output is not
    finite logits, one a label.
    """
    require_task(model.meta, CLASSIFY, "predict")
    logits = model(prepare(image, model.preprocess))
    return most_probable(logits.reshape(-1), top, model.meta.get("labels"))


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
