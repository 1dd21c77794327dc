"""How pictures are prepared for a converted network: as its publisher says, as the checkpoint itself shows."""

from __future__ import annotations

from typing import Any

from tinyinfer.checkpoints.keys import normaliser
from tinyinfer.checkpoints.names import Published
from tinyinfer.checkpoints.recognise import Match
from tinyinfer.models.registry import find
from tinyinfer.published.registry import Entry, entries


def preparation(meta: dict[str, Any], match: Match, public: Published | None, arch: str | None) -> list[str]:
    """Complete the metadata of a converted network; returns notes on what the checkpoint showed."""
    if public and find(str(public.entry.arch))[1] == match.variant:
        if public.exact:
            public.entry.describe(meta)
        else:
            meta["preprocess"] = {**meta["preprocess"], **public.entry.preprocess}
    elif not match.channels and not {"resolution", "small_input"} & match.knobs.keys():
        entry = _of_the_same_network(match, arch)
        meta["preprocess"] = {**meta["preprocess"], **(entry.preprocess if entry else {})}
    return [*_channels(meta, match), *_constants(meta, match)]


def _of_the_same_network(match: Match, arch: str | None) -> Entry | None:
    """The published checkpoint of this network, whose pictures are the likeliest to be prepared in the same way."""
    known = entries()
    named = [known[name] for name in (arch, match.variant.name) if name in known]
    return next((entry for entry in named if entry.arch and find(entry.arch)[1] == match.variant), None)


def _channels(meta: dict[str, Any], match: Match) -> list[str]:
    if match.channels is None:
        return []
    if match.channels != 1:
        return [f"it takes {match.channels} channels: give it arrays, since pictures have three"]
    mean, std = (sum(meta["preprocess"][name]) / len(meta["preprocess"][name]) for name in ("mean", "std"))
    meta["preprocess"] |= {"channels": "l", "mean": [mean], "std": [std]}
    return [f"it takes grey pictures, normalised by mean {mean:.3f} and std {std:.3f} unless preprocess says otherwise"]


def _constants(meta: dict[str, Any], match: Match) -> list[str]:
    """A normaliser inside the network becomes part of the preparation."""
    found = {key: value for key, value in normaliser(match.view.state).items() if key not in match.graph.weights}
    channels = 1 if meta["preprocess"]["channels"] == "l" else 3
    if len(found) != 2:
        return []
    mean, std = (next((value for key, value in found.items() if key.endswith(what)), ()) for what in ("mean", "std"))
    if not (mean and std) or min(std) <= 0 or len(mean) not in (1, channels):
        return []
    mean, std = (values * (channels // len(values)) for values in (mean, std))
    scale = 1.0 if max(std) > 1 else 1 / 255  # constants for pixels of 0 to 255, or of 0 to 1
    meta["preprocess"] |= {"mean": list(mean), "std": list(std), "scale": scale}
    return [f"took {' and '.join(map(repr, found))} into the preparation of pictures"]
