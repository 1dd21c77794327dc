"""``convert``: a model from a checkpoint, its network recognised by its keys."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyinfer.checkpoints import keys
from tinyinfer.checkpoints.names import Published, digest, named_network, published
from tinyinfer.checkpoints.parametrizations import fold_parametrizations
from tinyinfer.checkpoints.preparation import preparation
from tinyinfer.checkpoints.recognise import Match, alternatives, recognise
from tinyinfer.errors import GraphError, InputError, ModelFormatError, UnsupportedOpError, WeightsError
from tinyinfer.formats.contents import format_of
from tinyinfer.formats.npz.plain_npz import read_arrays
from tinyinfer.formats.reading import read_network
from tinyinfer.formats.safetensors.checkpoint import read_checkpoint as read_safetensors
from tinyinfer.formats.safetensors.description import from_texts
from tinyinfer.formats.state_dict import Checkpoint, is_needed, load_weights
from tinyinfer.formats.suffixes import NPZ, SAFETENSORS, TORCH, Format
from tinyinfer.formats.torch.checkpoint import read_checkpoint
from tinyinfer.graph import Graph, Shape
from tinyinfer.models.registry import find, metadata

if TYPE_CHECKING:
    from tinyinfer.model import Model

NEAR = 0.9  # share of fitting keys from which a file is taken for a damaged or changed copy of a network
SHOWN = 4  # keys named in a note


def convert(
    path: str | os.PathLike[str],
    arch: str | None = None,
    *,
    ignore: str | Sequence[str] = (),
    strip: str | None = None,
    input_shapes: Mapping[str, Shape] | None = None,
    dequantize: bool = False,
    **knobs: Any,
) -> Model:
    """The model in a checkpoint (.pth, .th, .pt, .safetensors, a .npz of plain arrays) or in a file of a network.

    The latter are .npz model files, .onnx, .tflite, and ncnn's .param with its .bin beside it; ``input_shapes`` says,
    for inputs whose sizes they leave free, which they usually are; what is quantised is computed with integers, with
    ``dequantize`` in float32.

    Without ``arch`` a published file is known by its checksum or its name, and any other network is recognised by
    keys and shapes; the number of classes and the width are read off them in any case.  ``knobs`` say what no shape
    shows, such as ``padding="same"`` for weights trained by TensorFlow.  Keys that match a pattern of ``ignore``
    ("aux*") are left out, ``strip`` is a prefix ("backbone.") to be taken from the keys that have it; what is usual
    of either is seen without them.  ``model.meta["recognised"]`` tells what was found, ``model.meta["notes"]`` what
    was left out or is uncertain.  Raises ModelFormatError for a file that can't be read, UnsupportedOpError for an
    unknown format or network, WeightsError listing every key that does not fit, InputError for a pattern or prefix
    that no key has.
    """
    from tinyinfer.model import Model

    file = Path(path)
    patterns = [ignore] if isinstance(ignore, str) else list(ignore)
    found = format_of(file) or TORCH
    checkpoint = _read(file, found, patterns)
    if checkpoint is None:
        if arch or knobs or patterns or strip:
            raise InputError(f"{file}: a model file holds its network; arch, knobs and the like are for checkpoints")
        return Model(*read_network(file, found, input_shapes, dequantize=dequantize), verified=True)
    state, notes = _prepared(checkpoint, patterns, strip, str(file))
    public = _published(file)
    told = None if arch or public else _told(state, checkpoint.metadata, knobs)
    match, more = (told, []) if told else _choose(file, state, arch, knobs, public)
    graph = _filled(match, where=f"{file} as {match}")
    meta = metadata(match.family, match.variant, graph, match.family.resolve(match.variant, match.knobs))
    meta |= {
        "source": file.name,
        "checksum": f"sha256:{digest(file, 'sha256')}",
        "layout": match.layout,
        "recognised": str(match),
    }
    notes += [*more, *_liberties(match), *preparation(meta, match, public, arch)]
    meta |= from_texts(checkpoint.metadata, str(file)) if told else {}
    if notes:
        meta["notes"] = notes
    return Model(graph, meta)


def _read(file: Path, found: Format, patterns: Sequence[str]) -> Checkpoint | None:
    """The state dict and notes on it; None for a file that holds a network."""
    if found is NPZ:
        arrays = read_arrays(file)
        return None if arrays is None else Checkpoint(arrays)
    if found.network:
        return None
    if found is SAFETENSORS:
        return read_safetensors(file)
    return read_checkpoint(file, unneeded=lambda key: any(keys.matches(key, pattern) for pattern in patterns))


def _prepared(
    checkpoint: Checkpoint, patterns: Sequence[str], prefix: str | None, where: str
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The state dict with what the caller asked for done and weights put together, and notes on that."""
    state, notes = dict(checkpoint.state), list(checkpoint.notes)
    if prefix:
        state = dict(keys.strip(state, prefix, where).state)
    state, left = keys.ignore(state, patterns, where)
    if state and all(key.isdigit() for key in state):
        raise UnsupportedOpError(
            f"{where}: {len(state)} tensors without names, in a list: expected a state dict (model.state_dict())"
        )
    if left:
        notes.append(f"left out as asked: {_some(left)}")
    for key in state:
        if key.endswith(".zero_point"):
            raise UnsupportedOpError(
                f"{where}: {key[:100]!r}: a quantized checkpoint, which can't be read: save the float32 model's state "
                "dict, from before torch.ao.quantization converted it (ignore leaves the keys of observers out)"
            )
    folded = fold_parametrizations(state, where=where)
    if made := folded.keys() - state.keys():
        notes.append(f"put {len(made)} weights together: {_some(sorted(made))}")
    return folded, notes


