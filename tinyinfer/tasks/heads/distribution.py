"""Distances as distributions: the mean of a softmax over whole strides (Li et al., "Generalized Focal Loss", 2020)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.logits import ACTIVATIONS, activate, softmax
from tinyinfer.tasks.heads.candidates import Candidates, Outputs, cells, expect_rows, rows
from tinyinfer.tasks.heads.options import number, one_of, option, several, share, whole


@dataclass(frozen=True)
class Distribution:
    """Distances from a point of each cell to the left, top, right and bottom side, ``bins`` numbers each.

    Outputs are rows (1, N, classes + 4 * bins), maps of as many channels, one a stride, or one output for scores and
    one for distances for each stride.  In rows and maps the ``first`` numbers are the scores or the distances.  The
    point is ``offset`` of a cell from its corner: 0.5 for NanoDet and YOLO v8, 0 for NanoDet-Plus.
    """

    strides: tuple[int, ...] = option(several(whole(1)), (8, 16, 32))
    bins: int = option(whole(2), 8)
    offset: float = option(number, 0.5)
    first: str = option(one_of("scores", "distances"), "scores")
    activation: str = option(one_of(*ACTIVATIONS), "none")
    overlap: float = option(share, 0.6)
    background = False
    open_ended = False

    def decode(self, outputs: Outputs, size: tuple[int, int]) -> Candidates:
        """Boxes from the means of the distances."""
        places, strides = cells(size, self.strides, self.offset)
        scores, raw = self._parts(outputs)
        expect_rows(scores, len(places))
        expect_rows(raw, len(places))
        means = softmax(raw.reshape(-1, 4, self.bins)) @ np.arange(self.bins)
        away = means * strides
        boxes = np.concatenate([places - away[:, :2], places + away[:, 2:]], axis=1)
        return Candidates(boxes, activate(scores, self.activation))

    def _parts(self, outputs: Outputs) -> tuple[np.ndarray, np.ndarray]:
        """Scores (N, classes) and distances (N, 4 * bins), the finest map's first."""
        width = 4 * self.bins
        every = sorted((rows(y) for y in outputs.values()), key=len, reverse=True)
        if len(outputs) == 2 * len(self.strides) and len(outputs) > 1:
            apart = [y for y in every if y.shape[1] != width], [y for y in every if y.shape[1] == width]
            if len(apart[0]) != len(apart[1]):
                raise InputError(f"outputs: expected {width} numbers in those of distances, for each stride")
            return np.concatenate(apart[0]), np.concatenate(apart[1])
        if len({y.shape[1] for y in every}) != 1 or every[0].shape[1] <= width:
            found = ", ".join(str(y.shape) for y in outputs.values())
            raise InputError(f"outputs: expected scores and {width} numbers in each row, found shapes {found[:200]}")
        joined = np.concatenate(every)
        if self.first == "scores":
            return joined[:, :-width], joined[:, -width:]
        return joined[:, width:], joined[:, :width]


NANODET = {"bins": 8, "offset": 0.5}
NANODET_PLUS = {"strides": [8, 16, 32, 64], "bins": 8, "offset": 0}
YOLOV8_RAW = {"bins": 16, "offset": 0.5, "first": "distances", "activation": "sigmoid", "overlap": 0.7}
