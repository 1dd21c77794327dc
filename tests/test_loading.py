"""What may be called a model: a file, a name under which something was pulled, a network's name."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_model import META, small_graph

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.npz.model_file import save
from tinyinfer.loading import load, resolve
from tinyinfer.models import find
from tinyinfer.published.shipped import shipped_file, shipped_names


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TINYINFER_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "cache" / "hub").mkdir(parents=True)
    return tmp_path / "cache"


def test_a_name_is_what_was_pulled_and_else_the_network(cache: Path) -> None:
    assert resolve("mobilenet_v2") is None
    assert load("mobilenet_v2").meta["arch"] == find("mobilenet_v2")[1].name
    pulled = cache / "hub" / "mobilenet_v2.npz"
    save(pulled, small_graph(), META)
    assert resolve("mobilenet_v2") == pulled
    assert load("mobilenet_v2").meta["name"] == "small"


def test_a_name_is_what_ships_under_it(cache: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = repository / "weights" / "mobilenet_v2_cifar10.npz"
    assert resolve("mobilenet_v2_cifar10") == shipped_file("mobilenet_v2_cifar10") == file
    assert load("mobilenet_v2_cifar10").meta["accuracy"]["images"] == 10_000
    assert "mobilenet_v2_cifar10" in shipped_names()
    assert resolve("mobilenet_v2_cifar") is None  # the network without weights
    assert shipped_file("") is shipped_file("../weights/mobilenet_v2_cifar10") is None
    monkeypatch.setattr("tinyinfer.published.shipped.FOLDER", cache / "no checkout")
    assert shipped_names() == []
    with pytest.raises(UnsupportedOpError, match="no such file, and network"):
        resolve("mobilenet_v2_cifar10")


def test_a_file_is_what_it_holds(tmp_path: Path) -> None:
    """A text of layers under another name is ncnn, with a note that says so; its weights are named in a message."""
    (tmp_path / "net.bin").write_bytes(b"")
    for name in ("net.param", "net.onnx"):
        (tmp_path / name).write_text("7767517\n2 2\nInput data 0 1 data 0=4 1=4 2=3\nReLU act 1 1 data out\n")
        model = load(tmp_path / name)
        assert [node.op.name for node in model.graph.nodes] == ["relu"]
        assert any("read as ncnn" in note for note in model.meta.get("notes", [])) == (name == "net.onnx")
        assert model.name == "net"
    with pytest.raises(ModelFormatError, match=r"net.bin: these are weights: name the network, .*net.param"):
        load(tmp_path / "net.bin")


def test_free_sizes_are_usually_what_the_caller_says(tmp_path: Path) -> None:
    (tmp_path / "net.bin").write_bytes(b"")
    (tmp_path / "net.param").write_text("7767517\n2 2\nInput data 0 1 data\nReLU act 1 1 data out\n")
    for name in ("data", ""):  # the first input needs no name
        assert load(tmp_path / "net.param", input_shapes={name: (1, 3, 8, 6)}).graph.inputs[0].nominal == (1, 3, 8, 6)


def test_a_file_is_itself(tmp_path: Path) -> None:
    save(tmp_path / "net.npz", small_graph(), META)
    for source in (tmp_path / "net.npz", str(tmp_path / "net.npz")):
        assert resolve(source) == tmp_path / "net.npz"
        assert load(source).meta["name"] == "small"


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("none.npz", ModelFormatError, "none.npz: can't be read"),
        ("folder/none", ModelFormatError, "folder/none: no such file"),
        (".", ModelFormatError, "found a folder"),
        (__file__, ModelFormatError, "whose name ends in .npz"),
        ("net.onnx", ModelFormatError, "net.onnx: can't be read"),
        ("net.tflite", ModelFormatError, "net.tflite: can't be read"),
        ("net.param", ModelFormatError, "net.param: can't be read"),
        ("net.safetensors", ModelFormatError, "net.safetensors: can't be read"),
        ("net.pth", UnsupportedOpError, "convert it first: tinyinfer convert net.pth -o net.npz"),
        (
            "mobilenet_v9",
            UnsupportedOpError,
            "no such file, and network .mobilenet_v9. is not known; near",
        ),
    ],
)
def test_anything_else_is_refused(source: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load(source)
