"""Boxes with labels from the two outputs of a detector: scores, decoding, suppression, back to the picture's pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tinyinfer.errors import InputError
from tinyinfer.runtime.runnable import Runnable
from tinyinfer.tasks import DETECT, require_task
from tinyinfer.tasks.anchors import Anchors
from tinyinfer.tasks.boxes import Box, clip, decode_offsets, suppress
from tinyinfer.tasks.logits import ranking, softmax
from tinyinfer.tasks.whole_picture import prepare_whole
from tinyinfer.vision.image import ImageSource, decode

CANDIDATES = 300  # of a class, best first, that suppression looks at
MOST = 300  # boxes of a picture
BACKGROUND = 0  # the class of anchors around nothing


@dataclass(frozen=True)
class Detection:
    """A thing found: its class, its probability, and (left, top, right, bottom) in the picture's pixels."""

    index: int
    label: str
    score: float
    box: Box


def detect(model: Runnable, image: ImageSource, threshold: float = 0.5) -> list[Detection]:
    """What a detector finds in a picture with a probability above ``threshold``, the most probable first.

    Raises ImageError for the picture, InputError for a model that is no detector or whose outputs are not class
    scores (1, anchors, classes) and box offsets (1, anchors, 4), finite, of as many anchors as its metadata names.
    """
    require_task(model.meta, DETECT, "detect")
    if not 0 <= threshold <= 1:
        raise InputError(f"threshold: expected 0 to 1, found {threshold}")
    picture = decode(image)
    x = prepare_whole(picture, image, model.preprocess)
    height, width = x.shape[2:]
    anchors = Anchors.from_meta(model.meta.get("anchors"))
    scores, offsets = _outputs(model, x, anchors.count(height, width))
    boxes = decode_offsets(offsets, anchors.boxes(height, width), anchors.variances)
    boxes = clip(boxes, height, width)
    found = choose(boxes, softmax(scores), threshold, anchors.overlap)
    return _described(found, picture, (height, width), model.meta.get("labels"), scores.shape[1])


def choose(boxes: np.ndarray, scores: np.ndarray, threshold: float, overlap: float) -> list[tuple[int, float, Box]]:
    """(class, probability, box) of boxes (N, 4) with scores (N, classes), suppressed class by class, best first.

    The first class, which is the background, is left out; at most `MOST` are given.
    """
    found: list[tuple[int, float, Box]] = []
    for index in range(BACKGROUND + 1, scores.shape[1]):
        (above,) = np.nonzero(scores[:, index] > threshold)
        above = above[ranking(scores[above, index], CANDIDATES)]
        for i in above[suppress(boxes[above], scores[above, index], overlap)]:
            left, top, right, bottom = map(float, boxes[i])
            found.append((index, float(scores[i, index]), (left, top, right, bottom)))
    return sorted(found, key=lambda detection: -detection[1])[:MOST]


def _outputs(model: Runnable, x: np.ndarray, anchors: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores (anchors, classes) and offsets (anchors, 4) in float64."""
    outputs = [np.asarray(y, np.float64) for y in model.run({model.graph.inputs[0].name: x}).values()]
    shapes = [y.shape for y in outputs]
    if len(shapes) != 2 or any(len(s) != 3 or s[:2] != (1, anchors) for s in shapes) or shapes[1][2] != 4:
        raise InputError(f"outputs: expected shapes (1, {anchors}, classes) and (1, {anchors}, 4), found {shapes}")
    if not all(np.isfinite(y).all() for y in outputs):
        raise InputError("outputs: expected finite scores and offsets, found some that are not")
    return outputs[0][0], outputs[1][0]


def _described(
    found: list[tuple[int, float, Box]],
    picture: Image.Image,
    size: tuple[int, int],
    labels: Sequence[str] | None,
    classes: int,
) -> list[Detection]:
    """Labels in place of classes, the picture's pixels in place of the input's, which is ``size`` high and wide."""
    if labels and len(labels) != classes:
        raise InputError(f"labels: expected {classes}, one a class, found {len(labels)}")
    x, y = picture.width / size[1], picture.height / size[0]
    return [
        Detection(index, labels[index] if labels else str(index), score, (a * x, b * y, c * x, d * y))
        for index, score, (a, b, c, d) in found
    ]
