"""Packed and folder data sets, how their classes meet a model's labels, and what damage they refuse."""

from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tinyinfer.errors import InputError
from tinyinfer.evaluation.datasets import match_labels, read
from tinyinfer.labels import label_sets
from tinyinfer.vision.image import decode


def picture(level: int, format: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (level, level, level)).save(stream, format)
    return stream.getvalue()


def packed_arrays(count: int = 6) -> dict[str, np.ndarray]:
    files = [picture(40 * i) for i in range(count)]
    return {
        "jpeg": np.frombuffer(b"".join(files), np.uint8),
        "offsets": np.cumsum([0, *map(len, files)]).astype(np.int64),
        "labels": np.arange(count, dtype=np.uint8) % 3,
        "names": np.array(["cat", "dog", "owl"]),
    }


def write_folder(root: Path, classes: dict[str, int]) -> Path:
    for name, count in classes.items():
        (root / name).mkdir(parents=True)
        for i in range(count):
            (root / name / f"{i}.png").write_bytes(picture(i, "PNG"))
    return root


def test_packed(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "set.npz", **packed_arrays())
    dataset = read(tmp_path / "set.npz")
    assert [sample.label for sample in dataset.samples] == [0, 1, 2, 0, 1, 2]
    assert dataset.names == ("cat", "dog", "owl")
    for i, sample in enumerate(dataset.samples):
        assert decode(sample.image).getpixel((0, 0)) == (40 * i,) * 3
        assert sample.name.endswith(f"set.npz[{i}]")


def test_packed_classes_follow_the_models_order(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", **packed_arrays())
    dataset = read(tmp_path / "set.npz", ["owl", "cat", "bee", "dog"])
    assert [sample.label for sample in dataset.samples] == [1, 3, 0, 1, 3, 0]
    assert dataset.matched_by == "name"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("offsets", np.array([0, 2, 1, 3, 4, 5, 6]), "offsets: expected increasing"),
        ("offsets", np.array([0, 1, 1, 3, 4, 5, 6]), "offsets: expected increasing"),
        ("offsets", np.array([-1, 1, 2, 3, 4, 5, 6]), "offsets: expected increasing"),
        ("offsets", np.array([0, 1, 2, 3, 4, 5, 10**9]), "offsets: expected increasing"),
        ("offsets", np.arange(6), "offsets: expected 7, one more than labels, found 6"),
        ("offsets", np.arange(7.0), "offsets: expected a dtype of kind iu, found float64"),
        ("labels", np.array([0, 1, 2, 3, 0, 1], np.uint8), "labels: expected 0 to 2"),
        ("labels", np.array([0, 1, 2, -1, 0, 1]), "labels: expected 0 to 2"),
        ("jpeg", np.zeros((2, 3), np.uint8), "jpeg: expected one dimension"),
        ("jpeg", np.zeros(9000, np.uint16), "jpeg: expected uint8"),
        ("names", np.array([1, 2, 3]), "names: expected a dtype of kind U"),
        ("names", np.array(["a", None], object), "names: expected a dtype of kind U, found object"),
        ("names", np.array([], "U1"), "labels: expected 0 to -1"),
        ("names", np.array(["\ud800"]), "names: expected Unicode"),
        ("names", np.frombuffer(b"\xff\xff\xff\x7f" * 3, "<U1"), "names: expected Unicode"),
    ],
)
def test_bad_packed_arrays(tmp_path: Path, key: str, value: np.ndarray, message: str) -> None:
    np.savez(tmp_path / "set.npz", **{**packed_arrays(), key: value})
    with pytest.raises(InputError, match=rf"set\.npz: {message}"):
        read(tmp_path / "set.npz")


def test_empty_packed_set(tmp_path: Path) -> None:
    empty = {"offsets": np.zeros(1, np.int64), "labels": np.zeros(0, np.uint8)}
    np.savez(tmp_path / "set.npz", **{**packed_arrays(), **empty})
    with pytest.raises(InputError, match="at least one image"):
        read(tmp_path / "set.npz")


