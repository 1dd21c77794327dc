"""Labels and preparation of pictures from TFLite's metadata."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from malformed_tflite import metadata
from tflite_writer import Network, one_operator

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.npz.meta import check_meta
from tinyinfer.formats.tflite.load import load


def classifier() -> Network:
    """A network with metadata that names a file of labels."""
    made = one_operator("RELU", [(1, 6, 8, 3)], [(1, 6, 8, 3)])
    made.attach("TFLITE_METADATA", metadata("labels.txt"))
    return made


def archive(text: bytes, name: str = "labels.txt") -> bytes:
    """A zip with one file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        members.writestr(name, text)
    return file.getvalue()


def test_labels_and_normalisation(tmp_path: Path) -> None:
    """As a model file here would have them; lines that are empty are classes, but for those at the end."""
    path = tmp_path / "classifier.tflite"
    path.write_bytes(classifier().write() + archive(b"background\r\n\r\nzebra\n\n"))
    _, meta = load(path)
    assert meta["labels"] == ["background", "", "zebra"]
    assert meta["preprocess"] == {
        "resize": [6, 8], "channels": "rgb", "scale": 1.0, "mean": [127.5], "std": [127.5]
    }  # fmt: skip
    assert meta["title"] == "Made for a test"
    check_meta(meta, "meta")


@pytest.mark.parametrize(
    "behind",
    [b"", b"PK\x05\x06", archive(b"a\nb", "other.txt"), archive(b"\xff\xfe\xff"), archive(b"a\x1b[31m\nb"),
     archive(b"a" * 30_000_000)[:-30] + b"PK\x05\x06" + bytes(18)],
    ids=["nothing", "an end", "another file", "no text", "control characters", "cut off"],
)  # fmt: skip
def test_labels_that_are_not_there(tmp_path: Path, behind: bytes) -> None:
    """A file that names labels has to have them."""
    path = tmp_path / "classifier.tflite"
    path.write_bytes(classifier().write() + behind)
    with pytest.raises(ModelFormatError, match=r"labels\.txt|zip"):
        load(path)
