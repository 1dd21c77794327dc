"""CIFAR-10's test set, from its authors' archive to the packed form that "eval" reads."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np

from tinyinfer.errors import DownloadError
from tinyinfer.files import atomic_write
from tinyinfer.labels.label_sets import CIFAR10

MEMBER = "cifar-10-batches-bin/test_batch.bin"
SIDE = 32
RECORD = 1 + 3 * SIDE * SIDE  # a label, then the red, green and blue planes (the data set's web page)


def pack(archive: Path, target: Path) -> None:
    """Write the pictures of the archive's test batch, classes in turn, losslessly.  Raises DownloadError."""
    from PIL import Image

    records = _records(archive)
    # the nth of every class before the next of any, so that each prefix is a fair sample
    turns = [np.count_nonzero(records[:i, 0] == label) for i, label in enumerate(records[:, 0])]
    records = records[np.lexsort((records[:, 0], turns))]
    files = []
    for record in records:
        stream = io.BytesIO()
        Image.fromarray(record[1:].reshape(3, SIDE, SIDE).transpose(1, 2, 0)).save(stream, "PNG")
        files.append(stream.getvalue())
    with atomic_write(target) as file:
        np.savez(
            file,
            jpeg=np.frombuffer(b"".join(files), np.uint8),
            offsets=np.cumsum([0, *map(len, files)], dtype=np.int64),
            labels=records[:, 0],
            names=np.array(CIFAR10),
        )


def _records(archive: Path) -> np.ndarray:
    try:
        with tarfile.open(archive) as members:
            stream = members.extractfile(MEMBER)
            data = stream.read(1 << 28) if stream is not None else b""
    except (tarfile.TarError, KeyError, EOFError, OSError) as error:
        raise DownloadError(f"{archive.name}: expected CIFAR-10's archive with {MEMBER} ({error})") from None
    if not data or len(data) % RECORD:
        raise DownloadError(f"{archive.name}: {MEMBER}: expected records of {RECORD} bytes, found {len(data)} bytes")
    records = np.frombuffer(data, np.uint8).reshape(-1, RECORD)
    if records[:, 0].max() >= len(CIFAR10):
        raise DownloadError(f"{archive.name}: {MEMBER}: expected labels 0 to 9, found {records[:, 0].max()}")
    return records
