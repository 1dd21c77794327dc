"""Labelled pictures to measure a model with: a packed .npz file, or a folder with one folder a class.

Both come in an order that takes classes in turn, so any prefix of them is a fair sample.
"""

from __future__ import annotations

import itertools
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.hub import entries, local_file
from tinyinfer.labels.matching import match_labels
from tinyinfer.vision.image import SUFFIXES, is_image_name
from tinyinfer.vision.picture_files import PictureFiles, find_pictures

MAX_BYTES = 2 << 30


@dataclass(frozen=True)
class Sample:
    """One picture, as a path or as the bytes of its file, and the index of its class among the model's outputs."""

    name: str
    image: Path | bytes
    label: int


@dataclass(frozen=True)
class Dataset:
    """Samples, the names of their classes in the data set's own order, and how these were matched to the model's.

    ``notes`` say which files were passed over, and why.
    """

    samples: Sequence[Sample]
    names: tuple[str, ...]
    matched_by: str
    notes: tuple[str, ...] = ()

    def first(self, count: int | None) -> Dataset:
        """The first few samples of it; all for None."""
        return replace(self, samples=self.samples[:count])


def read(path: str | os.PathLike[str], labels: Sequence[str] | None = None, classes: int | None = None) -> Dataset:
    """Read a data set for a model with these output ``labels``, or so many ``classes`` (None: not known).

    A file is a packed .npz: `jpeg` (the uint8 bytes of all image files), `offsets` (int64, one more than images),
    `labels` (uint8, an index into names) and `names` (strings).  A folder holds a folder for each class, with
    pictures anywhere below.  A name is a data set that was pulled ("cifar10").  Class names are matched as
    `match_labels` says.  Raises InputError.
    """
    found = local_file(path)
    if found is None:
        raise InputError(f"{path}: no such file or folder{_how_to_get(str(path))}")
    return read_folder(found, labels, classes) if found.is_dir() else read_packed(found, labels, classes)


def _how_to_get(name: str) -> str:
    return f", nor was it pulled: tinyinfer pull {name}" if name in entries() else ""


def read_folder(path: Path, labels: Sequence[str] | None = None, classes: int | None = None) -> Dataset:
    """Read a folder of class folders; files whose names don't end as pictures' do are passed over, and noted."""
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not folders:
        raise InputError(f"{path}: expected one folder for each class, found none")
    names = tuple(folder.name for folder in folders)
    indices, matched_by = match_labels(names, labels, str(path), classes)
    found = [find_pictures(folder) for folder in folders]
    by_class = [
        [Sample(str(file), file, index) for file in one.pictures] for one, index in zip(found, indices, strict=True)
    ]
    samples = [sample for turn in itertools.zip_longest(*by_class) for sample in turn if sample is not None]
    if not samples:
        raise InputError(f"{path}: expected pictures ({' '.join(sorted(SUFFIXES))}) in class folders, found none")
    return Dataset(samples, names, matched_by, tuple(_notes(path, folders, found)))


def _notes(path: Path, folders: Sequence[Path], found: Sequence[PictureFiles]) -> Iterator[str]:
    beside = sum(is_image_name(entry) and entry.is_file() for entry in path.iterdir())
    if beside:
        yield f"{path}: passed over {beside} pictures that are in no class folder"
    yield from (f"{folder}: {note}" for folder, one in zip(folders, found, strict=True) if (note := one.note()))
    empty = [folder.name for folder, one in zip(folders, found, strict=True) if not one.pictures]
    if empty:
        yield f"{path}: {len(empty)} of {len(folders)} class folders have no pictures: {', '.join(empty[:5])}"


def read_packed(path: Path, labels: Sequence[str] | None = None, classes: int | None = None) -> Dataset:
    """Read a packed .npz data set; nothing in it is unpickled, and every index is checked before use."""
    arrays = _read_arrays(path, {"jpeg": "u", "offsets": "iu", "labels": "iu", "names": "U"})
    blob, offsets, owners = arrays["jpeg"], arrays["offsets"], arrays["labels"]
    names = _strings(path, arrays["names"])
    _require(path, blob.dtype == np.uint8, "jpeg", "uint8", blob.dtype)
    _require(path, len(offsets) == len(owners) + 1, "offsets", f"{len(owners) + 1}, one more than labels", len(offsets))
    _require(path, len(owners) > 0, "labels", "at least one image", 0)
    inside = offsets[0] >= 0 and offsets[-1] <= len(blob) and bool((offsets[1:] > offsets[:-1]).all())
    _require(path, inside, "offsets", f"increasing numbers from 0 to {len(blob)}", "others")
    _require(path, bool(owners.min() >= 0 and owners.max() < len(names)), "labels", f"0 to {len(names) - 1}", "others")
    indices, matched_by = match_labels(names, labels, str(path), classes)
    samples = [
        Sample(f"{path}[{i}]", blob[offsets[i] : offsets[i + 1]].tobytes(), indices[int(owners[i])])
        for i in range(len(owners))
    ]
    return Dataset(samples, names, matched_by)


def _strings(path: Path, array: np.ndarray) -> tuple[str, ...]:
    # NumPy does not check code points: turning a bad one into text is an internal error of Python.
    codec = "utf-32-be" if array.dtype.str[0] == ">" else "utf-32-le"
    size, data = array.dtype.itemsize, array.tobytes()
    try:
        return tuple(data[i : i + size].decode(codec).rstrip("\0") for i in range(0, len(data), size))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: names: expected Unicode text, found {error.reason}") from error


def _read_arrays(path: Path, kinds: dict[str, str]) -> dict[str, np.ndarray]:
    """Read one-dimensional arrays of the stated dtype kinds out of an .npz, sizes checked before memory is taken."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            wanted = {f"{key}.npy" for key in kinds}
            _require(path, set(members) >= wanted, "members", ", ".join(sorted(wanted)), ", ".join(members[:8]))
            _require(path, len(set(members)) == len(members), "members", "each name once", "a name twice")
            declared = sum(info.file_size for info in archive.infolist())
            _require(path, declared <= MAX_BYTES, "size", f"at most {MAX_BYTES} bytes", declared)
            return {key: _read_array(path, archive, key, kind) for key, kind in kinds.items()}
    except InputError:
        raise
    except Exception as error:  # zipfile and its decompressors raise a dozen classes on damaged files
        raise InputError(f"{path}: expected a packed data set (.npz): {error}") from error


def _read_array(path: Path, archive: zipfile.ZipFile, key: str, kinds: str) -> np.ndarray:
    size = archive.getinfo(f"{key}.npy").file_size
    with archive.open(f"{key}.npy") as member:
        version = np.lib.format.read_magic(member)
        _require(path, version in ((1, 0), (2, 0)), key, "an array of .npy version 1 or 2", version)
        reader: Any = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = reader(member)
        _require(path, dtype.kind in kinds and dtype.itemsize > 0, key, f"a dtype of kind {kinds}", dtype)
        payload = size - member.tell()
        good = len(shape) == 1 and shape[0] >= 0 and shape[0] * dtype.itemsize == payload
        _require(path, good, key, f"one dimension of {payload} bytes", f"{shape} of {dtype}")
        # Reading to the end makes zipfile compare the checksum.
        return np.frombuffer(member.read(), dtype)


def _require(path: Path, condition: bool, key: str, expected: str, found: object) -> None:
    if not condition:
        raise InputError(f"{path}: {key}: expected {expected}, found {found}")
