"""Resize, crop and normalise against values worked out by hand and against torchvision's rules written out."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tinyinfer.errors import ImageError, ModelFormatError
from tinyinfer.vision.image import decode
from tinyinfer.vision.preprocess import INTERPOLATIONS, Preprocess, center_crop, prepare, resize

IMAGENET = {
    "resize": 256,
    "crop": 224,
    "interpolation": "bilinear",
    "channels": "rgb",
    "scale": 0.00392157,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}


def ramp(height: int, width: int) -> np.ndarray:
    """An image whose every pixel is different, as far as 8 bits go."""
    return (np.arange(height * width * 3) * 7 % 251 + 1).astype(np.uint8).reshape(height, width, 3)


def test_without_steps_pixels_are_scaled_to_one() -> None:
    image = ramp(2, 3)
    x = prepare(image, {})
    assert x.shape == (1, 3, 2, 3)
    assert x.dtype == np.float32
    assert x.flags.c_contiguous
    np.testing.assert_allclose(x[0], image.transpose(2, 0, 1) / 255, rtol=1e-7)


def test_normalisation_by_hand() -> None:
    image = np.array([[[0, 51, 255]]], np.uint8)
    x = prepare(image, {"scale": 1 / 255, "mean": [0.5, 0.1, 0.25], "std": [0.5, 0.2, 0.25]})
    np.testing.assert_allclose(x.ravel(), [-1.0, 0.5, 3.0], rtol=1e-6)


def test_bgr_without_scaling_subtracts_in_the_stated_order() -> None:
    image = np.array([[[10, 20, 30]]], np.uint8)
    x = prepare(image, {"channels": "bgr", "scale": 1, "mean": [104, 117, 123]})
    assert x.ravel().tolist() == [30 - 104, 20 - 117, 10 - 123]


def test_one_channel() -> None:
    image = np.array([[[255, 0, 0], [90, 90, 90]]], np.uint8)
    x = prepare(image, {"channels": "l", "scale": 1})
    assert x.shape == (1, 1, 1, 2)
    assert x.ravel().tolist() == [76, 90]  # ITU-R 601: 0.299 * 255
    wide = prepare(
        np.zeros((40, 60, 3), np.uint8), {"channels": "l", "resize": 32, "crop": 28, "mean": [0.5], "std": 0.5}
    )
    assert wide.shape == (1, 1, 28, 28)
    assert (wide == -1).all()


@pytest.mark.parametrize(
    ("size", "resized"),
    [
        ((500, 375), (341, 256)),
        ((375, 500), (256, 341)),
        ((640, 427), (383, 256)),
        ((256, 300), (256, 300)),
        ((9, 9), (256, 256)),
    ],
)
def test_long_side_is_rounded_down(size: tuple[int, int], resized: tuple[int, int]) -> None:
    assert resize(Image.new("RGB", size), 256, Image.Resampling.BILINEAR).size == resized


@given(st.integers(1, 80), st.integers(1, 80), st.integers(1, 64), st.integers(1, 64))
def test_any_size_gives_the_crop(height: int, width: int, side: int, crop: int) -> None:
    x = prepare(ramp(height, width), {"resize": side, "crop": crop})
    assert x.shape == (1, 3, crop, crop)
    assert np.isfinite(x).all()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_crop_follows_torchvision(height: int, width: int, crop_height: int, crop_width: int) -> None:
    """``torchvision.transforms.functional.center_crop``, pixel by pixel."""
    image = ramp(height, width)
    left_pad = (crop_width - width) // 2 if crop_width > width else 0
    top_pad = (crop_height - height) // 2 if crop_height > height else 0
    padded_height, padded_width = max(height, crop_height), max(width, crop_width)
    top = round((padded_height - crop_height) / 2.0)
    left = round((padded_width - crop_width) / 2.0)
    cropped = center_crop(image, crop_height, crop_width)
    assert cropped.shape == (crop_height, crop_width, 3)
    for y in range(crop_height):
        for x in range(crop_width):
            row, column = y + top - top_pad, x + left - left_pad
            inside = 0 <= row < height and 0 <= column < width
            assert np.array_equal(cropped[y, x], image[row, column] if inside else (0, 0, 0))


def test_crop_rounds_half_to_even() -> None:
    column = np.arange(9, dtype=np.uint8).reshape(9, 1, 1)
    assert center_crop(column, 8, 1)[0, 0, 0] == 0  # 0.5 -> 0
    assert center_crop(column, 6, 1)[0, 0, 0] == 2  # 1.5 -> 2
    assert center_crop(column, 4, 1)[0, 0, 0] == 2  # 2.5 -> 2


def test_small_image_is_padded_with_black_before_normalising() -> None:
    x = prepare(np.full((1, 2, 3), 255, np.uint8), {"crop": 4, "mean": [0.5] * 3, "std": [0.5] * 3})
    expected = -np.ones((4, 4))
    expected[1, 1:3] = 1
    np.testing.assert_allclose(x[0, 0], expected, atol=1e-6)


def test_bilinear_resize_by_hand() -> None:
    """Pillow's bilinear is a triangle as wide as the reduction: halving four pixels weighs them 3, 3, 1 over 7."""
    image = np.zeros((4, 4, 3), np.uint8)
    image[:, 0], image[:, 1] = 70, 140
    x = prepare(image, {"resize": 2, "scale": 1})
    np.testing.assert_array_equal(x[0, 0], [[90, 20], [90, 20]])