def _told(state: Mapping[str, np.ndarray], metadata: Mapping[str, str], knobs: Mapping[str, Any]) -> Match | None:
    """The network that a file of weights names, as those that are written here do, if the weights fit it."""
    try:
        family, variant = find(metadata["arch"])
        usual, given = json.loads(json.dumps(variant.knobs)), json.loads(metadata.get("knobs", "{}"))
        unusual = {name: value for name, value in given.items() if name not in usual or usual[name] != value}
        matches = recognise(state, [(family, variant)], {**unusual, **knobs})
    except (
        KeyError,
        AttributeError,
        TypeError,
        ValueError,
        RecursionError,
        InputError,
        GraphError,
        UnsupportedOpError,
    ):
        return None  # texts that somebody else wrote; the keys are what counts
    return matches[0] if matches and matches[0].score == 1 else None


def _published(file: Path) -> Published | None:
    try:
        return published(file)
    except OSError as error:
        raise ModelFormatError(f"{file}: can't be read: {error.strerror or error}") from None


def _choose(
    file: Path, state: Mapping[str, np.ndarray], arch: str | None, knobs: Mapping[str, Any], public: Published | None
) -> tuple[Match, list[str]]:
    """The best reading of the state dict, and notes.  Raises UnsupportedOpError if no network comes near."""
    if arch:
        matches = recognise(state, [find(arch)], knobs)
        if not matches:
            raise _unknown(file, state, [])
        return matches[0], []
    name, defaults = (public.entry.arch, public.entry.knobs) if public else (named_network(file), {})
    if name:
        matches = recognise(state, [find(name)], {**defaults, **knobs})
        if matches and (matches[0].score == 1 or (public and public.exact)):
            known = [] if public and public.exact else [f"by the file's name it is {name}"]
            return matches[0], known
    matches = recognise(state, None, knobs)
    if not matches or matches[0].score < NEAR:
        raise _unknown(file, state, matches)
    others = alternatives(matches)
    if not others:
        return matches[0], []
    return matches[0], [
        f"the keys fit {', '.join(others)} as well, which computes something else: name it with arch if it is that"
    ]


def _unknown(file: Path, state: Mapping[str, np.ndarray], matches: Sequence[Match]) -> UnsupportedOpError:
    near = "; ".join(f"{match}: {match.score:.0%} of the keys fit" for match in matches[:3] if match.score > 0.1)
    return UnsupportedOpError(
        f"{file}: no known network has these {len(state)} keys ({', '.join(key[:60] for key in list(state)[:3])}, ...)"
        + (f"; nearest: {near}; name it with arch to see what does not fit" if near else "")
        + f"; {keys.prefixes_found(state)}, and strip takes such a prefix off; ignore leaves keys out"
    )


def _filled(match: Match, where: str) -> Graph:
    graph = match.graph.copy()
    try:
        fitting = match.family.adapt(graph, match.state)
    except WeightsError as error:
        raise WeightsError(f"{where}: {error}") from None
    load_weights(graph, fitting, where=where, ignore=match.ignore)
    try:
        graph.verify()
    except WeightsError as error:
        raise WeightsError(f"{where}: {error}") from None
    return graph


def _liberties(match: Match) -> list[str]:
    """What was done to the keys so that they fit, in words."""
    notes = []
    if match.view.stripped:
        notes.append(f"took {match.view.stripped[0]!r} off the keys")
    if match.view.aside:
        notes.append(f"took the averaged weights; left out {_counted(match.view.aside)}: {_some(match.view.aside)}")
    if match.head is not None:
        notes.append(f"took {match.head!r} for the network's last layer")
    left = [key for key in match.state if key not in match.graph.weights and is_needed(key, match.graph, ())]
    if left:
        notes.append(f"left out {_counted(left)} that inference does not use: {_some(left)}")
    return notes


def _counted(names: Sequence[str]) -> str:
    return f"{len(names)} keys" if len(names) > 1 else "1 key"


def _some(names: Sequence[str]) -> str:
    return ", ".join(repr(name[:80]) for name in names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
