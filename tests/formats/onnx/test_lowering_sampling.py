"""GridSample, AffineGrid and RoiAlign of ONNX files."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_nodes import Known, assert_same, ints, normal

from tinyinfer import ops
from tinyinfer.errors import GraphError, InputError
from tinyinfer.graph import TensorType

X = normal(2, 3, 7, 5)
GRID = (np.random.default_rng(0).uniform(-1.4, 1.4, (2, 4, 6, 2))).astype(np.float32)


@pytest.mark.parametrize("align_corners", [0, 1])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize(("opset", "mode"), [(16, "bilinear"), (16, "nearest"), (16, "bicubic"), (20, "linear")])
def test_grid_sample(opset: int, mode: str, padding_mode: str, align_corners: int) -> None:
    attributes = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    others = [[normal(2, 3, 4, 9), GRID]]
    assert_same("GridSample", [X, GRID], opset, free=(2, 3), others=others, **attributes)


@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_grid_sample_of_volumes(mode: str) -> None:
    grid = (np.random.default_rng(0).uniform(-1.2, 1.2, (1, 2, 3, 2, 3))).astype(np.float32)
    assert_same("GridSample", [normal(1, 2, 4, 3, 5), grid], 20, mode=mode, engine="onnx")


def test_points_that_are_no_numbers_lie_outside() -> None:
    grid = np.full((2, 1, 2, 2), np.nan, np.float32)
    grid[:, :, 1] = np.inf
    assert not ops.reference("grid_sample")(X, grid).any()


@pytest.mark.parametrize("align_corners", [0, 1])
@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 3, 4, 5, 6), (2, 1, 2, 3)])
def test_affine_grid(size: tuple[int, ...], align_corners: int) -> None:
    space = len(size) - 2
    theta = normal(size[0], space, space + 1)
    assert_same("AffineGrid", [theta, ints(*size)], 20, align_corners=align_corners)


BOXES = np.array([[0.5, 1, 4, 6], [-2, -1, 3, 2], [3, 4, 3.2, 4.1], [0, 0, 9, 12]], np.float32)
IMAGES = np.array([0, 1, 1, 0])


@pytest.mark.parametrize("sampling_ratio", [0, 2])
@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize(
    ("opset", "coordinates"), [(10, None), (16, "half_pixel"), (16, "output_half_pixel"), (22, None)]
)
def test_roi_align(opset: int, coordinates: str | None, mode: str, sampling_ratio: int) -> None:
    attributes = {"coordinate_transformation_mode": coordinates} if coordinates else {}
    attributes |= {"mode": mode, "output_height": 3, "output_width": 2, "sampling_ratio": sampling_ratio}
    values = [X, Known(BOXES), Known(IMAGES)]
    others, engine = [[normal(2, 3, 9, 8)]], "onnx" if opset == 22 else "ort"
    assert_same("RoiAlign", values, opset, free=(2, 3), others=others, engine=engine, spatial_scale=0.7, **attributes)
    assert_same("RoiAlign", [X, BOXES, IMAGES], opset, engine=engine, **attributes)


def test_boxes_of_no_image_and_without_end_are_refused() -> None:
    align = ops.reference("roi_align")
    with pytest.raises(InputError, match="expected images 0 to 1, found 2"):
        align(X, np.array([[2, 0, 0, 1, 1]], np.float32), output_size=2)
    with pytest.raises(InputError, match="points along a cell"):
        align(X, np.array([[0, 0, 0, 1e9, 1]], np.float32), output_size=2)
    with pytest.raises(InputError, match="expected images"):
        align(X, np.array([[np.nan, 0, 0, 1, 1]], np.float32), output_size=2)


def test_no_more_cells_than_there_is_memory_for() -> None:
    op = ops.create("roi_align", {"output_size": (2**20, 1)})
    with pytest.raises(GraphError, match="output_size: expected at most 4194 for 1000 pixels, found 1048576"):
        op.infer([TensorType((1, 1, 1000, 1)), TensorType((1, 5))], {})
