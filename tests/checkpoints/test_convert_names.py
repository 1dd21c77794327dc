"""Networks that keys can't tell apart: told by the published file, then by its name, or said to be uncertain."""

from __future__ import annotations

import hashlib
from pathlib import Path

import checkpoints as ck
import numpy as np
import pytest

import tinyinfer as ti
from tinyinfer.checkpoints.names import named_network
from tinyinfer.errors import UnsupportedOpError
from tinyinfer.hub import Entry, entries, find, pull


def checkpoint(path: Path, name: str, **knobs: object) -> Path:
    path.write_bytes(ck.zip_checkpoint(dict(ti.models.create(name, **knobs).graph.weights)))
    return path


@pytest.mark.parametrize(
    ("file", "name", "other"),
    [
        ("tf_mobilenetv3_large_100-427764d5.pth", "tf_mobilenetv3_large_100", "mobilenet_v3_large"),
        ("tf_efficientnet_b0_ns-c0e6a31c.pth", "tf_efficientnet_b0", "efficientnet_b0"),
        ("tf_efficientnet_lite0-0aa007d2.pth", "tf_efficientnet_lite0", "efficientnet_lite0"),
        ("tf_mobilenetv3_small_100.pt", "tf_mobilenetv3_small_100", "mobilenet_v3_small"),
    ],
)
def test_tensorflows_networks_by_name(file: str, name: str, other: str, tmp_path: Path) -> None:
    model = ti.convert(checkpoint(tmp_path / file, name))
    assert model.meta["arch"] == name
    assert [n.op for n in model.graph.nodes] == [n.op for n in ti.models.build(name).nodes]
    assert any("by the file's name" in note for note in model.meta["notes"])
    unnamed = ti.convert(checkpoint(tmp_path / "net.pth", name))
    assert unnamed.meta["arch"] == other
    assert any(f"the keys fit {name} as well" in note for note in unnamed.meta["notes"])
    assert ti.convert(tmp_path / "net.pth", arch=name).meta["arch"] == name


@pytest.mark.parametrize("file", ["googlenet-1378be20.pth", "inception_v3_google-0cc3c7bd.pth"])
def test_torchvisions_files_transform_their_input(file: str, tmp_path: Path) -> None:
    entry = next(entry for entry in entries().values() if entry.file_name == file)
    model = ti.convert(checkpoint(tmp_path / file, str(entry.arch)))
    assert model.meta["arch"] == entry.arch
    assert model.meta["preprocess"] == {**model.meta["preprocess"], **entry.preprocess}


@pytest.mark.parametrize("size", ["b1", "b3"])
def test_pictures_are_prepared_as_published(size: str, tmp_path: Path) -> None:
    name = f"efficientnet_{size}"
    model = ti.convert(checkpoint(tmp_path / find(name).file_name, name))
    assert model.meta["preprocess"] == {**model.meta["preprocess"], **find(name).preprocess}
    assert "published" not in model.meta  # its checksum is another


def test_a_wrong_name_is_not_believed(tmp_path: Path) -> None:
    model = ti.convert(checkpoint(tmp_path / find("resnet18").file_name, "resnet20"))
    assert model.meta["arch"] == "resnet20"


def test_names_of_networks() -> None:
    assert named_network("runs/tf_efficientnet_b3_aa-84b4657e.pth") == "tf_efficientnet_b3"
    assert named_network("tf_mobilenetv3_large_minimal_100-8596ae28.pth.tar") == "tf_mobilenetv3_large_minimal_100"
    assert named_network("tf_of_mine.pth") is None
    assert named_network("mobilenet_v2-b0353104.pth") is None


@pytest.mark.parametrize(
    "file", ["resnetblur50-84f4748f.pth", "resnet20_blur.pth", "resnetaa50-2.pth", "resnet20_aa.pth"]
)
def test_anti_aliased_networks_are_not_taken_for_plain_ones(file: str, tmp_path: Path) -> None:
    path = checkpoint(tmp_path / file, "resnet20")
    with pytest.raises(UnsupportedOpError, match="an anti-aliased network"):
        ti.convert(path)
    assert ti.convert(path, arch="resnet20").meta["arch"] == "resnet20"


@pytest.mark.parametrize("by", ["checksum", "renamed"])
def test_convert_and_pull_give_the_same_model(by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = checkpoint(tmp_path / "tf_net-0a1b2c3d.pth", "tf_mobilenetv3_small_100")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    registry = tmp_path / "registry.toml"
    registry.write_text(
        f"""
        [publishers.me]
        home = "https://example.org"
        licence = "MIT"
        files = "https://example.org/files/"

        [mine]
        by = "me"
        file = "tf_net-0a1b2c3d.pth"
        arch = "tf_mobilenetv3_small_100"
        sha256 = "{digest}"
        top1 = 67.9
        preprocess = {{ resize = 300, crop = 224, interpolation = "bicubic", mean = [0.5, 0.5, 0.5] }}
        """
    )
    monkeypatch.setenv("TINYINFER_HUB", str(registry))
    monkeypatch.setenv("TINYINFER_CACHE_DIR", str(tmp_path / "cache"))
    if by == "renamed":
        path = path.rename(tmp_path / "something.pth")
    pulled, converted = ti.load(pull("mine", file=path)), ti.convert(path)
    converted.save(tmp_path / "converted.npz")
    converted = ti.load(tmp_path / "converted.npz")
    assert pulled.meta == converted.meta
    assert [n.op for n in pulled.graph.nodes] == [n.op for n in converted.graph.nodes]
    for key, array in pulled.graph.weights.items():
        np.testing.assert_array_equal(array, converted.graph.weights[key])


def test_every_registered_network_is_found_by_its_file_name() -> None:
    names = [entry.file_name for entry in entries().values() if isinstance(entry, Entry) and entry.arch]
    assert len(names) == len(set(names))
