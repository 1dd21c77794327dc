"""Heads of the YOLO family: a box, how sure it is that there is a thing, and a score for each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.logits import ACTIVATIONS, activate, sigmoid
from tinyinfer.tasks.heads.candidates import Candidates, Outputs, cells, corners, expect_rows, grid, grow, rows, sole
from tinyinfer.tasks.heads.options import flag, one_of, option, positive, several, share, whole

BOX, OBJECT, CLASSES = slice(0, 4), slice(4, 5), slice(5, None)  # numbers of a row


@dataclass(frozen=True)
class YoloGrid:
    """Raw maps (1, A * (5 + classes), H, W) or (1, A, H, W, 5 + classes), one a stride; or all of them as rows.

    ``anchors`` are the A widths and heights in pixels, for each stride.  ``formula`` "exponential" is YOLO v2 to v4's
    (Redmon and Farhadi 2018, section 2.1), where ``scale_xy`` lets centres reach the edges of their cells (v4, for
    each stride); "square" is YOLO v5 and v7's, 2 sigmoid - 0.5 and (2 sigmoid)^2.  ``activation`` is the classes'.
    """

    strides: tuple[int, ...] = option(several(whole(1)), (8, 16, 32))
    anchors: tuple[tuple[tuple[float, float], ...], ...] = option(several(several(several(positive, 2))), ())
    formula: str = option(one_of("exponential", "square"), "exponential")
    scale_xy: tuple[float, ...] = option(several(positive), ())
    activation: str = option(one_of(*ACTIVATIONS), "sigmoid")
    overlap: float = option(share, 0.45)
    background = False
    open_ended = False

    def decode(self, outputs: Outputs, size: tuple[int, int]) -> Candidates:
        """Boxes around each cell's anchors."""
        if len(self.anchors) != len(self.strides):
            raise InputError(f"task: expected anchors for each of {len(self.strides)} strides")
        levels = self._levels(outputs, size)
        scales = self.scale_xy or (1.0,) * len(self.strides)
        found = []
        for stride, anchors, scale, raw in zip(self.strides, self.anchors, scales, levels, strict=True):
            corner, _ = cells(size, [stride])
            place = np.tile(corner, (len(anchors), 1))
            sides = np.repeat(np.array(anchors), len(corner), axis=0)
            near = sigmoid(raw[:, 0:2])
            if self.formula == "square":
                centres, sides = place + (2 * near - 0.5) * stride, sides * (2 * sigmoid(raw[:, 2:4])) ** 2
            else:
                centres = place + (near * scale - (scale - 1) / 2) * stride
                sides = sides * grow(raw[:, 2:4])
            scores = sigmoid(raw[:, OBJECT]) * activate(raw[:, CLASSES], self.activation)
            found.append(np.concatenate([corners(centres, sides), scores], axis=1))
        every = np.concatenate(found)
        return Candidates(every[:, BOX], every[:, 4:])

    def _levels(self, outputs: Outputs, size: tuple[int, int]) -> list[np.ndarray]:
        """Rows (A * H * W, 5 + classes) of each stride: anchor by anchor, row by row, pixel by pixel."""
        grids = [grid(size, stride) for stride in self.strides]
        counts = [len(own) * high * wide for own, (high, wide) in zip(self.anchors, grids, strict=True)]
        if (len(outputs) == 1 and len(self.strides) > 1) or next(iter(outputs.values())).ndim == 3:
            every = expect_rows(rows(sole(outputs)), sum(counts))
            return np.split(every, np.cumsum(counts)[:-1])
        maps = {_plane(y): y for y in outputs.values()}
        if missing := [place for place in grids if place not in maps]:
            raise InputError(
                f"outputs: expected a map of {missing[0]} pixels, found {[y.shape for y in outputs.values()]}"
            )
        return [_by_anchor(maps[place], len(own)) for place, own in zip(grids, self.anchors, strict=True)]


def _plane(y: np.ndarray) -> tuple[int, int]:
    """Height and width of a map of either shape."""
    if y.ndim not in (4, 5):
        raise InputError(f"outputs: expected maps of four or five dimensions, found shape {y.shape}")
    return (y.shape[2], y.shape[3])


