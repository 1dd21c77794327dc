"""What can be pulled: the facts of registry.toml, read and checked."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.suffixes import by_name
from tinyinfer.labels import label_sets

KINDS = (NETWORK, FILE, DATA) = ("network", "file", "data")

# digits of a checksum, at least and at most; of a beginning, as few as publishers' file names have
DIGITS = {"sha256": (64, 64), "sha256_prefix": (8, 64), "md5": (32, 32)}


@dataclass(frozen=True)
class Entry:
    """One public file: where it is, what it must be, whose it is, and what its publisher says it reaches.

    ``kind`` is "network" for a checkpoint, "file" for a file that holds the network itself, "data" for a data set.
    ``checksum`` is "sha256:" or "md5:" and hexadecimal digits, or their beginning; None where nobody publishes one.
    ``arch`` and ``knobs`` name a checkpoint's network, ``preprocess`` is what differs from that network's, ``labels``
    the data set whose class names it has, if not the network's own, or the names; ``task`` says how a file's outputs
    are read.  ``beside`` is the address and the checksum of the file that holds its weights.  ``accuracy`` is what is
    published, in per cent.
    """

    name: str
    url: str
    home: str
    licence: str
    kind: str = "network"
    arch: str | None = None
    checksum: str | None = None
    knobs: Mapping[str, Any] = field(default_factory=dict)
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    labels: str | Sequence[str] | None = None
    task: Mapping[str, Any] | str | None = None
    beside: tuple[str, str | None] | None = None
    accuracy: Mapping[str, float] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """What the file is called: the last part of the address's path."""
        return _file_name(self.url)

    @property
    def weights_name(self) -> str | None:
        """What the file beside it is called, if there is one."""
        return None if self.beside is None else _file_name(self.beside[0])

    @property
    def format(self) -> str:
        """What it is: the format of its file, or data."""
        found = by_name(self.file_name)
        return found.name if found is not None and self.kind != DATA else self.kind

    def describe(self, meta: dict[str, Any]) -> None:
        """Say in a model's metadata that it is this file: name, origin, preparation of pictures, labels."""
        meta.update(
            name=self.name,
            source=self.url,
            home=self.home,
            licence=self.licence,
            preprocess={**meta.get("preprocess", {}), **self.preprocess},
            published=dict(self.accuracy),
        )
        if self.labels:
            meta["labels"] = list(label_sets.get(self.labels) if isinstance(self.labels, str) else self.labels)
        if self.task:
            meta["task"] = self.task if isinstance(self.task, str) else dict(self.task)


def entries() -> dict[str, Entry]:
    """Everything that can be pulled, by name.

    ``TINYINFER_HUB`` names another registry file, such as that of a mirror.  Raises ModelFormatError for one that
    can't be read.
    """
    return _read(os.environ.get("TINYINFER_HUB"))


def find(name: str) -> Entry:
    """The entry of a name, or of another name of the same network.  Raises UnsupportedOpError with near ones."""
    from tinyinfer.models import find as find_network

    known = entries()
    if name in known:
        return known[name]
    try:
        found = known.get(find_network(name)[1].name)
    except UnsupportedOpError:
        found = None
    if found is None:
        near = difflib.get_close_matches(name, known, n=4, cutoff=0.5)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise UnsupportedOpError(f"{name!r} can't be pulled: no public weights are registered under that name{hint}")
    return found


@cache
def _read(path: str | None) -> dict[str, Entry]:
    where = path or "registry.toml"
    try:
        file = Path(path) if path else resources.files("tinyinfer.published").joinpath("registry.toml")
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        publishers = table.pop("publishers")
        return {name: _entry(name, row, publishers) for name, row in table.items()}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ModelFormatError(f"{where}: expected a registry of checkpoints ({error!r})") from None
    except ValueError as error:
        raise ModelFormatError(f"{where}: {error}") from None


def _entry(name: str, row: dict[str, Any], publishers: Mapping[str, Mapping[str, str]]) -> Entry:
    row = dict(row)
    publisher = publishers[row.pop("by")]
    checksums = [_checksum(name, kind, row.pop(kind)) for kind in DIGITS if kind in row]
    kind, files = row.pop("kind", NETWORK), publisher.get("files", "")
    if kind not in KINDS:
        raise ValueError(f"{name}: kind: expected one of {', '.join(KINDS)}, found {kind!r}")
    beside = None
    if "weights" in row:
        checksum = row.pop("weights_sha256", None)
        beside = (files + row.pop("weights"), None if checksum is None else _checksum(name, "sha256", checksum))
    entry = Entry(
        name=name,
        url=files + row.pop("file"),
        home=publisher["home"],
        licence=row.pop("licence", None) or publisher["licence"],
        kind=kind,
        arch=row.pop("arch", name) if kind == NETWORK else None,
        checksum=checksums[0] if checksums else None,
        knobs=row.pop("knobs", {}),
        preprocess=row.pop("preprocess", {}),
        labels=row.pop("labels", None),
        task=row.pop("task", None),
        beside=beside,
        accuracy={key: float(row.pop(key)) for key in ("top1", "miou", "map") if key in row},
    )
    if row:
        raise ValueError(f"{name}: unknown {', '.join(sorted(row))}")
    return entry


def _file_name(url: str) -> str:
    return urlsplit(url).path.rsplit("/", 1)[-1]


def _checksum(name: str, kind: str, digits: str) -> str:
    least, most = DIGITS[kind]
    if not least <= len(digits) <= most or not set(digits) <= set("0123456789abcdef"):
        raise ValueError(f"{name}: {kind}: expected {least} to {most} hexadecimal digits, found {digits!r}")
    return f"{kind.removesuffix('_prefix')}:{digits}"
