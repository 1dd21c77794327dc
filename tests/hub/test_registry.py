"""The facts of the registry: complete, well formed, and of networks that are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from walks import each

import tinyinfer as ti
from tinyinfer.checkpoints.names import digest
from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.npz.meta import check_meta
from tinyinfer.hub import entries, find
from tinyinfer.labels import label_sets
from tinyinfer.vision.preprocess import Preprocess

ENTRIES = entries()
KINDS = {kind: [{"name": n} for n, e in ENTRIES.items() if e.kind == kind] for kind in ("network", "file", "data")}


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.arch])
def test_networks(name: str) -> None:
    entry = ENTRIES[name]
    assert entry.arch is not None
    meta = ti.models.describe(entry.arch, **entry.knobs)
    assert label_sets.get(entry.labels) if entry.labels else meta["labels"]
    Preprocess.from_meta({**meta["preprocess"], **entry.preprocess})
    assert find(name) == entry


@each(KINDS)
def test_addresses_and_checksums(name: str) -> None:
    entry = ENTRIES[name]
    assert re.fullmatch(r"https://[\w.-]+/[\w./~-]+(\?dl=1)?", entry.url)
    assert re.fullmatch(r"https://[\w.-]+/[\w./~-]+", entry.home)
    assert entry.licence
    endings = "pth|th|tar|gz" if entry.kind != "file" else "onnx|tflite|param"
    assert re.fullmatch(rf"[\w.-]+\.({endings})", entry.file_name)
    assert all(0 < value < 100 for value in entry.accuracy.values())
    assert not set(entry.preprocess) - {
        "resize",
        "crop",
        "interpolation",
        "mean",
        "std",
        "scale",
        "channels",
    }
    digits = re.search(r"-([0-9a-f]{8,})\.(pth|th|pth\.tar)$", entry.url)
    if digits:  # publishers' file names carry the checksum's beginning
        assert entry.checksum is not None
        assert entry.checksum.startswith(f"sha256:{digits[1]}")


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.kind == "file"])
def test_files_of_networks(name: str) -> None:
    """They say all that a checkpoint's network would: how pictures are prepared, names of classes, what it is for."""
    entry = ENTRIES[name]
    meta: dict[str, Any] = {}
    entry.describe(meta)
    assert check_meta(meta, name) == meta
    assert "resize" in entry.preprocess
    assert len(meta["labels"]) > 0
    assert entry.checksum is not None
    assert (entry.beside is not None) == entry.file_name.endswith(".param")
    assert entry.format in ("ONNX", "TFLite", "ncnn")
    with pytest.raises(UnsupportedOpError, match=f"{name}: it has not been pulled: tinyinfer pull {name}"):
        ti.load(name)


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.kind == "file"])
def test_checksums_are_those_of_the_files(name: str, shared: Path) -> None:
    entry = ENTRIES[name]
    copies = sorted((shared / "realdata").glob(f"weights/*/{entry.file_name}"))
    if not copies:
        pytest.skip(f"no copy of {entry.file_name}")
    assert any(f"sha256:{digest(copy, 'sha256')}" == entry.checksum for copy in copies)
    if entry.beside:
        assert f"sha256:{digest(copies[0].with_suffix('.bin'), 'sha256')}" == entry.beside[1]


def test_no_two_names_are_one_file() -> None:
    assert len({entry.url for entry in ENTRIES.values()}) == len(ENTRIES)


def test_published_accuracies_are_near_the_papers_order() -> None:
    def top1(name: str) -> float:
        return ENTRIES[name].accuracy["top1"]

    assert top1("squeezenet1_1") < top1("shufflenet_v2_x1_0") < top1("mobilenet_v2") < top1("efficientnet_b0")
    assert top1("resnet18") < top1("resnet34") < top1("resnet50") < top1("resnet101") < top1("resnet152")
    assert top1("resnet20") < top1("resnet32") < top1("resnet44") < top1("resnet56") < top1("resnet110")


PUBLISHER = "[publishers.x]\nhome = 'h'\nlicence = 'l'\n"
ROW = PUBLISHER + "[a]\nby = 'x'\nfile = 'f'\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("not = [toml", "expected a registry"),
        ("[a]\nby = 'x'\nfile = 'f'", "publishers"),
        (PUBLISHER + "[a]\nfile = 'f'", "by"),
        (ROW + "top2 = 3", "a: unknown top2"),
        (ROW + "kind = 'model'", "a: kind: expected one of network, file, data, found 'model'"),
        (ROW + "weights = 'w'\nweights_sha256 = 'ab'", "a: sha256: expected 64"),
        (ROW + "sha256 = 'ab'", "a: sha256: expected 64"),
        (ROW + "sha256_prefix = 'ghijklmn'", "a: sha256_prefix: expected 8 to 64 hexadecimal digits, found 'ghijklmn'"),
    ],
)
def test_other_registries_that_can_not_be_read(
    text: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(text)
    monkeypatch.setenv("TINYINFER_HUB", str(file))
    with pytest.raises(ModelFormatError, match=f"registry.toml: .*{expected}"):
        entries()
