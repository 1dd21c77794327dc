"""Detectors without anchors whose boxes stand in the cells of their maps: FastestDet and YuNet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.logits import sigmoid
from tinyinfer.tasks.heads.candidates import Candidates, Outputs, cells, corners, expect_rows, grow, rows, sole
from tinyinfer.tasks.heads.options import option, several, share, whole


@dataclass(frozen=True)
class FastestDet:
    """One map (1, 5 + classes, H, W): object, box, class probabilities (dog-qiuqiu/FastestDet, utils/tool.py).

    Centres are a cell's corner and a tangens hyperbolicus of cells beside it, sides a sigmoid of the whole input; the
    score is object^0.6 * class^0.4.
    """

    overlap: float = option(share, 0.45)
    background = False
    open_ended = False

    def decode(self, outputs: Outputs, size: tuple[int, int]) -> Candidates:
        """Boxes of the map's cells."""
        y = sole(outputs)
        if y.ndim != 4 or y.shape[1] < 6:
            raise InputError(f"output: expected shape (1, 5 + classes, height, width), found {y.shape}")
        found, (high, wide) = rows(y), y.shape[2:]
        rows_, columns = np.divmod(np.arange(high * wide), wide)
        whole_input = np.array([size[1], size[0]], np.float64)
        centres = (np.stack([columns, rows_], axis=1) + np.tanh(found[:, 1:3])) / (wide, high) * whole_input
        probabilities = np.clip(found, 0, 1)
        scores = probabilities[:, 0:1] ** 0.6 * probabilities[:, 5:] ** 0.4
        return Candidates(corners(centres, sigmoid(found[:, 3:5]) * whole_input), scores)


@dataclass(frozen=True)
class YuNet:
    """Four outputs for each stride, (1, cells, ...): "cls_8", "obj_8", "bbox_8", "kps_8" (Wu et al., "YuNet", 2023).

    Centres and points are offsets from a cell's corner, sides logarithms, all in strides; the score is the geometric
    mean of class and object.
    """

    strides: tuple[int, ...] = option(several(whole(1)), (8, 16, 32))
    overlap: float = option(share, 0.3)
    background = False
    open_ended = False

    def decode(self, outputs: Outputs, size: tuple[int, int]) -> Candidates:
        """A box and five points for each cell."""
        places, strides = cells(size, self.strides)
        faces, objects, boxes, points = (
            expect_rows(self._joined(outputs, part), len(places), part) for part in ("cls", "obj", "bbox", "kps")
        )
        scores = np.sqrt(np.clip(faces, 0, 1) * np.clip(objects, 0, 1))
        found = corners(places + boxes[:, 0:2] * strides, grow(boxes[:, 2:4]) * strides)
        marks = places[:, None] + points.reshape(len(places), -1, 2) * strides[:, None]
        return Candidates(found, scores, marks)

    def _joined(self, outputs: Outputs, part: str) -> np.ndarray:
        names = [f"{part}_{stride}" for stride in self.strides]
        if missing := [name for name in names if name not in outputs]:
            raise InputError(f"outputs: expected one called {missing[0]}, found {', '.join(outputs)[:200]}")
        return np.concatenate([rows(outputs[name], name) for name in names])


def yunet_names(strides: Sequence[int] = (8, 16, 32)) -> set[str]:
    """What the outputs are called."""
    return {f"{part}_{stride}" for part in ("cls", "obj", "bbox", "kps") for stride in strides}
