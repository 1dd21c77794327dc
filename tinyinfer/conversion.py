"""``convert``: a model from a checkpoint, its network recognised by its keys."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyinfer.errors import InputError, UnsupportedOpError, WeightsError
from tinyinfer.formats import npz
from tinyinfer.formats.plain_npz import read_arrays
from tinyinfer.formats.state_dict import load_weights, map_keys
from tinyinfer.formats.suffixes import UNREADABLE
from tinyinfer.formats.torch_checkpoint import read_checkpoint
from tinyinfer.formats.weight_norm import fold_weight_norm
from tinyinfer.models.recognise import Match, recognise
from tinyinfer.models.registry import describe, find

if TYPE_CHECKING:
    from tinyinfer.model import Model

NEAR = 0.9  # share of fitting keys from which a file is taken for a damaged or changed copy of a network


def convert(path: str | os.PathLike[str], arch: str | None = None, **knobs: Any) -> Model:
    """The model in a torch checkpoint (.pth, .th, .pt), a .npz of plain arrays, or a .npz model file.

    Without ``arch`` the network is recognised by keys and shapes; the number of classes and the width are read off
    them in any case.  ``knobs`` say what no shape shows, such as ``padding="same"`` for weights trained by
    TensorFlow.  ``model.meta["recognised"]`` tells what was found.  Raises ModelFormatError for a file that can't be
    read, UnsupportedOpError for an unknown format or network, WeightsError listing every key that does not fit.
    """
    from tinyinfer.model import Model

    file = Path(path)
    if file.suffix in UNREADABLE:
        raise UnsupportedOpError(f"{file}: files of format {file.suffix} can't be read; a torch checkpoint can")
    state = read_arrays(file) if file.suffix == ".npz" else read_checkpoint(file)
    if state is None:
        if arch or knobs:
            raise InputError(f"{file}: a model file holds its network; arch and knobs are for checkpoints")
        return Model(*npz.load(file))
    state = fold_weight_norm(state, where=str(file))
    match = _choose(str(file), state, arch, knobs)
    where, graph = f"{file} as {match}", match.graph.copy()
    try:
        fitting = match.family.adapt(graph, map_keys(state, match.rows))
    except WeightsError as error:
        raise WeightsError(f"{where}: {error}") from None
    load_weights(graph, fitting, where=where, ignore=match.family.ignore)
    try:
        graph.verify()
    except WeightsError as error:
        raise WeightsError(f"{where}: {error}") from None
    meta = {
        **describe(match.variant.name, **match.knobs),
        "source": file.name,
        "checksum": f"sha256:{_sha256(file)}",
        "layout": match.layout,
        "recognised": str(match),
    }
    return Model(graph, meta)


def _choose(where: str, state: dict[str, np.ndarray], arch: str | None, knobs: dict[str, Any]) -> Match:
    """The best reading of the state dict; raises UnsupportedOpError when none comes near and no ``arch`` is given."""
    matches = recognise(state, [find(arch)] if arch else None, knobs)
    if matches and (arch or matches[0].score >= NEAR):
        return matches[0]
    near = "; ".join(f"{match}: {match.score:.0%} of the keys fit" for match in matches[:3] if match.score > 0.1)
    raise UnsupportedOpError(
        f"{where}: no known network has these {len(state)} keys ({', '.join(list(state)[:3])}, ...)"
        + (f"; nearest: {near}; name it with arch to see what does not fit" if near else "")
    )


def _sha256(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