@pytest.mark.parametrize("name", INTERPOLATIONS)
def test_interpolations_are_pillows(name: str) -> None:
    image = ramp(30, 41)
    x = prepare(image, {"resize": 20, "interpolation": name, "scale": 1})
    expected = Image.fromarray(image).resize((int(20 * 41 / 30), 20), INTERPOLATIONS[name])
    assert np.array_equal(x[0].transpose(1, 2, 0), np.asarray(expected))


def test_two_sides_force_both() -> None:
    assert prepare(ramp(30, 41), {"resize": [12, 20], "crop": [10, 16]}).shape == (1, 3, 10, 16)


def test_extremely_long_picture_is_refused_not_allocated() -> None:
    picture = Image.new("RGB", (1, 5000))
    assert prepare(picture, {"resize": 32, "crop": 28}).shape == (1, 3, 28, 28)
    with pytest.raises(ImageError, match=r"PIL image: .*found 1x5000 pixels that would become 256x1280000"):
        prepare(picture, IMAGENET)


def test_the_callers_image_is_not_changed() -> None:
    image = ramp(40, 50)
    before = image.copy()
    prepare(image, IMAGENET)[:] = 0
    assert np.array_equal(image, before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resize": 0}, "resize: expected 1 or 2 sides of 1 to 8192 pixels, found 0"),
        ({"resize": 1e2}, "resize: .* found 100.0"),
        ({"resize": True}, "resize: .* found True"),
        ({"crop": [1, 2, 3]}, "crop: "),
        ({"crop": "224"}, "crop: .* found '224'"),
        ({"crop": 10**9}, "crop: "),
        ({"interpolation": "area"}, "interpolation: expected one of nearest.* found 'area'"),
        ({"interpolation": ["bilinear"]}, "interpolation: "),
        ({"channels": "rgba"}, "channels: expected one of rgb, bgr, l, found 'rgba'"),
        ({"channels": None}, "channels: "),
        ({"scale": 0}, "scale: expected a number above 0"),
        ({"scale": "1"}, "scale: expected 1 finite numbers, found '1'"),
        ({"scale": float("nan")}, "scale: "),
        ({"scale": 10**400}, "scale: "),
        ({"mean": [0.5, 0.5]}, "mean: expected 1 or 3 finite numbers"),
        ({"mean": []}, "mean: "),
        ({"mean": None}, "mean: "),
        ({"std": [1, 1, 0]}, "std: expected numbers above 0"),
        ({"std": [1, 1, float("inf")]}, "std: "),
        ({"std": 1e-300}, "float32"),
        ({"mean": {"r": 1}}, "mean: "),
        ({"gamma": 2.2}, "expected keys of resize, crop.* found \\['gamma'\\]"),
        ({1: 2}, "expected keys of"),
    ],
)
def test_bad_metadata_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ModelFormatError, match=f"^preprocess: .*{message}"):
        Preprocess.from_meta({**IMAGENET, **change})


@pytest.mark.parametrize("meta", [None, [], "rgb", 3])
def test_metadata_that_is_no_mapping(meta: object) -> None:
    with pytest.raises(ModelFormatError, match="expected a mapping"):
        Preprocess.from_meta(meta)


def test_metadata_round_trip() -> None:
    first = Preprocess.from_meta(IMAGENET)
    assert first.mean == (0.485, 0.456, 0.406)
    assert Preprocess(crop=3, mean=np.array([1, 2, 3]), std=np.float32(2)).std == (2.0, 2.0, 2.0)


def test_photos(shared: Path) -> None:
    """Each photo against the usual rule spelled out in NumPy."""
    folder = shared / "realdata" / "imagenet100"
    with (folder / "labels.csv").open() as file:
        files = [row["file"] for row in csv.DictReader(file)]
    for name in files[::9]:
        x = prepare(folder / name, IMAGENET)
        photo = decode(folder / name)
        width, height = photo.size
        size = (256, int(256 * height / width)) if width <= height else (int(256 * width / height), 256)
        full = np.asarray(photo.resize(size, Image.Resampling.BILINEAR))
        top, left = round((size[1] - 224) / 2), round((size[0] - 224) / 2)
        pixels = full[top : top + 224, left : left + 224].astype(np.float64)
        expected = (pixels * IMAGENET["scale"] - IMAGENET["mean"]) / IMAGENET["std"]
        np.testing.assert_allclose(x[0], expected.transpose(2, 0, 1), rtol=1e-6, atol=1e-6)
