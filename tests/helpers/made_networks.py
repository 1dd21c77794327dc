"""Networks that find what they are made to find: a detector and a segmenter of known answers."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinyinfer as ti
from tinyinfer.builder import Builder
from tinyinfer.tasks.anchors import Anchors

SIDE, STRIDE = 32, 16  # a 2x2 map with one anchor a pixel
LABELS = ["background", "cat", "dog"]
PREPROCESS = {"resize": [SIDE, SIDE], "mean": [0.5] * 3, "std": [0.5] * 3}
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def detector(logits: np.ndarray, offsets: np.ndarray | None = None, **meta: Any) -> ti.Model:
    """Four anchors, quarters of the picture from left to right and down, of ``logits`` (4, classes) whatever it shows.

    Every output is a bias that its own channel of a 1x1 map has; ``offsets`` are (4, 4).
    """
    b = Builder()
    x = b.adaptive_avg_pool2d(b.input(3, SIDE), name="pool")
    values = {"logits": logits, "offsets": np.zeros((4, 4)) if offsets is None else offsets}
    outputs = []
    for name, array in values.items():
        y = b.conv2d(x, array.size, 1, name=name)
        outputs.append(b.apply("reshape", y, name=f"{name}.reshape", shape=(0, -1, array.shape[1])))
    graph = b.finish(outputs)
    for name, array in values.items():
        graph.weights[f"{name}.weight"] = np.zeros((array.size, 3, 1, 1), np.float32)
        graph.weights[f"{name}.bias"] = array.astype(np.float32).reshape(-1)
    known = {"name": "made", "task": "detect", "labels": LABELS, "preprocess": PREPROCESS}
    anchors = Anchors((STRIDE,), (((0.5, 0.5),),)).to_meta()
    return ti.Model(graph, {**known, "anchors": anchors, **meta}, kernels="reference")


def segmenter(**meta: Any) -> ti.Model:
    """Class 0 where a pixel is mostly red, 1 green, 2 blue: a 1x1 convolution that hands the channels on."""
    b = Builder()
    graph = b.finish(b.conv2d(b.input(3, SIDE), 3, 1, name="colours", bias=False))
    graph.weights["colours.weight"] = np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)
    known = {"name": "made", "task": "segment", "labels": LABELS, "preprocess": {**PREPROCESS, "resize": SIDE}}
    return ti.Model(graph, {**known, **meta}, kernels="reference")


def striped(height: int, width: int) -> np.ndarray:
    """A picture of three upright stripes: red, green, blue."""
    picture = np.zeros((height, width, 3), np.uint8)
    for index, part in enumerate(np.array_split(np.arange(width), 3)):
        picture[:, part] = (RED, GREEN, BLUE)[index]
    return picture
