"""A class for every pixel of a picture, from the maps of a segmentation network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from tinyinfer.errors import InputError
from tinyinfer.runtime.runnable import Runnable
from tinyinfer.tasks import SEGMENT, require_task
from tinyinfer.tasks.heads import Mask, read_head
from tinyinfer.tasks.heads.mask import LABELS as MASK_LABELS
from tinyinfer.tasks.whole_picture import prepare_whole
from tinyinfer.vision.image import ImageSource, decode
from tinyinfer.vision.preprocess import Placement


@dataclass(frozen=True)
class Segment:
    """A class that is in a picture, and the share of its pixels."""

    index: int
    label: str
    share: float


def segment(model: Runnable, image: ImageSource) -> np.ndarray:
    """The most probable class of every pixel, (height, width) of the picture itself; uint8, or int32 beyond 256.

    Logits of a smaller map are interpolated bilinearly.  Raises ImageError for the picture, InputError for a model
    that does not label pixels or whose output is not finite logits (1, classes, height, width).
    """
    require_task(model.meta, SEGMENT, "segment")
    picture = decode(image)
    head = _mask(model.meta)
    x, place = prepare_whole(picture, image, model.preprocess)
    outputs = model.run({model.graph.inputs[0].name: x})
    name = head.output or model.graph.outputs[0]
    if name not in outputs:
        raise InputError(f"outputs: expected one called {name[:80]!r}, found {', '.join(outputs)[:200]}")
    return largest(_inside(head.logits(outputs[name]), place, x.shape[2:]), picture.size)


def _mask(meta: Mapping[str, Any]) -> Mask:
    """How the maps are read, by the metadata: as they stand, or as its task says."""
    task = meta.get("task")
    head = read_head(task) if isinstance(task, Mapping) else Mask()
    assert isinstance(head, Mask)  # no other head labels pixels
    return head


def _inside(logits: np.ndarray, place: Placement, size: tuple[int, ...]) -> np.ndarray:
    """The part of maps (classes, h, w) in which the picture lies, of an input of ``size`` (height, width)."""
    high, wide = logits.shape[1] / size[0], logits.shape[2] / size[1]
    top, bottom = round(place.top * high), round((place.top + place.height) * high)
    left, right = round(place.left * wide), round((place.left + place.width) * wide)
    return logits[:, top : max(bottom, top + 1), left : max(right, left + 1)]


def largest(logits: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Class of the largest of logits (classes, h, w), enlarged to ``size`` (width, height); of equals, the lower.

    One class after the other, so that memory is that of two maps, however many classes there are.
    """
    best = np.full(size[::-1], -np.inf, np.float32)
    classes = np.zeros(size[::-1], np.uint8 if len(logits) <= 256 else np.int32)
    for index, plane in enumerate(logits):
        enlarged = np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize(size, Image.Resampling.BILINEAR))
        better = enlarged > best
        classes[better], best[better] = index, enlarged[better]
    return classes


def labels_of(meta: Mapping[str, Any]) -> Sequence[str] | None:
    """The classes' names: the model's own, or for a mask without any what its two classes are."""
    masks = isinstance(meta.get("task"), Mapping)
    return meta.get("labels") or (MASK_LABELS if masks else None)


def shares(classes: np.ndarray, labels: Sequence[str] | None) -> list[Segment]:
    """The classes that are in a map of them, by falling share of its pixels; without labels called by their index.

    Raises InputError when there are fewer labels than classes.
    """
    counts = np.bincount(classes.reshape(-1))
    if labels is MASK_LABELS and len(counts) > len(labels):
        labels = None  # a class for each of several channels
    if labels and len(labels) < len(counts):
        raise InputError(f"labels: expected at least {len(counts)}, one a class, found {len(labels)}")
    order = [int(i) for i in np.argsort(-counts, kind="stable") if counts[i]]
    return [Segment(i, labels[i] if labels else str(i), int(counts[i]) / classes.size) for i in order]
