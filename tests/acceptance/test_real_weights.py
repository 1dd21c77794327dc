"""Real checkpoints and real photos: from the public file to the label, by the command line alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinyinfer.cli import main
from tinyinfer.loading import load

TENSORFLOW = {"scale": 1 / 128, "mean": [1, 1, 1], "std": [1, 1, 1]}  # (x - 128) / 128
CAFFE = {"crop": 227, "channels": "bgr", "scale": 1, "mean": [104, 117, 123], "std": [1, 1, 1]}
CHECKPOINTS = {
    "mobilenet_v2": (
        "mobilenet_v2_imagenet_torch/mobilenet_v2_imagenet.pth",
        ["--knob", "padding=same", "--preprocess", json.dumps(TENSORFLOW)],
    ),
    "squeezenet1_1": (
        "squeezenet1_1_imagenet_torch/squeezenet1_1_imagenet_fp16.pth",
        ["--preprocess", json.dumps(CAFFE)],
    ),
    "resnet20": ("resnet20_cifar10/resnet20-12fca82f.th", []),
}
IMAGENET = ["mobilenet_v2", "squeezenet1_1"]


def tinyinfer(*arguments: object) -> int:
    """Run the command line in this process; returns its exit code."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code)


@pytest.fixture(scope="module")
def converted(shared, tmp_path_factory) -> Callable[[str], Path]:
    """The model file that `convert` makes of a network's checkpoint."""
    folder, made = tmp_path_factory.mktemp("converted"), {}

    def convert(name: str) -> Path:
        if name not in made:
            checkpoint, options = CHECKPOINTS[name]
            made[name] = folder / f"{name}.npz"
            assert tinyinfer("convert", shared / "realdata/weights" / checkpoint, "-o", made[name], *options) == 0
        return made[name]

    return convert


@pytest.mark.parametrize("name", list(CHECKPOINTS))
def test_the_network_is_recognised(converted, name):
    assert load(converted(name)).meta["arch"] == name


@pytest.mark.parametrize("name", IMAGENET)
def test_logits_are_the_reference_runs(converted, shared, name):
    model = load(converted(name))
    reference = np.load(shared / "realdata/weights" / CHECKPOINTS[name][0].split("/")[0] / "ref.npz")
    order = slice(None, None, -1 if model.preprocess["channels"] == "bgr" else 1)
    scale, mean, std = (np.array(model.preprocess[key]) for key in ("scale", "mean", "std"))
    x = ((reference["x_u8"][..., order] * scale - mean) / std).transpose(0, 3, 1, 2).astype(np.float32)
    error = np.abs(model(x) - reference["logits"]).max() / reference["logits"].std()
    assert error < 1e-3


@pytest.mark.parametrize("name", IMAGENET)
def test_photos_get_the_reference_runs_labels(converted, shared, capsys, name):
    photos = shared / "realdata/imagenet100"
    capsys.readouterr()
    assert tinyinfer("run", converted(name), photos, "--json") == 0
    found = {Path(row["image"]).name: row["predictions"] for row in json.loads(capsys.readouterr().out)}
    reference = np.load(photos / "predictions_torch.npz")
    expected = dict(zip(reference["files"], reference[f"{name}_imagenet_torch_top5"][:, 0], strict=True))
    assert len(found) == len(expected) == 100
    assert sum(found[file][0]["index"] == index for file, index in expected.items()) >= 98
    assert found["200_n02097474.jpg"][0]["label"].startswith("Tibetan terrier")


def test_resnet20_logits(converted, shared):
    reference = np.load(shared / "realdata/weights/resnet20_cifar10/ref.npz")
    model = load(converted("resnet20"))
    mean, std = (np.array(model.preprocess[key]) for key in ("mean", "std"))
    x = ((reference["x_u8"] / 255 - mean) / std).transpose(0, 3, 1, 2).astype(np.float32)
    assert np.abs(model(x) - reference["out"]).max() / reference["out"].std() < 1e-3


@pytest.mark.slow
def test_resnet20_accuracy(converted, shared, capsys):
    model, test = converted("resnet20"), shared / "realdata/cifar10/test.npz"
    capsys.readouterr()
    assert tinyinfer("eval", model, test, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == 10_000
    assert found["top1"] == pytest.approx(0.8103, abs=0.0005)
