"""What goes along with the weights in a .safetensors file, whose metadata are texts: all but the name are JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.json_reader import parse_json
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.formats.npz.meta import check_meta

SAID = ("task", "preprocess", "labels")  # what may have been said of a network that its architecture does not tell


def to_texts(meta: Mapping[str, Any]) -> dict[str, str]:
    """A model's architecture and knobs, from which the network is made, and what it is for and is given."""
    if "arch" not in meta:
        return {}
    found = {"arch": str(meta["arch"]), "knobs": _text(meta.get("knobs", {}))}
    return found | {key: _text(meta[key]) for key in SAID if meta.get(key) is not None}


def from_texts(texts: Mapping[str, str], where: str, limits: Limits = DEFAULT) -> dict[str, Any]:
    """What `to_texts` has kept but for the network; texts of others, which may mean anything, are passed over."""
    found: dict[str, Any] = {}
    for key in SAID:
        if key in texts:
            try:
                value = parse_json(texts[key].encode(), f"{where}: metadata {key}", limits)
                found |= check_meta({key: value}, where, limits)
            except ModelFormatError:
                continue
    return found


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
