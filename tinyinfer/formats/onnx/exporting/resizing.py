"""Resize with all its rules, GridSample and RoiAlign, in ONNX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyinfer.formats.onnx.exporting.writer import Call
from tinyinfer.ops.base import axes

RESIZE_OF_AXES = 18
SYMMETRIC = 19  # brought half_pixel_symmetric
ANY_RANK = 20  # opset from which on GridSample takes volumes, and calls its modes by other names
GRID_MODES = {"bilinear": "linear", "bicubic": "cubic"}


def resize(call: Call) -> str:
    """Resize, of some dimensions, or of all where the opset has no axes yet."""
    op, opset = call.op, call.writer.opset
    if op.size is not None and op.scale_factor is not None:
        call.refuse("both sizes and factors")
    gone = op.coordinates == "tf_half_pixel_for_nn"
    if gone or (op.coordinates == "half_pixel_symmetric" and opset < SYMMETRIC):
        call.refuse(f"coordinates {op.coordinates!r} in opset {opset}")
    rank = len(call.shapes[0])
    dims = list(axes(op.dims, rank))
    roi, scales, sizes = op.roi, op.scale_factor, None if op.size is None else call.ints(op.size)
    if scales is None and sizes is None:
        sizes = call.add("Gather", call.add("Shape", call.node.inputs[1]), call.ints(dims))
    attributes = _attributes(op)
    if opset >= RESIZE_OF_AXES:
        attributes["axes"] = dims
    else:
        roi = None if roi is None else _of_all(rank, dims, roi)
        scales = None if scales is None else _of_all(rank, dims, (1,) * len(dims) + scales)[rank:]
        if sizes is not None:
            sizes = call.add("ScatterElements", call.add("Shape", call.x), call.ints(dims), sizes, axis=0)
    inputs = ["" if roi is None else call.floats(roi), "" if scales is None else call.floats(scales)]
    return call.add("Resize", call.x, *inputs, *([] if sizes is None else [sizes]), **attributes)


def _of_all(rank: int, dims: list[int], ends: tuple[float, ...]) -> np.ndarray:
    """Beginnings and ends for all dimensions, from 0 to 1 where none are given."""
    full = np.repeat([[0.0], [1.0]], rank, axis=1)
    full[:, dims] = np.reshape(ends, (2, -1))
    return full.reshape(-1)


def _attributes(op: Any) -> dict[str, Any]:
    attributes = {"mode": op.mode, "coordinate_transformation_mode": op.coordinates}
    if op.mode == "nearest":
        attributes["nearest_mode"] = op.rounding
    if op.mode == "cubic":
        attributes["cubic_coeff_a"] = op.cubic_coeff_a
    if op.roi is not None:
        attributes["extrapolation_value"] = op.extrapolation_value
    return attributes | {name: 1 for name in ("exclude_outside", "antialias") if getattr(op, name)}


def grid_sample(call: Call) -> str:
    """GridSample."""
    op, newer = call.op, call.writer.opset >= ANY_RANK
    if len(call.shapes[0]) != 4 and not newer:
        call.refuse(f"GridSample of volumes came with opset {ANY_RANK}, found {call.writer.opset}")
    mode = GRID_MODES.get(op.mode, op.mode) if newer else op.mode
    attributes = {"padding_mode": op.padding_mode, "align_corners": int(op.align_corners)}
    return call.add("GridSample", *call.node.inputs, mode=mode, **attributes)


def roi_align(call: Call) -> str:
    """RoiAlign, to which the images' numbers and the boxes go apart."""
    op, boxes = call.op, call.node.inputs[1]
    numbers, corners = (
        call.add("Slice", boxes, call.ints([start]), call.ints([end]), call.ints([1]))
        for start, end in ((0, 1), (1, 5))
    )
    images = call.add("Cast", call.add("Squeeze", numbers, call.ints([1])), to=7)
    attributes: dict[str, Any] = {"coordinate_transformation_mode": "half_pixel"} if op.aligned else {}
    if not op.aligned and call.writer.opset >= 16:
        attributes = {"coordinate_transformation_mode": "output_half_pixel"}
    return call.add(
        "RoiAlign", call.x, corners, images, mode=op.mode, output_height=op.output_size[0],
        output_width=op.output_size[1], spatial_scale=op.spatial_scale, sampling_ratio=max(op.sampling_ratio, 0),
        **attributes,
    )  # fmt: skip


EXPORTERS: dict[str, Callable[[Call], str]] = {
    "resize": resize,
    "grid_sample": grid_sample,
    "roi_align": roi_align,
}