def _by_anchor(y: np.ndarray, anchors: int) -> np.ndarray:
    if y.ndim == 5:
        return rows(y.reshape(y.shape[0], -1, y.shape[-1]))
    n, channels, high, wide = y.shape
    if channels % anchors:
        raise InputError(f"output: expected numbers for {anchors} anchors, found {channels} channels")
    split = y.reshape(n, anchors, channels // anchors, high * wide).transpose(0, 1, 3, 2)
    return rows(split.reshape(n, -1, channels // anchors))


@dataclass(frozen=True)
class YoloRows:
    """Rows (1, N, 5 + classes) that the network has decoded: centre x, y, width, height in pixels, then probabilities.

    Without ``objectness`` a row is (4 + classes), and rows may stand upright, (1, 4 + classes, N), as YOLO v8 has them.
    ``units`` "shares" are those of the input's sides, as in files for TFLite.
    """

    objectness: bool = option(flag, True)
    units: str = option(one_of("pixels", "shares"), "pixels")
    overlap: float = option(share, 0.45)
    background = False
    open_ended = False

    def decode(self, outputs: Outputs, size: tuple[int, int]) -> Candidates:
        """The boxes as they stand."""
        y = sole(outputs)
        if y.ndim == 3 and not self.objectness and y.shape[1] < y.shape[2]:
            y = y.swapaxes(1, 2)
        found = rows(y)
        if found.shape[1] < 5 + self.objectness:
            raise InputError(f"output: expected a box and probabilities in each row, found shape {y.shape}")
        scores = found[:, OBJECT] * found[:, CLASSES] if self.objectness else found[:, 4:]
        unit = np.array([size[1], size[0]] if self.units == "shares" else [1, 1])
        return Candidates(corners(found[:, 0:2] * unit, found[:, 2:4] * unit), scores)


@dataclass(frozen=True)
class Yolox:
    """Rows (1, N, 5 + classes), or maps (1, 5 + classes, H, W) one a stride (Ge et al. 2021): no anchors.

    Centres are offsets from a cell's corner, sides logarithms, both in strides; scores are probabilities already
    unless ``activation`` says otherwise.
    """

    strides: tuple[int, ...] = option(several(whole(1)), (8, 16, 32))
    activation: str = option(one_of("none", "sigmoid"), "none")
    overlap: float = option(share, 0.45)
    background = False
    open_ended = False

    def decode(self, outputs: Outputs, size: tuple[int, int]) -> Candidates:
        """Boxes around the cells."""
        places, strides = cells(size, self.strides)
        found = expect_rows(stacked(outputs), len(places))
        boxes = corners(places + found[:, 0:2] * strides, grow(found[:, 2:4]) * strides)
        probabilities = activate(found[:, 4:], self.activation)
        return Candidates(boxes, probabilities[:, :1] * probabilities[:, 1:])


def stacked(outputs: Outputs) -> np.ndarray:
    """All outputs as rows, one below the other, the finest maps first."""
    levels = sorted((rows(y) for y in outputs.values()), key=len, reverse=True)
    if len({y.shape[1] for y in levels}) != 1 or levels[0].shape[1] < 6:
        shapes = [y.shape for y in outputs.values()]
        raise InputError(f"outputs: expected rows of 5 numbers and the classes, found shapes {shapes}")
    return np.concatenate(levels)


# -- conventions: anchors for COCO, in the authors' own files --------------------------------------

_COCO_416 = [
    [[10, 13], [16, 30], [33, 23]],
    [[30, 61], [62, 45], [59, 119]],
    [[116, 90], [156, 198], [373, 326]],
]
_COCO_416_V4 = [
    [[12, 16], [19, 36], [40, 28]],
    [[36, 75], [76, 55], [72, 146]],
    [[142, 110], [192, 243], [459, 401]],
]
YOLOV3 = {"anchors": _COCO_416}
YOLOV4 = {"anchors": _COCO_416_V4, "scale_xy": [1.2, 1.1, 1.05]}
YOLOV5 = {"anchors": _COCO_416, "formula": "square"}
