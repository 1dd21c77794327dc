"""Networks with trained weights keep what they know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tinyinfer as ti
from tinyinfer.evaluation.noise import decibels
from tinyinfer.quantization import Settings, quantize_model, read_pictures

PHOTO_NETWORKS = {
    "mobilenet_v2_imagenet_torch/mobilenet_v2_imagenet.pth": (
        {"padding": "same"},
        {"resize": 256, "crop": 224, "channels": "rgb", "scale": 1 / 128, "mean": [1.0] * 3, "std": [1.0] * 3},
        20,  # dB; ONNX Runtime's static quantisation has 16.4 on the same
    ),
    "squeezenet1_1_imagenet_torch/squeezenet1_1_imagenet_fp16.pth": (
        {},
        {"resize": 256, "crop": 227, "channels": "bgr", "scale": 1.0, "mean": [104.0, 117.0, 123.0], "std": [1.0] * 3},
        32.6,  # 32.5
    ),
}


class Arrays:
    """Prepared pictures to calibrate on."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def __iter__(self) -> Iterator[np.ndarray]:
        yield from np.split(self.x, range(50, len(self.x), 50))

    def first(self, count: int) -> Arrays:
        """The first few."""
        return Arrays(self.x[:count])


def prepared(pixels: np.ndarray, how: dict[str, object]) -> np.ndarray:
    """(N, 32, 32, 3) uint8 as the shipped network wants them."""
    x = (pixels * np.float32(how["scale"]) - np.float32(how["mean"])) / np.float32(how["std"])
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


@pytest.fixture(scope="module")
def shipped(repository: Path) -> ti.Model:
    return ti.load(repository / "weights" / "mobilenet_v2_cifar10.npz")


def test_the_shipped_network_on_pieces_of_a_picture(shipped: ti.Model, repository: Path) -> None:
    picture = Image.open(repository / "weights" / "sample.jpg").convert("RGB")
    pieces = [
        np.asarray(picture.crop((x, y, x + side, y + side)).resize((32, 32)))
        for side in (64, 96, 160)
        for x in range(0, 256 - side + 1, 32)
        for y in range(0, 256 - side + 1, 32)
    ]
    x = prepared(np.stack(pieces), shipped.preprocess)
    made = quantize_model(shipped, Arrays(x[::2]))
    found = decibels([shipped(x[1::2])], [made.model(x[1::2])])
    assert found is not None
    assert found > 25
    coarse = quantize_model(shipped, Arrays(x[::2]), Settings(per_tensor=True, bias_correction=False))
    worse = decibels([shipped(x[1::2])], [coarse.model(x[1::2])])
    assert worse is not None
    assert worse < found - 3


def test_the_shipped_network_loses_no_accuracy(shipped: ti.Model, shared: Path) -> None:
    with np.load(shared / "realdata" / "cifar10" / "test_first1000_rgb.npz") as data:
        images, labels = data["images"], data["labels"]
    x = prepared(images, shipped.preprocess)
    made = quantize_model(shipped, Arrays(x[:200]))
    before, after = (np.mean(model(x).argmax(1) == labels) for model in (shipped, made.model))
    assert after >= before - 0.006


@pytest.mark.exhaustive
@pytest.mark.parametrize("file", PHOTO_NETWORKS)
def test_photos_keep_their_labels(file: str, shared: Path) -> None:
    knobs, preprocess, least = PHOTO_NETWORKS[file]
    model = ti.convert(shared / "realdata" / "weights" / file, **knobs)
    model.meta["preprocess"] = json.loads(json.dumps(preprocess))
    pictures = read_pictures(shared / "realdata" / "imagenet100", model)
    made = quantize_model(model, pictures)
    truth, found = (np.concatenate([m(x) for x in pictures]) for m in (model, made.model))
    noise = decibels([truth], [found])
    assert noise is not None
    assert noise > least
    assert (truth.argmax(1) != found.argmax(1)).sum() <= 3
