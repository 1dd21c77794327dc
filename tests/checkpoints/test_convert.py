"""Checkpoints are recognised by their keys and shapes, and what does not fit is listed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from same_keys import SAME_KEYS
from walks import built, each_network

import tinyinfer as ti
import tinyinfer.checkpoints.recognise as recognition
from tinyinfer.checkpoints.recognise import recognise
from tinyinfer.errors import InputError, ModelFormatError, UnsupportedOpError, WeightsError
from tinyinfer.models.family import Family
from tinyinfer.models.zoo.mobilenet_v2 import IMAGENET_TABLE

State = dict[str, np.ndarray]


def weights(name: str, **knobs: Any) -> State:
    return ti.models.create(name, **knobs).graph.weights


def save(path: Path, state: State) -> Path:
    np.savez(path, **state)
    return path


def cheapest(family: str) -> str:
    """The name of a family's cheapest network."""
    return min(ti.models.families()[family].variants, key=lambda variant: variant.macs or 0).name


@each_network(map(cheapest, ti.models.families()))
def test_a_network_of_every_family_is_recognised_by_its_shapes(name: str) -> None:
    assert_recognised(name)


@pytest.mark.exhaustive
@each_network()
def test_every_network_is_recognised_by_its_shapes(name: str) -> None:
    assert_recognised(name)


def assert_recognised(name: str) -> None:
    match = recognise(built(name).weights)[0]
    first = SAME_KEYS.get(name, name)
    assert (match.score, match.variant.name, match.layout, dict(match.knobs)) == (1, first, "canonical", {})


@pytest.mark.parametrize(
    ("name", "knobs", "most"),
    [
        ("mobilenet_v2", {}, 8),
        ("resnet50", {}, 8),
        ("densenet121", {"num_classes": 10}, 12),
        ("mobilenet_v3_large", {"num_classes": 10}, 16),
    ],
)
def test_few_networks_are_built_to_recognise_one(
    name: str, knobs: dict[str, Any], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = ti.models.build(name, **knobs).weights
    outline, vocabulary = recognition._outline, recognition._vocabulary
    outline.cache_clear()
    vocabulary.cache_clear()
    built = []
    make = Family.make

    def counted(self: Family, *arguments: Any) -> Any:
        built.append(self.name)
        return make(self, *arguments)

    monkeypatch.setattr(Family, "make", counted)
    assert recognise(state)[0].variant.name == name
    assert len(built) <= most


@pytest.mark.parametrize(
    ("name", "knobs"),
    [
        ("mobilenet_v2", {"num_classes": 7}),
        ("mobilenet_v2", {"width": 0.65, "num_classes": 3}),
        ("squeezenet1_1", {"width": 0.4}),
        ("squeezenet1_0", {"num_classes": 2}),
        ("resnet50", {"small_input": True, "num_classes": 10}),
        ("resnet32", {"shortcut": "B", "num_classes": 100}),
    ],
)
def test_knobs_that_shapes_show_are_found(name: str, knobs: dict[str, Any]) -> None:
    match = recognise(ti.models.build(name, **knobs).weights)[0]
    assert (match.score, match.variant.name, dict(match.knobs)) == (1, name, knobs)


def test_conversion_keeps_the_weights_and_tells_what_it_found(tmp_path: Path) -> None:
    state = weights("squeezenet1_1", num_classes=10, width=0.5)
    path = save(tmp_path / "net.npz", {**state, "num_batches_tracked": np.zeros((), np.int64)})
    model = ti.convert(path)
    assert model.meta["arch"] == "squeezenet1_1"
    assert model.meta["knobs"] == {"num_classes": 10, "width": 0.5, **ti.models.describe("squeezenet1_1")["knobs"]}
    assert model.meta["recognised"] == "squeezenet1_1 (canonical keys, num_classes=10, width=0.5)"
    assert model.meta["source"] == "net.npz"
    assert model.meta["checksum"] == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    for key, array in state.items():
        np.testing.assert_array_equal(model.graph.weights[key], array)
    model.save(tmp_path / "model.npz")
    assert ti.load(tmp_path / "model.npz").meta == json.loads(json.dumps(model.meta))


def test_knobs_that_no_shape_shows_are_taken_from_the_caller(tmp_path: Path) -> None:
    path = save(tmp_path / "net.npz", weights("mobilenet_v2_cifar"))
    model = ti.convert(path, padding="same", arch="mobilenet_v2_cifar")
    assert model.meta["knobs"]["padding"] == "same"
    assert any(getattr(node.op, "padding", None) == "same" for node in model.graph.nodes)


def timm_key(key: str) -> str:
    """Our MobileNet V2 key as timm writes it, worked out from timm's module names rather than from the key map."""
    module, _, leaf = key.rpartition(".")
    parts = module.split(".")
    if parts[0] == "classifier":
        return f"classifier.{leaf}"
    index, last = int(parts[1]), 1 + sum(n for _, _, n, _ in IMAGENET_TABLE)
    if index in (0, last):
        conv, norm = ("conv_stem", "bn1") if index == 0 else ("conv_head", "bn2")
        return f"{conv if parts[2] == '0' else norm}.{leaf}"
    stage, block = 0, index - 1
    while block >= IMAGENET_TABLE[stage][2]:
        block -= IMAGENET_TABLE[stage][2]
        stage += 1
    inner = ["0.0", "0.1", "1", "2"] if stage == 0 else ["0.0", "0.1", "1.0", "1.1", "2", "3"]
    theirs = (
        ["conv_dw", "bn1", "conv_pw", "bn2"] if stage == 0 else ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"]
    )
    return f"blocks.{stage}.{block}.{theirs[inner.index('.'.join(parts[3:]))]}.{leaf}"


def test_other_layouts_give_the_same_network(tmp_path: Path) -> None:
    state = weights("mobilenetv2_035", num_classes=5)
    model = ti.convert(save(tmp_path / "timm.npz", {timm_key(key): array for key, array in state.items()}))
    assert (model.meta["arch"], model.meta["layout"]) == ("mobilenetv2_035", "timm")
    for key, array in state.items():
        np.testing.assert_array_equal(model.graph.weights[key], array)


def test_a_changed_copy_is_reported_key_by_key(tmp_path: Path) -> None:
    state = dict(weights("resnet20"))
    state["surplus.weight"] = state.pop("layer1.0.conv1.weight")
    state["bn1.bias"] = state["bn1.bias"][:3]
    with pytest.raises(WeightsError, match=r"resnet20.*1 missing.*layer1\.0\.conv1.*surplus.*bn1\.bias.*16.*3"):
        ti.convert(save(tmp_path / "net.npz", state))


def test_weights_that_are_not_finite_are_named(tmp_path: Path) -> None:
    state = {key: array.copy() for key, array in weights("resnet20").items()}
    state["bn1.bias"][2] = np.nan
    with pytest.raises(WeightsError, match=r"net\.npz.*bn1\.bias.*NaN"):
        ti.convert(save(tmp_path / "net.npz", state))


def test_an_unknown_network_lists_the_nearest(tmp_path: Path) -> None:
    state = weights("resnet20")
    half = save(tmp_path / "half.npz", {key: state[key] for key in list(state)[:70]})
    with pytest.raises(UnsupportedOpError, match=r"half\.npz.*nearest: resnet20"):
        ti.convert(half)
    with pytest.raises(WeightsError, match="missing"):
        ti.convert(half, arch="resnet20")
    with pytest.raises(UnsupportedOpError, match=r"'a', 'b'|\(a, b"):
        ti.convert(save(tmp_path / "other.npz", {"a": np.ones(3, np.float32), "b": np.ones(3, np.float32)}))


def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match=r"missing\.pth"):
        ti.convert(tmp_path / "missing.pth")
    for suffix in (".onnx", ".safetensors"):
        with pytest.raises(ModelFormatError, match=rf"net\{suffix}: can't be read"):
            ti.convert(tmp_path / f"net{suffix}")
    (tmp_path / "noise.npz").write_bytes(b"PK\x03\x04 and then nothing of use")
    with pytest.raises(ModelFormatError, match="noise"):
        ti.convert(tmp_path / "noise.npz")


