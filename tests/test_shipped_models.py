"""The networks that come with the package: small, cheap, documented, and as accurate as they say."""

from __future__ import annotations

import json
from pathlib import Path

import draw_weights
import numpy as np
import pytest

import tinyinfer as ti
from tinyinfer.model import Model

CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
FILES = sorted(WEIGHTS.glob("*.npz"))


@pytest.fixture(scope="module", params=FILES, ids=lambda file: file.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture(scope="module")
def model(path: Path) -> Model:
    return ti.load(path)


def test_all_of_them_are_small() -> None:
    assert sum(file.stat().st_size for file in FILES) < 10_000_000


def shown(section: str) -> str:
    page = draw_weights.PAGE.read_text(encoding="utf-8")
    return page.split(f"<!-- {section}: begin -->\n")[1].split(f"<!-- {section}: end -->\n")[0]


def test_the_page_shows_what_the_files_say() -> None:
    assert shown("networks") == draw_weights.networks()
    assert shown("runs") == draw_weights.runs()
    assert shown("distillation") == draw_weights.distillation()


def test_8_bits_cost_half_a_point_at_most_or_the_page_says_so(path: Path, model: Model) -> None:
    measured = json.loads(draw_weights.MEASURED.read_text())["networks"][path.stem]
    cheap = measured["int8_top1"] > model.meta["accuracy"]["top1"] - 0.005
    assert cheap or f"`{path.stem}` loses more" in draw_weights.PAGE.read_text(encoding="utf-8")


def test_a_teacher_helps_whatever_the_seed() -> None:
    measured = json.loads(draw_weights.DISTILLATION.read_text())
    alone, taught = measured["top1"].values()
    assert len(alone) == len(taught) == len(measured["seeds"])
    assert min(taught) - max(alone) > 0.007


def test_is_small(path: Path, model: Model) -> None:
    assert path.stat().st_size <= 640_000
    assert model.cost().macs <= 10_200_000


def test_is_stored_in_half_precision(path: Path) -> None:
    with np.load(path, allow_pickle=False) as arrays:
        assert {str(arrays[key].dtype) for key in arrays.files} == {"uint8", "float16"}


def test_is_the_network_its_metadata_names(model: Model) -> None:
    built = ti.models.create(model.meta["arch"])
    assert [(n.name, n.op, n.inputs) for n in built.graph.nodes] == [
        (n.name, n.op, n.inputs) for n in model.graph.nodes
    ]
    assert {k: v.shape for k, v in built.graph.weights.items()} == {k: v.shape for k, v in model.graph.weights.items()}


def test_says_what_it_is(model: Model) -> None:
    meta = model.meta
    assert meta["labels"] == CIFAR10
    assert meta["licence"] == "Apache-2.0"
    assert meta["source"] == "trained by tinyinfer.training"
    assert (meta["preprocess"]["resize"], meta["preprocess"]["crop"]) == ([32, 32], None)
    assert meta["accuracy"]["images"] == 10_000
    assert 0.82 <= meta["accuracy"]["top1"] < 1


def test_is_as_accurate_as_it_says(model: Model, shared: Path) -> None:
    with np.load(shared / "realdata" / "cifar10" / "test_first1000_rgb.npz") as data:
        images, labels = data["images"], data["labels"]
    how = model.meta["preprocess"]
    x = (images * np.float32(how["scale"]) - np.float32(how["mean"])) / np.float32(how["std"])
    x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    found = np.concatenate([model(part) for part in np.split(x, 10)]).argmax(1)
    # a tenth of the test set: one standard deviation is a point
    assert (found == labels).mean() == pytest.approx(model.meta["accuracy"]["top1"], abs=0.03)
