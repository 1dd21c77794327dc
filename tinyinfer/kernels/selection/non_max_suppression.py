"""Non-maximum suppression: boxes by falling score, each compared with a register of the better ones at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.base import ROWS, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.parts import own_memory, own_range
from tinyinfer.kernels.parallel.task import in_turn, task
from tinyinfer.kernels.selection.best_first import (
    NAN_RANK,
    WORDS,
    key_of,
    keys_in,
    make_heap,
    place_of,
    rank_of,
    take_best,
)
from tinyinfer.ops.base import Op
from tinyinfer.ops.detection.non_max_suppression import NOTHING, NonMaxSuppression

SIDES = 4  # lower y, lower x, higher y, higher x; the area comes fifth
BOX = 8  # floats in front, of which a box takes five
AT_ONCE = 16 * LANES  # boxes that one is compared with before anybody asks whether it has to go


@vector_function(kept="address", room="int", count="int", box="address", threshold="float", found="address")
def find_overlap(v, kept, room, count, box, threshold, found):
    """All lanes of ``found`` above zero if one of ``count`` boxes shares more than the threshold of its union with one.

    Sides and areas of the boxes are ``room`` apart; up to a whole register there are empty ones behind them.
    """
    nothing, hit = v.constant(0), v.variable(v.constant(0))
    least = v.broadcast(threshold)
    y0, x0, y1, x1, area = (v.load_broadcast(box, i) for i in range(SIDES + 1))
    with v.loop(count, LANES) as k:
        other = [v.load(kept, room * i + k) for i in range(SIDES)]
        height = v.sub(v.min(y1, other[2]), v.max(y0, other[0]))
        width = v.sub(v.min(x1, other[3]), v.max(x0, other[1]))
        shared = v.mul(v.max(height, nothing), v.max(width, nothing))
        touching = v.above(shared, nothing)
        with v.when(v.any(touching)):
            union = v.sub(v.add(area, v.load(kept, room * SIDES + k)), shared)
            overlapping = v.intersection(touching, v.above(v.div(shared, union), least))
            hit.set(v.where(overlapping, v.constant(1), hit.get()))
    v.store(v.across(hit.get(), v.max), found)


class Boxes(NamedTuple):
    """Boxes (pictures, number, 4) and their scores, as floats and as bits, of all classes."""

    corners: np.ndarray
    scores: np.ndarray
    bits: np.ndarray
    number: int
    classes: int


class Rule(NamedTuple):
    """Which boxes stay: see the operator.  Without ``limited`` all scores count."""

    most: int
    threshold: float
    limited: bool
    least: float
    by_center: bool


class Rows(NamedTuple):
    """(picture, class, box) of what is selected, and how many rows there are of each class of a picture.

    Those of class number i begin at row i times the most there can be.
    """

    values: np.ndarray
    stride: int
    counts: np.ndarray


@task
def select(part, parts, boxes: Boxes, rule: Rule, rows: Rows, keys, memory):
    """The boxes that stay, class by class."""
    own_keys, own = own_memory(part, keys, parts), own_memory(part, memory, parts)
    box, found, kept = own[: SIDES + 1], own[BOX : BOX + LANES], own[BOX + LANES :]
    room = kept.size // (SIDES + 1)
    first, last = own_range(part, rows.counts.size, parts)
    for unit in range(first, last):
        picture, kind = unit // boxes.classes, unit % boxes.classes
        left = _in_order(own_keys, boxes, rule, unit)
        kept[:] = np.float32(np.inf)  # an empty box shares nothing with any
        count = 0
        while left > 0 and count < rule.most:
            place = place_of(take_best(own_keys, left))
            left -= 1
            _set_box(box, boxes.corners, 4 * (picture * boxes.number + place), rule.by_center)
            if _stays(kept, room, count, box, rule.threshold, found):
                for i in range(SIDES + 1):
                    kept[i * room + count] = box[i]
                row = (unit * rule.most + count) * rows.stride
                rows.values[row], rows.values[row + 1], rows.values[row + 2] = picture, kind, place
                count += 1
        rows.counts[unit] = count


@inline
def _in_order(keys, boxes, rule, unit):
    """Make a heap of a class's boxes, NaN being the lowest score; returns how many count."""
    count = 0
    for i in range(boxes.number):
        at = unit * boxes.number + i
        if not rule.limited or boxes.scores[at] > rule.least:
            rank = rank_of(boxes.bits[at])
            keys[count] = key_of(rank if rank != NAN_RANK else -rank, i)
            count += 1
    make_heap(keys, count)
    return count


@inline
def _set_box(box, corners, at, by_center):
    """Sides and area of a box that is two corners, or a centre and two sides."""
    for i in range(2):
        one, other = corners[at + i], corners[at + 2 + i]
        if by_center:
            half = other / np.float32(2)
            one, other = one - half, one + half
        box[i], box[2 + i] = min(one, other), max(one, other)
    box[SIDES] = (box[2] - box[0]) * (box[3] - box[1])


@inline
def _stays(kept, room, count, box, threshold, found):
    """Whether a box overlaps none of those that are kept."""
    for first in range(0, count, AT_ONCE):
        some = min(AT_ONCE, count - first)
        find_overlap(kept.ctypes.data + first * 4, room, some, box.ctypes.data, threshold, found.ctypes.data)
        if found[0] > 0:
            return False
    return True


@task
def close_up(part, parts, rows: Rows, most):
    """All rows one behind the other, and behind them such as say that there is nothing."""
    end, stride = 0, rows.stride
    for unit in range(rows.counts.size):
        for row in range(unit * most, unit * most + rows.counts[unit]):
            for i in range(3):
                rows.values[end * stride + i] = rows.values[row * stride + i]
            end += 1
    for row in range(end, rows.counts.size * most):
        for i in range(3):
            rows.values[row * stride + i] = NOTHING


class Suppression(Kernel):
    """Classes are shared out to threads."""

    op = "non_max_suppression"
    name = "registers"
    dtypes = ("float32", "int64")
    ranks = (2, 3)
    tolerance = 0.0

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        assert isinstance(problem.op, NonMaxSuppression)
        (pictures, boxes, _), (_, classes, _) = problem.inputs
        self.classes = pictures * classes
        self.parts = min(problem.threads, self.classes)
        self.keys = self.parts * boxes
        self.most = min(boxes, problem.op.max_output_boxes)
        self.floats = self.parts * (BOX + LANES + (SIDES + 1) * (-(-self.most // LANES) * LANES))
        self.workspace_floats = WORDS * self.keys + 1 + self.floats

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return 0 not in (*problem.inputs[0], *problem.inputs[1])

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return ROWS

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (corners, scores), (y,), op = inputs, outputs, self.problem.op
        assert isinstance(op, NonMaxSuppression)
        (_, number, _), (_, classes, _) = self.problem.inputs
        boxes = Boxes(corners.data, scores.data, scores.data.view(np.int32), number, classes)
        limited, least = op.score_threshold is not None, np.float32(op.score_threshold or 0)
        rule = Rule(self.most, np.float32(op.iou_threshold), limited, least, op.center_point_box)
        rows = Rows(y.data, y.pixel_stride, np.zeros(self.classes, np.int64))
        keys, memory = keys_in(workspace, self.keys), workspace[-self.floats :]
        return in_turn([select.bind(self.parts, boxes, rule, rows, keys, memory), close_up.bind(1, rows, self.most)])


KERNELS = (Suppression,)
