"""From a model and a folder of pictures to a quantised model file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_networks import residual_network

import tinyinfer as ti
from tinyinfer.errors import GraphError, ImageError, InputError
from tinyinfer.evaluation.noise import decibels
from tinyinfer.model import Model
from tinyinfer.quantization import Settings, quantize_model, read_pictures

PREPROCESS = {"resize": 16, "crop": 16, "mean": [0.5] * 3, "std": [0.25] * 3}


def small_model(**meta: object) -> Model:
    return Model(residual_network(), {"name": "small", "preprocess": PREPROCESS, **meta}, kernels="reference")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nine pictures, some below."""
    rng = np.random.default_rng(0)
    for i in range(9):
        path = tmp_path / "photos" / ("more" if i % 2 else "") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), np.uint8)).save(path)
    return tmp_path / "photos"


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings("minmax", per_tensor=True, bias_correction=False),
        Settings("percentile", equalize=True, keep=["fc"]),
    ],
)
def test_it_runs_saves_and_loads(settings: Settings, folder: Path, tmp_path: Path) -> None:
    model = small_model(accuracy={"top1": 0.9})
    pictures = read_pictures(folder, model)
    stages: list[tuple[str, int, int]] = []
    made = quantize_model(model, pictures, settings, lambda *now: stages.append(now))
    made.model.save(tmp_path / "int8.npz")
    loaded = ti.load(tmp_path / "int8.npz", kernels="reference")
    truth, found, again = ([m(x) for x in pictures] for m in (model, made.model, loaded))
    np.testing.assert_array_equal(found, again)
    assert decibels(truth, found) > 20
    assert stages[:1] == [("calibration pictures", 9, 9)]
    assert ("layers corrected" in {stage for stage, _, _ in stages}) == settings.bias_correction
    assert "accuracy" not in loaded.meta
    done = loaded.meta["quantization"]
    assert (done["method"], done["keep"], done["samples"]) == (settings.method, list(settings.keep), 9)
    size = sum(array.nbytes for array in loaded.graph.weights.values())
    assert size < 0.5 * sum(array.nbytes for array in model.graph.weights.values())


def test_pictures_are_spread_over_a_folder(folder: Path) -> None:
    model = small_model()
    assert len(read_pictures(folder, model)) == 9
    some = read_pictures(folder, model, limit=3)
    assert [Path(sample.name).stem for sample in some.samples] == ["0", "6", "3"]
    assert len(some.first(2)) == 2
    assert [x.shape for x in some] == [(3, 3, 16, 16)]


def test_a_network_of_fixed_batch_gets_full_batches(folder: Path) -> None:
    graph = residual_network()
    (given,) = graph.inputs
    graph.inputs = [type(given)(given.name, (4, 3, 16, 16), (4, 3, 16, 16))]
    model = Model(graph, small_model().meta, kernels="reference")
    assert [x.shape for x in read_pictures(folder, model)] == [(4, 3, 16, 16)] * 3
    quantize_model(model, read_pictures(folder, model))


def test_bad_pictures_are_errors(folder: Path, tmp_path: Path) -> None:
    model = small_model()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: expected pictures \(.*\) to calibrate on, found none"):
        read_pictures(tmp_path / "empty", model)
    with pytest.raises(InputError, match="nowhere: no such file or folder"):
        read_pictures(tmp_path / "nowhere", model)
    with pytest.raises(InputError, match="limit: expected at least 1, found 0"):
        read_pictures(folder, model, 0)
    with pytest.raises(InputError, match="'preprocess' is missing"):
        read_pictures(folder, Model(residual_network()))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    with pytest.raises(ImageError, match=r"broken\.jpg"):
        quantize_model(model, read_pictures(folder, model))


def test_what_can_not_be_is_said_before_anything_runs(folder: Path) -> None:
    model = small_model()

    class Never(list):  # type: ignore[type-arg]
        def __iter__(self):
            raise AssertionError("the pictures were read")

        def first(self, count: int) -> Never:
            return self

    with pytest.raises(InputError, match="method: expected one of minmax, percentile, mse, entropy, found 'kl'"):
        Settings("kl")
    with pytest.raises(InputError, match="keep_sensitive: expected a number of dB, found nan"):
        Settings(keep_sensitive=float("nan"))
    with pytest.raises(InputError, match="keep: no node is called 'nothing'"):
        quantize_model(model, Never(), Settings(keep=["nothing"]))
    quantized = quantize_model(model, read_pictures(folder, model)).model
    with pytest.raises(GraphError, match="quantised already"):
        quantize_model(quantized, Never())
