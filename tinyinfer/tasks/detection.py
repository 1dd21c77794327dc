"""Boxes with labels from a detector's outputs: decoding, suppression, back to the picture's pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from tinyinfer.errors import InputError
from tinyinfer.logits import ranking
from tinyinfer.runtime.runnable import Runnable
from tinyinfer.tasks import DETECT, require_task
from tinyinfer.tasks.anchored_head import AnchoredHead
from tinyinfer.tasks.anchors import Anchors
from tinyinfer.tasks.boxes import Box, clip, suppress
from tinyinfer.tasks.heads import Candidates, DetectionHead, Mask, read_head
from tinyinfer.tasks.whole_picture import prepare_whole
from tinyinfer.vision.image import ImageSource, decode
from tinyinfer.vision.preprocess import Placement

CANDIDATES = 300  # of a class, best first, that suppression looks at
MOST = 300  # boxes of a picture

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Detection:
    """A thing found: its class, its probability, and (left, top, right, bottom) in the picture's pixels.

    ``points`` are (x, y) in the same, of networks that find eyes or joints.
    """

    index: int
    label: str
    score: float
    box: Box
    points: Points = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON; points only where there are any."""
        found = asdict(self)
        return found if self.points else {key: value for key, value in found.items() if key != "points"}


class Chosen(NamedTuple):
    """One of the candidates: its class, its probability, and which it is."""

    category: int
    score: float
    row: int


def detect(model: Runnable, image: ImageSource, threshold: float = 0.5) -> list[Detection]:
    """What a detector finds in a picture with a probability above ``threshold``, the most probable first.

    Raises ImageError for the picture, InputError for a model that is no detector or whose outputs are not, finite,
    what its task says; for the plain task "detect" class scores (1, anchors, classes) and box offsets (1, anchors, 4)
    of as many anchors as its metadata names.
    """
    require_task(model.meta, DETECT, "detect")
    if not 0 <= threshold <= 1:
        raise InputError(f"threshold: expected 0 to 1, found {threshold}")
    head, picture = head_of(model.meta), decode(image)
    x, place = prepare_whole(picture, image, model.preprocess)
    height, width = x.shape[2:]
    found = head.decode(model.run({model.graph.inputs[0].name: x}), (height, width))
    found = found._replace(boxes=clip(found.boxes, height, width))
    chosen = choose(found.boxes, found.scores, threshold, head.overlap, first=int(head.background))
    return _described(chosen, _in_picture(found, picture, place), _labels(model.meta, head, found))


def head_of(meta: Mapping[str, Any]) -> DetectionHead:
    """How a detector's outputs are read, by its metadata.  Raises ModelFormatError."""
    task = meta.get("task")
    if not isinstance(task, Mapping):
        return AnchoredHead(Anchors.from_meta(meta.get("anchors")))
    head = read_head(task)
    assert not isinstance(head, Mask)  # whose task is another one
    return head


def choose(boxes: np.ndarray, scores: np.ndarray, threshold: float, overlap: float, first: int = 1) -> list[Chosen]:
    """The best of boxes (N, 4) with scores (N, classes), suppressed class by class, best first.

    Classes before ``first``, such as the background, are left out; at most `MOST` are given.
    """
    found: list[Chosen] = []
    for index in range(first, scores.shape[1]):
        (above,) = np.nonzero(scores[:, index] > threshold)
        above = above[ranking(scores[above, index], CANDIDATES)]
        kept = above[suppress(boxes[above], scores[above, index], overlap)]
        found += [Chosen(index, float(scores[i, index]), int(i)) for i in kept]
    return sorted(found, key=lambda chosen: -chosen.score)[:MOST]


def _in_picture(found: Candidates, picture: Image.Image, place: Placement) -> Candidates:
    """The picture's pixels in place of the input's, where it lies at ``place``; boxes end where the picture does."""
    corner = np.array([place.left, place.top], np.float64)
    ratio = np.array([picture.width / place.width, picture.height / place.height])
    boxes = (found.boxes - np.tile(corner, 2)) * np.tile(ratio, 2)
    points = None if found.points is None else (found.points - corner) * ratio
    return Candidates(clip(boxes, picture.height, picture.width), found.scores, points)


def _labels(meta: Mapping[str, Any], head: DetectionHead, found: Candidates) -> Sequence[str]:
    """A name for each class; a list may leave the background out.  Raises InputError for one of another length."""
    labels, classes = meta.get("labels"), found.scores.shape[1]
    if not labels:
        return [str(index) for index in range(classes)]
    if head.background and len(labels) == classes - 1:
        return ["", *labels]
    if len(labels) != classes and not (head.open_ended and len(labels) > classes):
        raise InputError(f"labels: expected {classes}, one a class, found {len(labels)}")
    return list(labels)


def _described(chosen: Sequence[Chosen], found: Candidates, labels: Sequence[str]) -> list[Detection]:
    return [
        Detection(category, labels[category], score, _box(found.boxes[row]), _points(found, row))
        for category, score, row in chosen
    ]


def _points(found: Candidates, row: int) -> Points:
    return () if found.points is None else tuple((float(x), float(y)) for x, y in found.points[row])


def _box(corners: np.ndarray) -> Box:
    left, top, right, bottom = map(float, corners)
    return left, top, right, bottom
