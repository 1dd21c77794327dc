"""MediaPipe's operators that look again, more closely, at where landmarks are (Grishchenko et al. 2020, "Attention
Mesh", section 3): a transform from landmarks, an image seen through it, and landmarks brought back by it.

A transform is a matrix (1, 4, 4) that takes points of the small picture to points of the large one; of its rows the
first two say x and y.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.formats.tflite.lowering.node import TfliteCall, TfliteLowering
from tinyinfer.formats.tflite.reading.flexbuffer import read_map
from tinyinfer.ops.base import integer, integers, number

MOST_POINTS = 2**20  # of an image that is looked at anew, whose places are worked out while the file is read
LEAST_DISTANCE = 1e-12  # of the two landmarks that say which way is across


class Steps:
    """The operators that one of the file's becomes, each with a name of its own."""

    def __init__(self, call: TfliteCall) -> None:
        self.call = call

    def __call__(self, op: str, *inputs: str | np.ndarray, as_: str, **attrs: Any) -> str:
        """Apply an operator to values and constants."""
        importer, name = self.call.importer, self.call.name
        values = [importer.constant(f"{name}/{as_}/constant", np.asarray(value, np.float32)) if isinstance(
            value, np.ndarray) else value for value in inputs]  # fmt: skip
        return importer.apply(op, *values, name=f"{name}/{as_}", **attrs)

    def transform(self, index: int) -> str:
        """x and y of an input that is a transform, as (1, 4, 2): what a row (x, y, z, 1) is multiplied by."""
        if tuple(self.call.shape(index)) != (1, 4, 4):
            raise GraphError(f"transform: expected shape (1, 4, 4), found {self.call.shape(index)}")
        rows = self("slice", self.call.plain(index), as_="rows", dim=1, end=2)
        return self("permute", rows, as_="columns", dims=(0, 2, 1))


def _options(call: TfliteCall) -> dict[str, Any]:
    return read_map(memoryview(call.attribute("custom_options")), f"node {call.name[:80]!r}")


def _size(options: dict[str, Any]) -> tuple[int, int]:
    return integer(options.get("output_width"), "output_width", 1), integer(
        options.get("output_height"), "output_height", 1)  # fmt: skip


def landmarks_to_transform_matrix(call: TfliteCall) -> str:
    """Landmarks2TransformMatrix: the smallest turned rectangle around some landmarks, and so much more.

    It is turned so that two of them lie on a line of the angle that is wanted.
    """
    options, steps, shape = _options(call), Steps(call), call.shape()
    if len(shape) != 3 or shape[0] != 1 or shape[2] < 2:
        raise GraphError(f"landmarks: expected shape (1, N, 3), found {shape}")
    points = steps("slice", call.plain(), as_="points", dim=2, end=2)  # (1, N, 2)
    # row vectors are turned upright by this, and column vectors back: (1, 2, 2)
    turn = _turn(steps, points, options)
    subset = integers(options.get("subset_idxs"), "subset_idxs", 0)
    some = steps("index_select", points, as_="subset", dim=1, index=subset)
    upright = steps("matmul", some, turn, as_="upright")
    most = steps("amax", upright, as_="most", dim=1, keepdim=True)
    least = steps("amin", upright, as_="least", dim=1, keepdim=True)
    middle = steps("mul", steps("add", most, least, as_="sum"), np.array(0.5), as_="middle")  # (1, 1, 2)
    centre = steps("matmul", turn, steps("permute", middle, as_="column", dims=(0, 2, 1)), as_="centre")  # (1, 2, 1)
    width, height = _size(options)
    scale = [number(options.get(f"scale_{side}"), "scale") / size for side, size in (("x", width), ("y", height))]
    factor = steps("mul", steps("sub", most, least, as_="size"), np.array([[scale]]), as_="scale")
    scaled = steps("mul", turn, factor, as_="scaled")  # (1, 2, 2)
    corner = steps("matmul", scaled, np.array([[[-width / 2], [-height / 2]]]), as_="corner")
    shift = steps("add", centre, corner, as_="shift")
    rows = steps("concat", scaled, np.zeros((1, 2, 1)), shift, as_="rows", dim=2)
    below = np.array([[[0, 0, 1, 0], [0, 0, 0, 1]]])
    return call.values.add(call.apply("concat", rows, call.constant(below, np.float32), dim=1))


