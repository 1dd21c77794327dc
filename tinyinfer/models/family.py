"""What a family of networks registers: its paper, its builder, its variants and the key layouts of its checkpoints."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinyinfer.errors import GraphError, InputError
from tinyinfer.graph import Graph
from tinyinfer.models.knobs import check_knob

State = Mapping[str, np.ndarray]

Rows = tuple[tuple[str, str], ...]
"""A key map: ordered (regular expression, replacement) rows that turn another layout's keys into ours."""


@dataclass(frozen=True)
class Layout:
    """A public layout of a network's keys: its key map, and knobs that its checkpoints come with, such as an eps."""

    rows: Rows = ()
    knobs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Variant:
    """One named network: the knobs that make it, and what its paper or its reference code says it costs.

    ``macs`` are mult-adds of convolutions and linear layers for one image at nominal size; ``labels`` names the
    classes of the data set that the family's public weights know, if not the family's own.
    """

    name: str
    knobs: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    params: int | None = None
    macs: int | None = None
    labels: str | None = None


def as_it_is(graph: Graph, state: State) -> State:
    """The state dict of a family that keeps nothing but weights in it."""
    return state


@dataclass(frozen=True)
class Family:
    """A builder and all that is known around it.

    ``build`` takes the knobs as keywords with defaults, annotated by the types of ``knobs.py``.  ``layouts`` gives,
    for the knobs of a network, every public layout other than the canonical one.  ``preprocess`` is what differs
    from ImageNet's habit.  Patterns of ``ignore`` match keys that inference does not use, such as auxiliary heads'.
    ``trials`` are sets of knobs that the shapes of a checkpoint can show, to be tried in recognising one.
    ``adapt`` is given a network and its renamed state dict; it puts what is no weight, such as learned indices, into
    the network, and returns the state dict to load.  It raises WeightsError for what does not fit.
    ``task`` is one of ``tasks.TASKS``; ``metadata`` is what a task needs to know beside the network, given its knobs.
    ``rows_per_class`` of the last weight matrix belong to one class: a detector has them for each anchor.
    """

    name: str
    paper: str
    year: int
    build: Callable[..., Graph]
    variants: tuple[Variant, ...]
    layouts: Callable[..., dict[str, Layout]] = lambda **knobs: {}
    labels: str = "imagenet"
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    knob_aliases: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    trials: tuple[Mapping[str, Any], ...] = ()
    adapt: Callable[[Graph, State], State] = as_it_is
    task: str = "classify"
    metadata: Callable[..., Mapping[str, Any]] = lambda **knobs: {}
    rows_per_class: int = 1

    @property
    def knobs(self) -> dict[str, Any]:
        """Names and defaults of the builder's knobs."""
        return {p.name: p.default for p in inspect.signature(self.build).parameters.values()}

    def resolve(self, variant: Variant, given: Mapping[str, Any]) -> dict[str, Any]:
        """All knobs of a network: the builder's defaults, the variant's, the given ones.  Raises InputError."""
        known = self.knobs
        chosen = {self.knob_aliases.get(name, name): value for name, value in given.items()}
        for name, value in chosen.items():
            if name not in known:
                raise InputError(f"{variant.name} has no knob {name!r}, only {', '.join(sorted(known))}")
            check_knob(variant.name, self.build, name, value)
        return {**known, **variant.knobs, **chosen}

    def make(self, variant: Variant, given: Mapping[str, Any]) -> tuple[Graph, dict[str, Any]]:
        """The network with placeholder weights, and all its knobs.  Raises InputError for knobs that do not fit."""
        knobs = self.resolve(variant, given)
        try:
            return self.build(**knobs), knobs
        except (GraphError, IndexError, TypeError, ValueError) as error:
            chosen = ", ".join(f"{name}={value!r}" for name, value in given.items()) or "defaults"
            raise InputError(f"{variant.name} can't be built with {chosen}: {error}") from None
