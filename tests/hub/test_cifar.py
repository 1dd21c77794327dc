"""CIFAR-10 from an archive in its authors' layout."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest
from hub_server import Hub, quoted_sha256, whole

import tinyinfer as ti
from tinyinfer.errors import DownloadError
from tinyinfer.evaluation import datasets
from tinyinfer.hub.cifar import MEMBER, RECORD
from tinyinfer.labels import label_sets
from tinyinfer.vision.image import decode


def archive(records: bytes, member: str = MEMBER) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as file:
        info = tarfile.TarInfo(member)
        info.size = len(records)
        file.addfile(info, io.BytesIO(records))
    return stream.getvalue()


def records(count: int, rng: np.random.Generator) -> np.ndarray:
    found = rng.integers(0, 256, (count, RECORD), np.uint8)
    found[:, 0] = rng.permutation(np.arange(count) % 10)
    return found


def test_pictures_come_out_as_they_are_and_classes_in_turn(hub: Hub, rng: np.random.Generator) -> None:
    given = records(40, rng)
    body = archive(given.tobytes())
    hub.add("cifar10", "cifar.tar.gz", whole(body), kind='"data"', sha256=quoted_sha256(body))
    path = ti.pull("cifar10")
    found = datasets.read("cifar10", label_sets.get("cifar10"))
    assert hub.kept() == ["hub/cifar10.npz"]
    assert path.name == "cifar10.npz"
    assert found.matched_by == "name"
    assert [sample.label for sample in found.samples] == list(range(10)) * 4
    planes = {record[1:].tobytes(): int(record[0]) for record in given}
    for sample in found.samples:
        pixels = np.asarray(decode(sample.image))
        assert planes[pixels.transpose(2, 0, 1).tobytes()] == sample.label


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"not an archive", "expected CIFAR-10's archive"),
        (archive(b"x" * RECORD, "other.bin"), "expected CIFAR-10's archive with .*test_batch"),
        (archive(b""), "expected records of 3073 bytes, found 0"),
        (archive(bytes(RECORD + 1)), "found 3074 bytes"),
        (archive(b"\x0a" + bytes(RECORD - 1)), "expected labels 0 to 9, found 10"),
    ],
)
def test_other_archives_are_refused(body: bytes, expected: str, hub: Hub) -> None:
    hub.add("cifar10", "cifar.tar.gz", whole(body), kind='"data"')
    with pytest.raises(DownloadError, match=rf"cifar\.tar\.gz: .*{expected}"):
        ti.pull("cifar10")
    assert hub.kept() == []