def _turn(steps: Steps, points: str, options: dict[str, Any]) -> str:
    """[[cos r, sin r], [-sin r, cos r]], r being the angle that is wanted less that from left to right."""
    left, right = (
        steps("index_select", points, as_=side, dim=1,
              index=(integer(options.get(f"{side}_rotation_idx"), "landmark", 0),))
        for side in ("left", "right")
    )  # fmt: skip
    across = steps("sub", right, left, as_="across")
    square = steps("sum", steps("mul", across, across, as_="squares"), as_="square", dim=2, keepdim=True)
    length = steps("maximum", steps("sqrt", square, as_="root"), np.array(LEAST_DISTANCE), as_="length")
    unit = steps("div", across, length, as_="unit")  # (1, 1, 2): cosine and sine of the angle that there is
    wanted = number(options.get("target_rotation_radians"), "target_rotation_radians")
    c, s = math.cos(wanted), math.sin(wanted)
    flat = steps("matmul", unit, np.array([[[c, s, -s, c], [s, -c, c, s]]]), as_="flat")
    return steps("reshape", flat, as_="turn", shape=(1, 2, 2))


def transform_tensor_bilinear(call: TfliteCall) -> str:
    """TransformTensorBilinear: the image at the places that a transform takes pixels to, 0 where these are outside."""
    steps, image = Steps(call), call.nchw()
    width, height = _size(_options(call))
    if width * height > MOST_POINTS:
        raise GraphError(f"output: expected an image of at most {MOST_POINTS} pixels, found {height}x{width}")
    _, _, *size = call.shape_of(image)
    last = np.array([[[size[1] - 1, size[0] - 1]]])
    if last.min() < 1:
        raise GraphError(f"expected an image of two pixels or more each way, found {size[0]}x{size[1]}")
    down, across = np.mgrid[:height, :width].reshape(2, 1, -1) + 0.5
    centres = np.stack([across, down, np.zeros_like(down), np.ones_like(down)], axis=2)  # (1, height * width, 4)
    moved = steps("matmul", centres, steps.transform(1), as_="moved")
    places = steps("sub", moved, np.array(0.5), as_="places")
    unit = steps("sub", steps("mul", places, 2 / last, as_="doubled"), np.array(1), as_="unit")
    grid = steps("reshape", unit, as_="grid", shape=(1, height, width, 2))
    seen = steps("grid_sample", image, grid, as_="seen", align_corners=True)
    room = steps("minimum", places, steps("sub", last, places, as_="beyond"), as_="room")  # to the nearest border
    inside = steps("ge", steps("amin", room, as_="least", dim=2), np.array(0), as_="inside")
    mask = steps("reshape", steps("cast", inside, as_="kept", dtype="float32"), as_="mask", shape=(1, 1, height, width))
    return call.image(call.apply("mul", seen, mask))


def transform_landmarks(call: TfliteCall) -> str:
    """TransformLandmarks: x and y through a transform, z as it is."""
    call.ignore("custom_options")
    steps, shape = Steps(call), call.shape()
    if len(shape) != 3 or shape[2] not in (2, 3):
        raise GraphError(f"landmarks: expected shape (1, N, 2) or (1, N, 3), found {shape}")
    transform = steps.transform(1)
    turned = steps("matmul", steps("slice", call.plain(), as_="points", dim=2, end=2),
                   steps("slice", transform, as_="turn", dim=1, end=2), as_="turned")  # fmt: skip
    shift = steps("slice", transform, as_="shift", dim=1, start=3)
    if shape[2] == 2:
        return call.values.add(call.apply("add", turned, shift))
    depth = steps("slice", call.plain(), as_="depth", dim=2, start=2)
    return call.values.add(call.apply("concat", steps("add", turned, shift, as_="moved"), depth, dim=2))


LOWERINGS: dict[str, TfliteLowering] = {
    "CUSTOM Landmarks2TransformMatrix": landmarks_to_transform_matrix,
    "CUSTOM TransformTensorBilinear": transform_tensor_bilinear,
    "CUSTOM TransformLandmarks": transform_landmarks,
}
