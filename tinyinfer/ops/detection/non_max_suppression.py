"""Of boxes that mean one thing the best alone, for every class and picture: non_max_suppression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.dim import dim_min
from tinyinfer.graph import TensorType
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    flag,
    integer,
    number,
    operator,
    require,
    require_rank,
)
from tinyinfer.ops.dtypes import FLOAT32

NOTHING = -1  # in rows beyond those that are selected


@operator
class NonMaxSuppression(Op):
    """Rows (picture, class, box) of int64 of the boxes (N, B, 4) to keep by their scores (N, C, B).

    For each picture and class in turn, boxes of a score above ``score_threshold`` come in falling order, and those
    that overlap a better one by more than ``iou_threshold`` of their union go; no more than ``max_output_boxes`` of a
    class stay.  Boxes are two corners (y, x, y, x) in any order, or with ``center_point_box`` (x, y, width, height).
    As ONNX's NonMaxSuppression, but for the number of rows, which depends on no value: it is what can be selected at
    most, N * C * min(B, max_output_boxes), and rows beyond those that are selected hold -1.
    """

    name: ClassVar[str] = "non_max_suppression"
    arity: ClassVar[int | None] = 2
    dtypes: ClassVar[Sequence[str]] = FLOAT32

    max_output_boxes: int
    iou_threshold: float = 0.0
    score_threshold: float | None = None
    center_point_box: bool = False

    def __post_init__(self) -> None:
        self.normalize(
            max_output_boxes=integer(self.max_output_boxes, "max_output_boxes", least=1),
            iou_threshold=number(self.iou_threshold, "iou_threshold"),
            center_point_box=flag(self.center_point_box, "center_point_box"),
        )
        require(0 <= self.iou_threshold <= 1, f"iou_threshold: expected 0 to 1, found {self.iou_threshold}")
        if self.score_threshold is not None:
            self.normalize(score_threshold=number(self.score_threshold, "score_threshold"))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        boxes, scores = inputs
        require_rank(boxes, 3, "boxes")
        require_rank(scores, 3, "scores")
        pictures, count, sides = boxes.shape
        require(sides == 4, f"boxes: expected 4 numbers each, found {boxes}")
        fits = (scores.shape[0], scores.shape[2]) == (pictures, count)
        require(fits, f"scores: expected those of {count} boxes in {pictures} pictures, found {scores}")
        most = dim_min(count, self.max_output_boxes)
        return [TensorType((pictures * scores.shape[1] * most, 3), "int64")]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        boxes, scores = inputs
        corners = self._corners(boxes)
        kept = [
            (picture, label, box)
            for picture, of_picture in enumerate(scores)
            for label, of_class in enumerate(of_picture)
            for box in self._select(corners[picture], of_class)
        ]
        most = scores.shape[0] * scores.shape[1] * min(scores.shape[2], self.max_output_boxes)
        rows = np.full((most, 3), NOTHING, np.int64)
        rows[: len(kept)] = np.array(kept, np.int64).reshape(-1, 3)
        return [rows]

    def _corners(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes as (lower y, lower x, higher y, higher x)."""
        first, second = boxes[..., :2], boxes[..., 2:]
        if self.center_point_box:
            first, second = first - second / 2, first + second / 2
        return np.concatenate([np.minimum(first, second), np.maximum(first, second)], -1)

    def _select(self, corners: np.ndarray, scores: np.ndarray) -> list[int]:
        """Numbers of the boxes of one class that stay, the best first."""
        order = np.argsort(-scores, kind="stable")
        if self.score_threshold is not None:
            order = order[scores[order] > self.score_threshold]
        sides = corners[order].T  # (4, boxes): each side of all boxes in a row
        kept: list[int] = []
        better = np.empty_like(sides)  # those of the boxes that are kept
        for box, place in zip(sides.T, order, strict=True):
            count = len(kept)
            if count == self.max_output_boxes:
                break
            if (_overlaps(box, better[:, :count]) <= self.iou_threshold).all():
                better[:, count] = box
                kept.append(int(place))
        return kept

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Boxes of which some overlap, and scores that all differ."""
        boxes, scores = inputs
        corner = rng.uniform(0, 4, (*boxes.shape[:2], 2))
        found = np.concatenate([corner, corner + rng.uniform(1, 3, corner.shape)], -1)
        order = rng.permutation(scores.size).reshape(scores.shape)
        return [found.astype(boxes.dtype), (order / scores.size).astype(scores.dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"max_output_boxes": 4, "iou_threshold": 0.3}, ((2, 11, 4), (2, 3, 11))),
            Case({"max_output_boxes": 20, "score_threshold": 0.5, "iou_threshold": 0.5}, ((1, 7, 4), (1, 2, 7))),
            Case({"max_output_boxes": 3, "center_point_box": True}, ((1, 9, 4), (1, 1, 9))),
        ]


def _overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of one box (4,) with each of many (4, N); 0 for those without an area."""
    height = np.minimum(box[2], boxes[2]) - np.maximum(box[0], boxes[0])
    width = np.minimum(box[3], boxes[3]) - np.maximum(box[1], boxes[1])
    shared = np.maximum(height, 0) * np.maximum(width, 0)
    union = (box[2] - box[0]) * (box[3] - box[1]) + (boxes[2] - boxes[0]) * (boxes[3] - boxes[1]) - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(union), where=union > 0))


OPS = (NonMaxSuppression,)
