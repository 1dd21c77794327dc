"""What may be called a model: a file, a name under which something was pulled, a network's name."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_model import META, small_graph

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.npz.model_file import save
from tinyinfer.loading import load, resolve
from tinyinfer.models import find


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
        ("net.onnx", UnsupportedOpError, "files of format .onnx can't be read"),
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
