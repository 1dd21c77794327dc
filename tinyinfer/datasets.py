"""Labelled pictures to measure a model with: a packed .npz file, or a folder with one folder a class.

Both come in an order that takes classes in turn, so any prefix of them is a fair sample.
"""

from __future__ import annotations

import itertools
import os
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.image import SUFFIXES, is_image_name
from tinyinfer.labels import get, imagenet_wnids

MAX_BYTES = 2 << 30


@dataclass(frozen=True)
class Sample:
    """One picture, as a path or as the bytes of its file, and the index of its class among the model's outputs."""

    name: str
    image: Path | bytes
    label: int


@dataclass(frozen=True)
class Dataset:
    """Samples, the names of their classes in the data set's own order, and how these were matched to the model's."""

    samples: Sequence[Sample]
    names: tuple[str, ...]
    matched_by: str


def read(path: str | os.PathLike[str], labels: Sequence[str] | None = None) -> Dataset:
    """Read a data set for a model with these output ``labels`` (None: not known).

    A file is a packed .npz: `jpeg` (the uint8 bytes of all image files), `offsets` (int64, one more than images),
    `labels` (uint8, an index into names) and `names` (strings).  A folder holds a folder for each class, with
    pictures anywhere below.  A name is a data set that was pulled ("cifar10").  Class names are matched as
    `match_labels` says.  Raises InputError.
    """
    path = _pulled(str(path)) or Path(path)
    if path.is_dir():
        return read_folder(path, labels)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder{_how_to_get(str(path))}")
    return read_packed(path, labels)


def _pulled(name: str) -> Path | None:
    from tinyinfer.hub import pulled_file

    return None if Path(name).exists() else pulled_file(name)


def _how_to_get(name: str) -> str:
    from tinyinfer.hub import entries

    return f", nor was it pulled: tinyinfer pull {name}" if name in entries() else ""


def read_folder(path: Path, labels: Sequence[str] | None = None) -> Dataset:
    """Read a folder of class folders; files whose names don't end as pictures' do are passed over."""
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not folders:
        raise InputError(f"{path}: expected one folder for each class, found none")
    names = tuple(folder.name for folder in folders)
    indices, matched_by = match_labels(names, labels, str(path))
    classes = [
        [Sample(str(file), file, index) for file in image_files(folder)]
        for folder, index in zip(folders, indices, strict=True)
    ]
    turns = itertools.zip_longest(*classes)
    samples = [sample for turn in turns for sample in turn if sample is not None]
    if not samples:
        raise InputError(f"{path}: expected pictures ({' '.join(sorted(SUFFIXES))}) in class folders, found none")
    return Dataset(samples, names, matched_by)


def image_files(folder: Path) -> list[Path]:
    """Every file below ``folder`` whose name ends as a picture's does, sorted; hidden ones are left out."""
    files = sorted(file for file in folder.rglob("*") if is_image_name(file) and file.is_file())
    return [file for file in files if not any(part.startswith(".") for part in file.relative_to(folder).parts)]


def read_packed(path: Path, labels: Sequence[str] | None = None) -> Dataset:
    """Read a packed .npz data set; nothing in it is unpickled, and every index is checked before use."""
    arrays = _read_arrays(path, {"jpeg": "u", "offsets": "iu", "labels": "iu", "names": "U"})
    blob, offsets, classes = arrays["jpeg"], arrays["offsets"], arrays["labels"]
    names = _strings(path, arrays["names"])
    _require(path, blob.dtype == np.uint8, "jpeg", "uint8", blob.dtype)
    _require(
        path, len(offsets) == len(classes) + 1, "offsets", f"{len(classes) + 1}, one more than labels", len(offsets)
    )
    _require(path, len(classes) > 0, "labels", "at least one image", 0)
    inside = offsets[0] >= 0 and offsets[-1] <= len(blob) and bool((offsets[1:] > offsets[:-1]).all())
    _require(path, inside, "offsets", f"increasing numbers from 0 to {len(blob)}", "others")
    _require(
        path, bool(classes.min() >= 0 and classes.max() < len(names)), "labels", f"0 to {len(names) - 1}", "others"
    )
    indices, matched_by = match_labels(names, labels, str(path))
    samples = [
        Sample(f"{path}[{i}]", blob[offsets[i] : offsets[i + 1]].tobytes(), indices[int(classes[i])])
        for i in range(len(classes))
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


def match_labels(names: Sequence[str], labels: Sequence[str] | None, where: str) -> tuple[list[int], str]:
    """For each class name of a data set the index of the model's output, and by what it was found.

    By name: the label, or one of its words between commas that no other label has, in any case, with _ for spaces;
    for an ImageNet model also the WordNet number.  By index: every name is one ("207").  In order: the names match
    nothing, but there are as many as labels, or the labels are not known.  Raises InputError if only some match.
    """
    if labels is None:
        return list(range(len(names))), "order"
    known = _label_index(labels)
    found = [known.get(_plain(name)) for name in names]
    if all(index is not None for index in found):
        return [index for index in found if index is not None], "name"
    if all(name.isascii() and name.isdigit() and int(name) < len(labels) for name in names):
        return [int(name) for name in names], "index"
    if len(names) == len(labels) and all(index is None for index in found):
        return list(range(len(names))), "order"
    strangers = [name for name, index in zip(names, found, strict=True) if index is None]
    more = "" if len(strangers) <= 5 else f" and {len(strangers) - 5} more"
    raise InputError(
        f"{where}: expected classes named as the model's {len(labels)} labels, found {', '.join(strangers[:5])}{more}"
    )


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _label_index(labels: Sequence[str]) -> dict[str, int]:
    """Every spelling of a label that no other label shares, whole labels before their parts."""
    spellings: dict[str, set[int]] = {}
    for index, label in enumerate(labels):
        for part in label.split(","):
            spellings.setdefault(_plain(part), set()).add(index)
    known = {spelling: min(owners) for spelling, owners in spellings.items() if len(owners) == 1}
    whole = [_plain(label) for label in labels]
    times = Counter(whole)
    known.update({label: index for index, label in enumerate(whole) if times[label] == 1})
    if list(labels) == list(get("imagenet")):
        known.update({wnid: index for index, wnid in enumerate(imagenet_wnids())})
    return known


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
