"""Names, aliases, metadata, seeds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from walks import built, each_network

import tinyinfer as ti
from tinyinfer.errors import TinyInferError, UnsupportedOpError
from tinyinfer.vision.preprocess import Preprocess


def test_names_are_unique_and_aliases_lead_to_them() -> None:
    names = ti.models.names()
    assert len(set(names)) == len(names)
    assert {"mobilenet_v2", "squeezenet1_0", "squeezenet1_1", "resnet18", "resnet152", "resnet56"} <= set(names)
    taken = [alias for f in ti.models.families().values() for v in f.variants for alias in (v.name, *v.aliases)]
    assert len(set(taken)) == len(taken)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("mobilenetv2_100", "mobilenet_v2"),
        ("mobilenetv2_tonylins", "mobilenet_v2"),
        ("timm_mobilenetv2_050", "mobilenetv2_050"),
        ("timm_resnet18", "resnet18"),
        ("repvgg_b0_official", "repvgg_b0"),
        ("efficientnet_b7_lukemelas", "efficientnet_b7"),
        ("resnet20_cifar10", "resnet20"),
        ("repvgg_d2se_official", "repvgg_d2se"),
        ("ghostnet_official_050", "ghostnet_050"),
        ("fractalnet_c4_cifar", "fractalnet40"),
        ("pytorchcv_igcv3_w1", "igcv3_w1"),
    ],
)
def test_aliases(alias: str, name: str) -> None:
    assert ti.models.find(alias)[1].name == name
    assert ti.models.describe(alias)["arch"] == name


def test_families_partition_the_names() -> None:
    families = ti.models.families()
    assert [n for family in families for n in ti.models.names(family)] == ti.models.names()
    with pytest.raises(UnsupportedOpError, match="near: resnet"):
        ti.models.names("resnets")


def test_unknown_names_list_near_ones() -> None:
    with pytest.raises(UnsupportedOpError, match=r"'mobilnet_v2'.*near: mobilenet_v2"):
        ti.models.create("mobilnet_v2")
    with pytest.raises(TinyInferError, match="no-such"):
        ti.load("no-such-network")


@each_network()
def test_metadata(name: str) -> None:
    meta = ti.models.describe(name)
    assert meta == json.loads(json.dumps(meta)) or meta["knobs"]  # tuples of knobs become lists
    assert meta["year"] > 2010
    classes_axis = -1 if meta.get("task") == "detect" else 1
    assert len(meta["labels"]) == built(name).output_shapes()[0][1][classes_axis]
    Preprocess.from_meta(meta["preprocess"])


def test_metadata_follows_the_knobs() -> None:
    meta = ti.models.create("mobilenet_v2", num_classes=7, resolution=160).meta
    assert "labels" not in meta
    assert meta["knobs"] == {"num_classes": 7, "resolution": 160}
    assert (meta["preprocess"]["resize"], meta["preprocess"]["crop"]) == (183, 160)
    usual = ti.models.create("resnet18").meta["preprocess"]
    assert (usual["resize"], usual["crop"]) == (256, 224)
    tiny = ti.models.create("resnet20").meta
    assert (tiny["preprocess"]["resize"], tiny["preprocess"]["crop"]) == (32, 32)
    assert tiny["labels"][0] == "airplane"


def test_seeds() -> None:
    one, again, other = (ti.models.create("resnet20", seed=seed).graph.weights for seed in (1, 1, 2))
    assert all(np.array_equal(one[key], again[key]) for key in one)
    assert not np.array_equal(one["conv1.weight"], other["conv1.weight"])


def test_save_and_load(tmp_path: object) -> None:
    path = f"{tmp_path}/model.npz"
    model = ti.models.create("mobilenet_v2_cifar")
    model.save(path)
    x = np.random.default_rng(0).standard_normal((2, 3, 32, 32), np.float32)
    loaded = ti.load(path, kernels="reference")
    np.testing.assert_allclose(loaded(x), ti.Model(model.graph, kernels="reference")(x), rtol=1e-6)
    assert loaded.meta["labels"] == model.meta["labels"]
