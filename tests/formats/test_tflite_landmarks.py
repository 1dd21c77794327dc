"""MediaPipe's operators on landmarks do what is drawn with compasses and rulers, pixel by pixel."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from flexbuffer_writer import flexible
from tflite_writer import Network

from tinyinfer.errors import GraphError, ModelFormatError, UnsupportedOpError
from tinyinfer.formats.tflite.load import load
from tinyinfer.model import Model

OPTIONS = {
    "left_rotation_idx": 1, "right_rotation_idx": 4, "output_height": 6, "output_width": 8, "scale_x": 1.5,
    "scale_y": 1.25, "target_rotation_radians": 0.3, "subset_idxs": [0, 2, 3, 5, 6],
}  # fmt: skip


def around(points: np.ndarray) -> np.ndarray:
    """The transform from a small picture of 8 x 6 to the turned rectangle around the points of the subset."""
    left, right = points[1], points[4]
    angle = 0.3 - math.atan2(right[1] - left[1], right[0] - left[0])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    upright = np.array([turn @ points[i, :2] for i in (0, 2, 3, 5, 6)])
    low, high = upright.min(0), upright.max(0)
    scale = np.diag((high - low) * (1.5 / 8, 1.25 / 6))
    matrix = np.eye(4)
    matrix[:2, :2] = turn.T @ scale
    matrix[:2, 3] = turn.T @ ((low + high) / 2) - turn.T @ scale @ (4, 3)
    return matrix


def seen_through(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """An image (H, W, C) at the places that a transform takes the pixels of a small one to."""
    height, width, channels = image.shape
    found = np.zeros((6, 8, channels))
    for i, j in np.ndindex(6, 8):
        x, y = (matrix @ (j + 0.5, i + 0.5, 0, 1))[:2] - 0.5
        if 0 <= x <= width - 1 and 0 <= y <= height - 1:
            column, row = min(int(x), width - 2), min(int(y), height - 2)
            across, down = x - column, y - row
            four = image[row : row + 2, column : column + 2]
            found[i, j] = ((1 - down) * ((1 - across) * four[0, 0] + across * four[0, 1])
                           + down * ((1 - across) * four[1, 0] + across * four[1, 1]))  # fmt: skip
    return found


def network(version: int = 2, options: bytes | None = None) -> Network:
    """Landmarks to a transform, an image through it, landmarks of the small picture back through it."""
    made = Network()
    landmarks, image, small = made.input("l", (1, 7, 3)), made.input("i", (1, 9, 11, 4)), made.input("s", (1, 5, 3))
    made.outputs = [made.tensor("t", (1, 4, 4)), made.tensor("v", (1, 6, 8, 4)), made.tensor("b", (1, 5, 3))]
    matrix, view, back = made.outputs
    given = flexible(OPTIONS) if options is None else options
    made.apply("Landmarks2TransformMatrix", (landmarks,), (matrix,), custom=given, version=version)
    size = flexible({"output_height": 6, "output_width": 8})
    made.apply("TransformTensorBilinear", (image, matrix), (view,), custom=size, version=2)
    made.apply("TransformLandmarks", (small, matrix), (back,), custom=b"", version=2)
    return made


def test_a_closer_look_at_landmarks(tmp_path: Path, rng: np.random.Generator) -> None:
    """Transform, view and points agree with what they are by their definition."""
    path = tmp_path / "landmarks.tflite"
    path.write_bytes(network().write())
    model = Model(*load(path), kernels="reference")
    landmarks = (rng.random((1, 7, 3)) * (11, 9, 1)).astype(np.float32)
    image = rng.standard_normal((1, 4, 9, 11)).astype(np.float32)
    small = rng.random((1, 5, 3)).astype(np.float32) * 8
    found = model.run({"l": landmarks, "i": image, "s": small})
    matrix = around(landmarks[0].astype(np.float64))
    np.testing.assert_allclose(found["t"][0], matrix, rtol=1e-4, atol=1e-5)
    expected = seen_through(image[0].transpose(1, 2, 0), matrix)
    np.testing.assert_allclose(found["v"][0].transpose(1, 2, 0), expected, rtol=1e-3, atol=1e-3)
    assert (expected == 0).any(), "no place is outside of the image"
    moved = small[0].copy()
    moved[:, :2] = small[0, :, :2] @ matrix[:2, :2].T + matrix[:2, 3]
    np.testing.assert_allclose(found["b"][0], moved, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "version", "error", "says"),
    [
        (flexible(OPTIONS), 1, UnsupportedOpError, "version 1"),
        (flexible(OPTIONS | {"subset_idxs": [0, 99]}), 2, GraphError, "index"),
        (flexible(OPTIONS | {"left_rotation_idx": -1}), 2, GraphError, "landmark"),
        (flexible(OPTIONS | {"output_width": 0}), 2, GraphError, "output_width"),
        (flexible(OPTIONS | {"scale_x": math.inf}), 2, GraphError, "finite"),
        (flexible(OPTIONS)[:-9], 2, ModelFormatError, "options"),
        (b"", 2, ModelFormatError, "expected a map"),
        (b"\xff" * 40, 2, ModelFormatError, "expected a map"),
        (b"\xff" * 40 + bytes([200, 0x26, 1]), 2, ModelFormatError, "distance back"),
    ],
)
def test_options_that_mean_nothing(
    tmp_path: Path, options: bytes, version: int, error: type[Exception], says: str
) -> None:
    """They are refused, by name."""
    path = tmp_path / "landmarks.tflite"
    path.write_bytes(network(version, options).write())
    with pytest.raises(error, match=says):
        load(path)
