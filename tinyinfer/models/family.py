"""What a family of networks registers: its paper, its builder, its variants and the key layouts of its checkpoints."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tinyinfer.errors import InputError
from tinyinfer.graph import Graph

Rows = tuple[tuple[str, str], ...]
"""A key map: ordered (regular expression, replacement) rows that turn another layout's keys into ours."""

IMAGENET: Mapping[str, Any] = {
    "resize": 256,
    "crop": 224,
    "interpolation": "bilinear",
    "channels": "rgb",
    "scale": 1 / 255,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}
"""How torchvision's ImageNet weights want their pictures."""


@dataclass(frozen=True)
class Variant:
    """One named network: the knobs that make it, and what its paper or its reference code says it costs."""

    name: str
    knobs: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    params: int | None = None
    macs: int | None = None  # mult-adds of convolutions and linear layers for one image at nominal size


@dataclass(frozen=True)
class Family:
    """A builder and all that is known around it.

    ``build`` takes the knobs as keywords with defaults.  ``layouts`` gives, for the knobs of a network, the key
    map of every public layout other than the canonical one.
    """

    name: str
    paper: str
    year: int
    build: Callable[..., Graph]
    variants: tuple[Variant, ...]
    layouts: Callable[..., dict[str, Rows]] = lambda **knobs: {}
    preprocess: Mapping[str, Any] = field(default_factory=lambda: IMAGENET)
    knob_aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def knobs(self) -> dict[str, Any]:
        """Names and defaults of the builder's knobs."""
        return {p.name: p.default for p in inspect.signature(self.build).parameters.values()}

    def resolve(self, variant: Variant, given: Mapping[str, Any]) -> dict[str, Any]:
        """All knobs of a network: the builder's defaults, the variant's, the given ones; raises InputError."""
        known = self.knobs
        chosen = {self.knob_aliases.get(name, name): value for name, value in given.items()}
        for name in chosen:
            if name not in known:
                valid = ", ".join(sorted(known))
                raise InputError(f"{variant.name}: there is no knob {name!r}; it has {valid}")
        return {**known, **variant.knobs, **chosen}
