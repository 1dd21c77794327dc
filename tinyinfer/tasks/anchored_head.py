"""The head of the package's own detectors: logits with a background, offsets from the anchors of the metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.logits import softmax
from tinyinfer.tasks.anchors import Anchors
from tinyinfer.tasks.boxes import decode_offsets
from tinyinfer.tasks.heads import Candidates


@dataclass(frozen=True)
class AnchoredHead:
    """Two outputs: class scores (1, anchors, classes) and box offsets (1, anchors, 4)."""

    anchors: Anchors
    background = True
    open_ended = False

    @property
    def overlap(self) -> float:
        """That of the anchors."""
        return self.anchors.overlap

    def decode(self, outputs: Mapping[str, np.ndarray], size: tuple[int, int]) -> Candidates:
        """Boxes where the offsets put the anchors."""
        scores, offsets = _outputs(outputs, self.anchors.count(*size))
        boxes = decode_offsets(offsets, self.anchors.boxes(*size), self.anchors.variances)
        return Candidates(boxes, softmax(scores))


def _outputs(outputs: Mapping[str, np.ndarray], anchors: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores (anchors, classes) and offsets (anchors, 4) in float64."""
    found = [np.asarray(y, np.float64) for y in outputs.values()]
    shapes = [y.shape for y in found]
    if len(shapes) != 2 or any(len(s) != 3 or s[:2] != (1, anchors) for s in shapes) or shapes[1][2] != 4:
        raise InputError(f"outputs: expected shapes (1, {anchors}, classes) and (1, {anchors}, 4), found {shapes}")
    if not all(np.isfinite(y).all() for y in found):
        raise InputError("outputs: expected finite scores and offsets, found some that are not")
    return found[0][0], found[1][0]
