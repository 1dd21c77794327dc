"""Offsets from anchors of set sizes, as single shot detectors have them (Liu et al. 2016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.logits import ACTIVATIONS, activate
from tinyinfer.tasks.heads.candidates import Candidates, Outputs, by_role, cells, corners, expect_rows, grid, grow, rows
from tinyinfer.tasks.heads.options import flag, named, number, one_of, option, positive, several, share, text, whole

Sizes = tuple[tuple[tuple[float, float], ...], ...]


def anchor(value: Any, where: str) -> tuple[float, ...]:
    """A centre, which may lie on an edge, and sides above 0."""
    found: tuple[float, ...] = several(number, 4)(value, where)
    for index in (2, 3):
        positive(found[index], f"{where}[{index}]")
    return found


@dataclass(frozen=True)
class Ssd:
    """Two outputs: scores (1, anchors, classes), boxes (1, anchors, 4 and two for each point).

    Anchors are listed (``anchors``: centre x, y, width, height as shares of the input), or stand at every pixel of the
    maps of some ``strides``: with ``sizes`` (width and height as shares, for each map) or as squares of ``pixels``.
    Their centres divide the input evenly (``centres`` "grid") or are half a stride from its edge ("stride"); ``clip``
    cuts the numbers to 0..1.  Offsets are divided by ``scale``, in the ``order`` of the file, and are ``growth``
    "exponential", e to the power of them, or "linear", a multiple of the anchor's side.
    """

    anchors: tuple[tuple[float, ...], ...] = option(several(anchor), ())
    strides: tuple[int, ...] = option(several(whole(1)), ())
    sizes: tuple[tuple[tuple[float, float], ...], ...] = option(several(several(several(positive, 2))), ())
    pixels: tuple[tuple[float, ...], ...] = option(several(several(positive)), ())
    centres: str = option(one_of("grid", "stride"), "grid")
    clip: bool = option(flag, False)
    scale: tuple[float, float, float, float] = option(several(positive, 4), (10.0, 10.0, 5.0, 5.0))  # of x, y, w, h
    order: str = option(one_of("xywh", "yxhw"), "xywh")
    growth: str = option(one_of("exponential", "linear"), "exponential")
    activation: str = option(one_of(*ACTIVATIONS), "sigmoid")
    background: bool = option(flag, False)
    points: int = option(whole(0), 0)
    overlap: float = option(share, 0.5)
    outputs: Mapping[str, str] | None = option(named(text, "scores", "boxes"), None)
    open_ended = False

    def decode(self, outputs: Outputs, size: tuple[int, int]) -> Candidates:
        """Boxes and points where the offsets put them."""
        anchors = self.places(size)
        scores, offsets = self._parts(outputs, len(anchors))
        centres, sides = anchors[:, :2], anchors[:, 2:]
        x, y, wide, high = range(4) if self.order == "xywh" else (1, 0, 3, 2)
        moves = offsets[:, [x, y]] / self.scale[:2]
        growths = offsets[:, [wide, high]] / self.scale[2:]
        grown = sides * (grow(growths) if self.growth == "exponential" else growths)
        boxes = corners(centres + moves * sides, grown)
        points = None
        if self.points:
            moves = offsets[:, 4:].reshape(len(anchors), self.points, 2) / self.scale[:2]
            points = centres[:, None] + moves * sides[:, None]
        return Candidates(boxes, activate(scores, self.activation), points)

    def places(self, size: tuple[int, int]) -> np.ndarray:
        """The anchors for an input of ``size`` (height, width): (N, 4) of centre x, y, width, height in its pixels."""
        whole_input = np.array([size[1], size[0]] * 2, np.float64)
        if self.anchors:
            return np.array(self.anchors) * whole_input
        sizes: Sequence[Any] = self.sizes
        if self.pixels:
            sizes = [np.repeat(np.array(sides)[:, None], 2, axis=1) / whole_input[:2] for sides in self.pixels]
        if len(sizes) != len(self.strides) or not self.strides:
            raise InputError(f"task: expected sizes of anchors for each of {len(self.strides)} strides")
        found = []
        for stride, own in zip(self.strides, sizes, strict=True):
            centres, _ = cells(size, [stride], offset=0.5)
            centres /= whole_input[:2]
            if self.centres == "grid":
                high, wide = grid(size, stride)
                centres *= whole_input[:2] / (wide * stride, high * stride)
            boxes = np.empty((len(centres), len(own), 4))
            boxes[..., :2], boxes[..., 2:] = centres[:, None], np.array(own)
            found.append(boxes.reshape(-1, 4))
        shares = np.concatenate(found)
        return (np.clip(shares, 0, 1) if self.clip else shares) * whole_input

    def _parts(self, outputs: Outputs, anchors: int) -> tuple[np.ndarray, np.ndarray]:
        """Scores and offsets, told by their names or by how many numbers each anchor has."""
        width = 4 + 2 * self.points
        found = by_role(outputs, self.outputs, ("scores", "boxes"))
        if found is None:
            if len(outputs) != 2:
                raise InputError(f"outputs: expected scores and boxes, found {', '.join(outputs)[:200]}")
            first, second = outputs.values()
            swapped = first.shape[-1] == width and (second.shape[-1] != width or "box" in next(iter(outputs)).lower())
            found = dict(zip(("boxes", "scores") if swapped else ("scores", "boxes"), (first, second), strict=True))
        scores, offsets = rows(found["scores"], "scores"), rows(found["boxes"], "boxes")
        if offsets.shape[1] != width:
            raise InputError(f"boxes: expected {width} numbers for each anchor, found {offsets.shape[1]}")
        return expect_rows(scores, anchors, "scores"), expect_rows(offsets, anchors, "boxes")


# -- conventions ---------------------------------------------------------------------------------


def object_detection_sizes(maps: int = 6, smallest: float = 0.2, largest: float = 0.95) -> Sizes:
    """The anchors of TensorFlow's object detection (multiple_grid_anchor_generator.py) for MobileNet SSDs.

    Scales in even steps; on each map the ratios 1, 2, 1/2, 3, 1/3 of its scale and a square between it and the next;
    on the first map a square of 0.1 and the ratios 2 and 1/2 alone.
    """
    scales = [smallest + (largest - smallest) * i / (maps - 1) for i in range(maps)] + [1.0]
    boxes = [[(scale, ratio) for ratio in (1.0, 2.0, 0.5, 3.0, 0.3333)] for scale in scales[:-1]]
    for own, (scale, following) in zip(boxes, pairwise(scales), strict=True):
        own.append(((scale * following) ** 0.5, 1.0))
    boxes[0] = [(0.1, 1.0), (scales[0], 2.0), (scales[0], 0.5)]
    return tuple(tuple((scale * ratio**0.5, scale / ratio**0.5) for scale, ratio in own) for own in boxes)


SSD_MOBILENET: dict[str, Any] = {
    "strides": [16, 32, 64, 128, 256, 512],
    "sizes": [[list(size) for size in own] for own in object_detection_sizes()],
    "order": "yxhw",
    "background": True,
    "overlap": 0.6,
}

# Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB, vision/ssd/config/fd_config.py
ULTRAFACE: dict[str, Any] = {
    "strides": [8, 16, 32, 64],
    "pixels": [[10, 16, 24], [32, 48], [64, 96], [128, 192, 256]],
    "centres": "stride",
    "clip": True,
    "activation": "none",  # the network ends with a softmax
    "background": True,
    "overlap": 0.3,
}
