"""What a file's name says about it: that it is a published checkpoint, or a network that its keys can't tell.

TensorFlow's networks have the keys and shapes of their ports and other padding; anti-aliased ones have those of the
plain network and pool otherwise.  Keys can't show it, names do.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass

from tinyinfer.errors import UnsupportedOpError
from tinyinfer.models.registry import find
from tinyinfer.published.registry import Entry, entries

_HASH = re.compile(r"[-_.][0-9a-f]{8,64}$")
_TENSORFLOW = "tf_"
_BLURRED = re.compile(r"(?i)(^|[-_.])(blur|blurpool|lpf\d*|antialias\w*)([-_.]|$)|resne[sx]?t?(aa|blur)\d")
_ANTI_ALIASED = re.compile(r"(?i)(^|[-_.])aa([-_.]|$)")
_AUTO_AUGMENT = re.compile(r"(tf_)?efficientnet")  # whose "aa" is AutoAugment, a way of training


@dataclass(frozen=True)
class Published:
    """A registered file: ``exact`` if its checksum says so, and not only its name."""

    entry: Entry
    exact: bool


def published(path: str | os.PathLike[str]) -> Published | None:
    """The registered file that this is, by its checksum or else by its name.  Raises OSError."""
    networks = [entry for entry in entries().values() if entry.arch is not None]
    digests: dict[str, str] = {}
    for entry in networks:
        kind, _, digits = (entry.checksum or "").partition(":")
        if kind and kind not in digests:
            digests[kind] = digest(path, kind)
        if kind and digests[kind].startswith(digits):
            return Published(entry, True)
    name = os.path.basename(os.fspath(path))
    return next((Published(e, e.checksum is None) for e in networks if e.file_name == name), None)


def digest(path: str | os.PathLike[str], kind: str) -> str:
    """The hexadecimal checksum of a file."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, kind).hexdigest()


def named_network(path: str | os.PathLike[str]) -> str | None:
    """The network of TensorFlow's that a file's name begins with ("tf_efficientnet_b0_ns-c0e6a31c.pth").

    Raises UnsupportedOpError for names of anti-aliased networks, which would be taken for plain ones.
    """
    stem = os.path.basename(os.fspath(path))
    stem = _HASH.sub("", re.sub(r"(\.(pth|pt|th|tar|npz|bin|ckpt|pkl|pickle))+$", "", stem, flags=re.IGNORECASE))
    if _BLURRED.search(stem) or (_ANTI_ALIASED.search(stem) and not _AUTO_AUGMENT.match(stem)):
        raise UnsupportedOpError(
            f"{os.fspath(path)}: by its name an anti-aliased network, which is not known; its keys are those of the "
            "plain one: name that with arch if the name misleads"
        )
    if not stem.startswith(_TENSORFLOW):
        return None
    parts = re.split(r"(?<=[A-Za-z0-9])(?=[_.-])", stem)
    for end in range(len(parts), 0, -1):
        try:
            return find("".join(parts[:end]))[1].name
        except UnsupportedOpError:
            continue
    return None
