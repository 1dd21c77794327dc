"""Arithmetic on boxes: how much two overlap, offsets put on anchors, the weaker of two that mean one thing given up.

Boxes are (left, top, right, bottom) in pixels, y downwards, one a row.
"""

from __future__ import annotations

import numpy as np

Box = tuple[float, float, float, float]

LARGEST_GROWTH = np.log(1000 / 16)  # of an anchor's side, as a logarithm: offsets beyond would overflow


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of one box (4,) with each of many (N, 4); nothing with nothing is 0."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - shared
    return np.asarray(np.divide(shared, union, out=np.zeros(len(boxes)), where=union > 0))


def decode_offsets(offsets: np.ndarray, anchors: np.ndarray, variances: tuple[float, float]) -> np.ndarray:
    """Boxes (N, 4) of offsets (N, 4) from anchors of centre and size (Girshick et al. 2014, appendix C).

    The first two, times a variance and the anchor's sides, move its centre; its sides grow by e to the power of the
    last two times the other variance, though never more than 62.5 times.
    """
    centres, sides = anchors[:, :2], anchors[:, 2:]
    centres = centres + offsets[:, :2] * variances[0] * sides
    sides = sides * np.exp(np.minimum(offsets[:, 2:] * variances[1], LARGEST_GROWTH))
    return np.concatenate([centres - sides / 2, centres + sides / 2], axis=1)


def clip(boxes: np.ndarray, height: float, width: float) -> np.ndarray:
    """What of the boxes is inside a picture of this size."""
    return np.asarray(np.clip(boxes, 0, (width, height, width, height)))


def suppress(boxes: np.ndarray, scores: np.ndarray, overlap: float) -> np.ndarray:
    """Non-maximum suppression: indices of the boxes to keep, by falling score; of equals, the lower index first.

    A box goes when it and a better one that stays have an intersection over union above ``overlap``.
    """
    left = np.argsort(-scores, kind="stable")
    kept = []
    while left.size:
        best, others = left[0], left[1:]
        kept.append(best)
        left = others[overlaps(boxes[best], boxes[others]) <= overlap]
    return np.array(kept, np.intp)
