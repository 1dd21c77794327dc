"""Which network a state dict belongs to, told by its keys and shapes."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tinyinfer.errors import InputError, WeightsError
from tinyinfer.formats.state_dict import fits, is_needed, map_keys
from tinyinfer.graph import Graph
from tinyinfer.models.family import Family, Layout, Rows, Variant
from tinyinfer.models.registry import families, find

State = Mapping[str, np.ndarray]

NEIGHBOURS = 0.1  # networks whose size is within a tenth of a fitting one's are looked at too
SAMPLE = 10  # keys by which a network is found not worth a closer look
FAR = 3  # networks with this many times as many keys, or as few, are not looked at
WIDTHS = [round(0.05 * i, 2) for i in range(1, 61)]  # tried when the keys fit and the shapes do not


@dataclass(frozen=True)
class Match:
    """One reading of a state dict: ``score`` is the share of keys, of both sides together, whose shapes agree.

    ``extra`` counts the knobs beyond those of the variant and of the layout.
    """

    family: Family
    variant: Variant
    knobs: Mapping[str, Any]
    layout: str
    rows: Rows
    graph: Graph
    score: float
    same_keys: bool
    extra: int

    def __str__(self) -> str:
        knobs = "".join(f", {name}={value!r}" for name, value in self.knobs.items())
        return f"{self.variant.name} ({self.layout} keys{knobs})"


def recognise(
    state: State, candidates: Sequence[tuple[Family, Variant]] | None = None, knobs: Mapping[str, Any] | None = None
) -> list[Match]:
    """Readings of a state dict, best first; one of score 1 fits in every key and shape.

    ``candidates`` are all networks unless given.  The number of classes, the width and what else the shapes show
    are found out unless ``knobs`` says them.  Raises InputError when the knobs fit no candidate.
    """
    chosen = candidates or [(family, variant) for family in families().values() for variant in family.variants]
    given = dict(knobs or {})
    found: list[Match] = []
    refused = None
    fit_at = math.inf
    for distance, family, variant in _nearest_first(state, chosen):
        if distance > fit_at + NEIGHBOURS:
            break
        for index, trial in enumerate(({}, *family.trials)):
            if not candidates and not _alike(state, *_outline(family.name, variant.name, index)):
                continue
            try:
                found += _readings(state, family, variant, {**trial, **given})
            except InputError as error:
                refused = error
        if any(match.score == 1 for match in found):
            fit_at = min(fit_at, distance)  # a sister of the same size may fit with fewer knobs
    if not found and refused:
        raise refused
    found.sort(key=lambda match: (-match.score, match.extra))
    if found and found[0].score < 1 and "width" not in given:
        found = sorted([*found, *_scaled(state, found)], key=lambda match: -match.score)
    return found


def _nearest_first(state: State, candidates: Sequence[tuple[Family, Variant]]) -> list[tuple[float, Family, Variant]]:
    """Candidates with the logarithmic distance between their size and the state's, which is cheap to know, sorted."""
    size = sum(array.size for array in state.values() if array.dtype.kind == "f")
    known = [(abs(math.log(max(size, 1) / v.params)) if v.params else math.inf, f, v) for f, v in candidates]
    return sorted(known, key=lambda row: row[0])


@cache
def _outline(family: str, variant: str, trial: int) -> tuple[frozenset[str], tuple[Rows, ...]]:
    """Keys of a network with one of its family's trials, and the key maps of its layouts."""
    known, chosen = find(variant)
    assert known.name == family
    graph, resolved = known.make(chosen, ({}, *known.trials)[trial])
    return frozenset(graph.weights), ((), *(layout.rows for layout in known.layouts(**resolved).values()))


def _alike(state: State, keys: frozenset[str], layouts: Sequence[Rows]) -> bool:
    """Whether a few of the state's keys are the network's in any layout, and their number is about right."""
    if not len(state) / FAR < len(keys) < len(state) * FAR:
        return False
    few = dict(list(state.items())[:: max(1, len(state) // SAMPLE)])
    for rows in layouts:
        with contextlib.suppress(WeightsError):  # two keys became one: not this layout
            if not keys.isdisjoint(map_keys(few, rows)):
                return True
    return False


def _readings(state: State, family: Family, variant: Variant, knobs: Mapping[str, Any]) -> Iterator[Match]:
    """The state dict read as this network, in each of its layouts."""
    graph, resolved = family.make(variant, knobs)
    for name, layout in {"canonical": Layout(), **family.layouts(**resolved)}.items():
        try:
            renamed = map_keys(state, layout.rows)
        except WeightsError:
            continue  # two keys became one, so it is not this layout
        usual = {k: v for k, v in layout.knobs.items() if k not in variant.knobs}
        chosen = {**usual, **knobs}
        classes = _classes(graph, renamed, family.rows_per_class)
        if classes and "num_classes" not in knobs and classes != resolved["num_classes"]:
            chosen["num_classes"] = classes
        fitting = graph if chosen == knobs else family.make(variant, chosen)[0]
        score, same_keys = _compare(fitting, renamed, family.ignore)
        extra = len(chosen.keys() - usual.keys())
        yield Match(family, variant, chosen, name, layout.rows, fitting, score, same_keys, extra)


def _scaled(state: State, found: Sequence[Match]) -> Iterator[Match]:
    """The same networks in other widths, where the keys fit already."""
    tried = set()
    for match in sorted(found, key=lambda match: "width" in match.variant.knobs):  # the full width lends the name
        others = {**match.variant.knobs, **match.knobs, "width": None}
        network = (match.family.name, match.layout, repr(sorted(others.items())))
        if match.same_keys and "width" in match.family.knobs and network not in tried:
            tried.add(network)
            for width in WIDTHS:
                for scaled in _readings(state, match.family, match.variant, {**match.knobs, "width": width}):
                    if scaled.score == 1:
                        yield scaled
                        return


def _classes(graph: Graph, state: State, rows_per_class: int) -> int | None:
    """The classes, which are the rows of the last weight matrix, or so many of them each."""
    keys = [node.params["weight"] for node in graph.nodes if "weight" in node.params]
    matrices = [key for key in keys if graph.weights[key].ndim > 1]
    found = state.get(matrices[-1]) if matrices else None
    return found.shape[0] // rows_per_class if found is not None and found.ndim > 1 else None


def _compare(graph: Graph, state: State, ignore: Sequence[str]) -> tuple[float, bool]:
    """Share of keys whose shapes fit, and whether the keys are the same."""
    given = {key: array for key, array in state.items() if is_needed(key, graph, ignore)}
    fit = sum(key in given and fits(array.shape, given[key].shape) for key, array in graph.weights.items())
    return fit / max(len(given.keys() | graph.weights.keys()), 1), given.keys() == graph.weights.keys()
