"""Boxes that the network has decoded, scored and perhaps suppressed itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.tasks.heads.candidates import Candidates, Outputs, by_role, corners, rows
from tinyinfer.tasks.heads.options import flag, named, one_of, option, share, text

LARGEST_CLASS = 2000  # more would make a large table of a damaged output


@dataclass(frozen=True)
class Finished:
    """Boxes (1, N, 4), scores (1, N), and classes (1, N) or none; or scores (1, N, classes).

    ``order`` of a box's numbers: "ltrb", "tlbr" as TFLite_Detection_PostProcess has them, "xywh" from the centre.
    ``units`` are "pixels" of the input or "shares" of it.  ``outputs`` names them by role, where they do not stand as
    TFLite has them: boxes, classes, scores, count.  ``background``: the first class means that there is nothing.
    """

    order: str = option(one_of("ltrb", "tlbr", "xywh"), "tlbr")
    units: str = option(one_of("pixels", "shares"), "shares")
    background: bool = option(flag, False)
    overlap: float = option(share, 1.0)
    outputs: Mapping[str, str] | None = option(named(text, "boxes", "classes", "scores"), None)
    open_ended = True

    def decode(self, outputs: Outputs, size: tuple[int, int]) -> Candidates:
        """The boxes as they stand, in pixels."""
        found = self._parts(outputs)
        boxes = rows(found["boxes"], "boxes")
        if boxes.shape[1] != 4:
            raise InputError(f"boxes: expected shape (1, N, 4), found {found['boxes'].shape}")
        if self.order == "tlbr":
            boxes = boxes[:, [1, 0, 3, 2]]
        elif self.order == "xywh":
            boxes = corners(boxes[:, :2], boxes[:, 2:])
        if self.units == "shares":
            boxes = boxes * (size[1], size[0], size[1], size[0])
        return Candidates(boxes, self._scores(found, len(boxes)))

    def _parts(self, outputs: Outputs) -> dict[str, np.ndarray]:
        if self.outputs is not None:
            return by_role(outputs, self.outputs, tuple(self.outputs)) or {}
        if len(outputs) == 4:  # as TFLite has them, the last one being how many of them count
            return dict(zip(("boxes", "classes", "scores"), outputs.values(), strict=False))
        boxes = [y for y in outputs.values() if y.ndim == 3 and y.shape[2] == 4]
        others = [y for y in outputs.values() if not any(y is box for box in boxes)]
        if len(outputs) != 2 or len(boxes) != 1:
            raise InputError(
                f"outputs: expected boxes and scores: name them by outputs; found {', '.join(outputs)[:200]}"
            )
        return {"boxes": boxes[0], "scores": others[0]}

    def _scores(self, found: Mapping[str, np.ndarray], count: int) -> np.ndarray:
        """Scores (N, classes), 0 where a box is of another class."""
        scores = found["scores"]
        if scores.ndim == 3:
            return rows(scores, "scores")
        flat = np.asarray(scores, np.float64).reshape(-1)
        classes = found.get("classes", np.zeros(count)).reshape(-1)
        if not len(flat) == len(classes) == count or not (np.isfinite(flat).all() and np.isfinite(classes).all()):
            raise InputError(f"outputs: expected a finite score and a class for each of {count} boxes")
        which = np.rint(classes).astype(np.int64)
        if count and not 0 <= which.min() <= which.max() < LARGEST_CLASS:
            raise InputError(
                f"classes: expected whole numbers of 0 to {LARGEST_CLASS}, found {which.min()} to {which.max()}"
            )
        table = np.zeros((count, int(which.max(initial=0)) + 1))
        table[np.arange(count), which] = flat
        return table