def test_what_is_no_packed_set(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    for content in (b"", b"text", b"PK\x03\x04", picture(3)):
        path.write_bytes(content)
        with pytest.raises(InputError, match="expected a packed data set"):
            read(path)
    np.savez(path, jpeg=np.zeros(1, np.uint8))
    with pytest.raises(InputError, match=r"members: expected jpeg\.npy, labels\.npy, names\.npy, offsets\.npy"):
        read(path)
    with pytest.raises(InputError, match="no such file or folder"):
        read(tmp_path / "absent.npz")


def test_declared_shape_beyond_the_member_takes_no_memory(tmp_path: Path) -> None:
    """A header that claims 64 GiB over a payload of nothing."""
    path = tmp_path / "set.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 36,)})
    np.savez(path, **{key: value for key, value in packed_arrays().items() if key != "jpeg"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("jpeg.npy", header.getvalue())
    with pytest.raises(InputError, match="jpeg: expected one dimension of 0 bytes"):
        read(path)


def test_member_twice(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, **packed_arrays())
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("jpeg.npy", b"")
    with pytest.raises(InputError, match="each name once"):
        read(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data(), st.booleans())
def test_flipped_bytes_read_or_raise_our_error(tmp_path: Path, data: st.DataObject, compressed: bool) -> None:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **packed_arrays(2))
    content = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "set.npz"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        assert len(read(path).samples) == 2


def test_folder_takes_classes_in_turn(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "set", {"owl": 1, "cat": 3, "dog": 2})
    (root / "dog" / "notes.txt").write_text("not a picture")
    (root / "dog" / ".hidden.png").write_bytes(b"")
    (root / ".cache").mkdir()
    (root / "cat" / "more").mkdir()
    (root / "cat" / "more" / "9.PNG").write_bytes(picture(9, "PNG"))
    dataset = read(root)
    assert dataset.names == ("cat", "dog", "owl")
    assert [sample.label for sample in dataset.samples] == [0, 1, 2, 0, 1, 0, 0]
    assert [Path(sample.name).name for sample in dataset.samples if sample.label == 0] == [
        "0.png",
        "1.png",
        "2.png",
        "9.PNG",
    ]


def test_folder_matches_the_models_labels(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "set", {"Ship": 1, "airplane": 1})
    assert [sample.label for sample in read(root, label_sets.CIFAR10).samples] == [8, 0]


def test_folders_without_classes_or_pictures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected one folder for each class, found none"):
        read(tmp_path)
    (tmp_path / "cat").mkdir()
    with pytest.raises(InputError, match=r"expected pictures .* found none"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("names", "known", "indices", "by"),
    [
        (["b", "a"], ["a", "b"], [1, 0], "name"),
        (
            ["golden_retriever", "TENCH", "Felis"],
            ["tench, Tinca tinca", "golden retriever", "felis"],
            [1, 0, 2],
            "name",
        ),
        (["n02099601", "n01440764"], label_sets.get("imagenet"), [207, 0], "name"),
        (["maillot, tank suit"], label_sets.get("imagenet"), [639], "name"),
        (["7", "0"], label_sets.CIFAR10, [7, 0], "index"),
        (["007", "012"], label_sets.get("imagenet"), [7, 12], "index"),
        (["x", "y"], ["a", "b"], [0, 1], "order"),
        (["x", "y"], None, [0, 1], "order"),
    ],
)
def test_matching(names: list[str], known: list[str] | None, indices: list[int], by: str) -> None:
    assert match_labels(names, known, "set") == (indices, by)


@pytest.mark.parametrize(
    ("names", "known", "strangers"),
    [
        (["a", "x"], ["a", "b"], "found x$"),
        (["x"], ["a", "b"], "found x$"),
        (["crane"], label_sets.get("imagenet"), "found crane$"),
        (["5"], ["a", "b"], "found 5$"),
        (list("stuvwxyz"), ["a", "b"], "found s, t, u, v, w and 3 more$"),
    ],
)
def test_classes_the_model_does_not_have(names: list[str], known: list[str], strangers: str) -> None:
    with pytest.raises(InputError, match=f"^set: expected classes named as the model's .* {strangers}"):
        match_labels(names, known, "set")


def test_the_packed_cifar10_set(shared: Path) -> None:
    dataset = read(shared / "realdata" / "cifar10" / "test.npz", label_sets.CIFAR10)
    assert dataset.names == label_sets.CIFAR10
    assert len(dataset.samples) == 10_000
    assert [sample.label for sample in dataset.samples[:12]] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    reference = np.load(shared / "realdata" / "cifar10" / "test_first1000_rgb.npz")["images"]
    for i in range(0, 1000, 97):
        assert np.array_equal(np.asarray(decode(dataset.samples[i].image)), reference[i])