def test_wrong_names_and_knobs(tmp_path: Path) -> None:
    path = save(tmp_path / "net.npz", weights("resnet20"))
    with pytest.raises(UnsupportedOpError, match="near: resnet20"):
        ti.convert(path, arch="resnet200")
    with pytest.raises(InputError, match="no knob 'colour'"):
        ti.convert(path, colour="blue")


def test_a_model_file_is_passed_on(tmp_path: Path) -> None:
    model = ti.models.create("resnet20")
    model.save(tmp_path / "model.npz")
    assert ti.convert(tmp_path / "model.npz").meta["arch"] == "resnet20"
    with pytest.raises(InputError, match="holds its network"):
        ti.convert(tmp_path / "model.npz", arch="resnet20")


# -- trained weights --------------------------------------------------------------------------------


@pytest.mark.parametrize("kernels", [None, "reference"])
def test_mobilenet_v2_with_imagenet_weights(shared: Path, kernels: str | None) -> None:
    folder = shared / "realdata" / "weights" / "mobilenet_v2_imagenet_torch"
    model = ti.convert(folder / "mobilenet_v2_imagenet.pth", padding="same")
    assert model.meta["arch"] == "mobilenet_v2"
    with np.load(folder / "ref.npz") as ref:
        x, logits = ref["x_u8"].transpose(0, 3, 1, 2), ref["logits"]
    y = ti.Model(model.graph, kernels=kernels)((x.astype(np.float32) - 128) / 128)
    assert np.abs(y - logits).max() <= 1e-3 * logits.std()


def test_resnet20_with_cifar_weights_from_a_legacy_file(shared: Path) -> None:
    folder = shared / "realdata" / "weights" / "resnet20_cifar10"
    model = ti.convert(folder / "resnet20-12fca82f.th")
    assert (model.meta["arch"], model.meta["labels"][3]) == ("resnet20", "cat")
    with np.load(folder / "ref.npz") as ref:
        x, logits = ref["x_u8"].transpose(0, 3, 1, 2), ref["out"]
    mean, std = (np.reshape(model.meta["preprocess"][name], (3, 1, 1)) for name in ("mean", "std"))
    y = model(((x / 255 - mean) / std).astype(np.float32))
    assert np.abs(y - logits).max() <= 1e-4 * logits.std()


def test_squeezenet_with_half_precision_imagenet_weights(shared: Path) -> None:
    folder = shared / "realdata" / "weights" / "squeezenet1_1_imagenet_torch"
    model = ti.convert(folder / "squeezenet1_1_imagenet_fp16.pth")
    assert model.meta["arch"] == "squeezenet1_1"
    with np.load(folder / "ref.npz") as ref:
        x, logits = ref["x_u8"].transpose(0, 3, 1, 2)[:, ::-1], ref["logits"]
    y = model(x - np.reshape([104, 117, 123], (3, 1, 1)).astype(np.float32))
    assert np.abs(y - logits).max() <= 1e-3 * logits.std()
