"""Images looked at in other places: GridSample, AffineGrid, RoiAlign."""

from __future__ import annotations

import math

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call, Lowering

MOST_POINTS = 2**22  # of a regular grid, which is made while the file is read
MODES = {"linear": "bilinear", "cubic": "bicubic"}  # of opset 20; before they were called as in torch


def grid_sample(call: Call) -> str:
    """GridSample."""
    mode = call.attribute("mode", "bilinear")
    return call.apply(
        "grid_sample", call.x, call.value(1), mode=MODES.get(mode, mode),
        padding_mode=call.attribute("padding_mode", "zeros"), align_corners=bool(call.attribute("align_corners", 0)),
    )  # fmt: skip


def affine_grid(call: Call) -> str:
    """AffineGrid: the points of a regular grid, each with a 1, times theta."""
    sizes = call.sizes(1, "size")
    space = sizes[2:]
    if len(space) not in (2, 3) or call.shape()[1:] != (len(space), len(space) + 1):
        raise GraphError(f"size, theta: expected images or volumes and their matrices, found {sizes} and {call.type()}")
    if math.prod(map(int, space)) > MOST_POINTS:
        call.refuse(f"a grid of more than {MOST_POINTS} points")
    if any(map(is_free, space)):
        call.fix(space, "the size of a grid depends on the input's")
    lines = [_points(size, bool(call.attribute("align_corners", 0))) for size in space]
    places = np.meshgrid(*lines, indexing="ij")[::-1]  # points begin with the column
    points = np.stack([*places, np.ones(space)], axis=-1).reshape(-1, len(space) + 1)
    columns = call.apply("permute", call.x, dims=(0, 2, 1))
    grid = call.apply("matmul", call.constant(points, call.type().dtype), columns)
    return call.apply("reshape", grid, shape=(0 if is_free(call.shape()[0]) else call.shape()[0], *space, len(space)))


def _points(size: int, align_corners: bool) -> np.ndarray:
    """From -1 to 1 the centres of the pixels, or of all but the outer ones, which lie at the ends."""
    if align_corners:
        return np.linspace(-1, 1, size) if size > 1 else np.zeros(1)
    return (np.arange(size) + 0.5) * 2 / size - 1


def roi_align_output_half_pixel(call: Call) -> str:
    """RoiAlign until opset 15: pixels have their places at whole numbers."""
    return _roi_align(call, aligned=False)


def roi_align(call: Call) -> str:
    """RoiAlign."""
    mode = call.attribute("coordinate_transformation_mode", "half_pixel")
    if mode not in ("half_pixel", "output_half_pixel"):
        call.refuse(f"coordinate_transformation_mode {mode!r} is not supported")
    return _roi_align(call, aligned=mode == "half_pixel")


def _roi_align(call: Call, aligned: bool) -> str:
    """torch has the image's number in front of each box."""
    numbers = call.apply("unsqueeze", call.apply("cast", call.value(2), dtype=call.type(1).dtype), dim=1)
    boxes = call.apply("concat", numbers, call.value(1), dim=1)
    return call.apply(
        "roi_align", call.x, boxes, aligned=aligned, mode=call.attribute("mode", "avg"),
        output_size=(call.attribute("output_height", 1), call.attribute("output_width", 1)),
        spatial_scale=call.attribute("spatial_scale", 1.0), sampling_ratio=call.attribute("sampling_ratio", 0),
    )  # fmt: skip


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("GridSample", 16): grid_sample,
    ("AffineGrid", 20): affine_grid,
    ("RoiAlign", 10): roi_align_output_half_pixel,
    ("RoiAlign", 16): roi_align,
}
