"""Which network a state dict belongs to, told by its keys and shapes.

Building a network takes time and there are hundreds, so they are tried in the order of how near their published number
of parameters is to the state dict's, which needs no building; one that fits exactly ends the search.
"""

from __future__ import annotations

import bisect
import contextlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tinyinfer.checkpoints.fitting import picture_channels, rename_head, with_picture_channels
from tinyinfer.checkpoints.keys import LEFTOVERS, View, normaliser, views
from tinyinfer.errors import GraphError, InputError, WeightsError
from tinyinfer.formats.state_dict import fits, is_needed, map_keys
from tinyinfer.graph import Graph
from tinyinfer.models.family import Family, Layout, Rows, Variant, as_it_is
from tinyinfer.models.registry import families, find

State = Mapping[str, np.ndarray]
Outline = tuple[Graph, dict[str, Any], frozenset[str], tuple[Rows, ...]]

EXACT = 1e-3  # networks whose size is so near a fitting one's have its keys, or nobody has
NEIGHBOURS = 0.1  # if the fitting one's is not exact, those within a tenth are looked at too
SAMPLE = 10  # keys by which a family is found not worth a closer look
LIKE = 0.3  # share of them, numbers apart, that the family must have
FAR = 3  # networks with this many times as many keys, or as few, are not looked at
FAR_SIZE = math.log(8)  # nor, if they have no width, those with so many times as many parameters, or as few
WIDTHS = [round(0.05 * i, 2) for i in range(1, 61)]  # tried when the keys fit and the shapes do not
_NORM_STATISTICS = ("running_mean", "running_var")  # not among a network's parameters


@dataclass(frozen=True)
class Match:
    """One reading of a state dict: ``score`` is the share of keys, of both sides together, whose shapes agree.

    ``state`` has the network's keys, and those of ``view`` that it does not need.  ``head`` is what the last layer was
    called, ``channels`` those of the picture, where either is not the network's own.  ``extra`` counts the knobs
    beyond those of the variant and of the layout, and every other liberty that was taken.
    """

    family: Family
    variant: Variant
    knobs: Mapping[str, Any]
    layout: str
    rows: Rows
    graph: Graph
    view: View
    state: State
    ignore: tuple[str, ...]
    score: float
    same_keys: bool
    extra: int
    head: str | None = None
    channels: int | None = None

    def __str__(self) -> str:
        knobs = "".join(f", {name}={value!r}" for name, value in self.knobs.items())
        return f"{self.variant.name} ({self.layout} keys{knobs})"


def recognise(
    state: State, candidates: Sequence[tuple[Family, Variant]] | None = None, knobs: Mapping[str, Any] | None = None
) -> list[Match]:
    """Readings of a state dict, best first; one of score 1 fits in every key and shape.

    ``candidates`` are all networks unless given.  The number of classes, the width and what else the shapes show
    are found out unless ``knobs`` says them; prefixes of keys are taken off where that helps.  Raises InputError when
    the knobs fit no candidate.
    """
    chosen = candidates or [(family, variant) for family in families().values() for variant in family.variants]
    given = dict(knobs or {})
    search = _Search(views(state), narrow=candidates is not None)
    found: list[Match] = []
    refused = None
    fit_at = math.inf
    for distance, family, variant in _nearest_first(state, chosen):
        if distance > fit_at + (EXACT if fit_at < EXACT else NEIGHBOURS):
            break
        for view, trial in search.worth_reading(family, variant, distance):
            try:
                found += _readings(view, family, variant, trial, given)
            except InputError as error:
                refused = error
        if any(match.score == 1 for match in found):
            fit_at = min(fit_at, distance)  # a sister of the same size may fit with fewer knobs
    if not found and refused:
        raise refused
    found.sort(key=lambda match: (-match.score, match.extra))
    if found and found[0].score < 1 and "width" not in given:
        found = sorted([*found, *_scaled(found)], key=lambda match: -match.score)
    return found


def alternatives(matches: Sequence[Match]) -> list[str]:
    """Other networks than the first that fit as well and compute something else, which keys and shapes can't tell."""
    best = matches[0]
    operators = [node.op for node in best.graph.nodes]
    return [
        match.variant.name
        for match in matches[1:]
        if (match.score, match.extra, match.layout) == (1, best.extra, best.layout)
        and match.variant.name != best.variant.name
        and [node.op for node in match.graph.nodes] != operators
    ]


def _nearest_first(state: State, candidates: Sequence[tuple[Family, Variant]]) -> list[tuple[float, Family, Variant]]:
    """Candidates with the logarithmic distance between their size and the state's, sorted."""
    arrays = [a for key, a in state.items() if a.dtype.kind == "f" and not key.endswith(_NORM_STATISTICS)]
    size = sum(array.size for array in arrays)
    rows, features = next((array.shape[:2] for array in reversed(arrays) if array.ndim == 2), (0, 0))

    def distance(family: Family, variant: Variant) -> float:
        if not variant.params:
            return math.inf
        classes = {**family.knobs, **variant.knobs}.get("num_classes", rows)
        as_its = size + (classes - rows) * (features + 1)  # as if it had the variant's own number of classes
        return abs(math.log(max(as_its, 1) / variant.params))

    return sorted(((distance(f, v), f, v) for f, v in candidates), key=lambda row: row[0])


@cache
def _outline(family: str, variant: str, trial: int) -> Outline:
    """A network with one of its family's trials, all its knobs, its keys, and the key maps of its layouts."""
    known, chosen = find(variant)
    assert known.name == family
    graph, resolved = known.make(chosen, ({}, *known.trials)[trial])
    layouts = known.layouts(**resolved).values()
    return graph, resolved, frozenset(graph.weights), ((), *(layout.rows for layout in layouts))


@cache
def _vocabulary(family: str, variant: str) -> tuple[frozenset[str], frozenset[Rows]]:
    """How a family's keys look, numbers apart, and the key maps of its layouts, by one of its networks."""
    known, _ = find(variant)
    outlines = [_outline(family, variant, trial) for trial in range(1 + len(known.trials))]
    return (
        frozenset(_without_numbers(key) for _, _, keys, _ in outlines for key in keys),
        frozenset(rows for *_, layouts in outlines for rows in layouts),
    )


def _without_numbers(key: str) -> str:
    return re.sub(r"\d+", "#", key)


class _Search:
    """Which networks are worth a closer look; all that are asked for if the search is ``narrow``."""

    def __init__(self, readings: Sequence[View], narrow: bool) -> None:
        self._readings = readings
        self._narrow = narrow
        self._spoken: dict[tuple[str, frozenset[Rows]], list[View]] = {}

    def worth_reading(self, family: Family, variant: Variant, distance: float) -> Iterator[tuple[View, int]]:
        """Views of the state dict, each with the family's trials by number, that may be this network."""
        trials = range(1 + len(family.trials))
        if self._narrow:
            yield from ((view, trial) for trial in trials for view in self._readings)
            return
        if FAR_SIZE < distance < math.inf and "width" not in family.knobs:
            return
        dialect = _dialect(family, variant)
        if dialect not in self._spoken:
            self._spoken[dialect] = [view for view in self._readings if _is_spoken(view.state, family, variant)]
        for trial in trials:
            for view in self._spoken[dialect]:
                keys, count = _outline(family.name, variant.name, trial)[2], len(view.state)
                if count / FAR < len(keys) < count * FAR:
                    yield view, trial


def _dialect(family: Family, variant: Variant) -> tuple[str, frozenset[Rows]]:
    """What networks have in common whose keys look alike: the family, and the key maps of their layouts."""
    layouts = family.layouts(**{**family.knobs, **variant.knobs}).values()
    return family.name, frozenset(layout.rows for layout in layouts)


def _is_spoken(state: State, family: Family, variant: Variant) -> bool:
    """Whether the state's keys, of which a few are looked at, are like the family's in any layout."""
    words, layouts = _vocabulary(family.name, variant.name)
    few = dict(list(state.items())[:: max(1, len(state) // SAMPLE)])
    for rows in layouts:
        with contextlib.suppress(WeightsError):  # two keys became one: not this layout
            if sum(_without_numbers(key) in words for key in map_keys(few, rows)) >= LIKE * len(few):
                return True
    return False


def _readings(view: View, family: Family, variant: Variant, trial: int, given: Mapping[str, Any]) -> Iterator[Match]:
    """The state dict read as this network, in each of its layouts."""
    knobs = {**({}, *family.trials)[trial], **given}
    graph, resolved = _outline(family.name, variant.name, trial)[:2] if not given else family.make(variant, knobs)
    ignore = (*family.ignore, *LEFTOVERS, *(re.escape(key) + "$" for key in normaliser(view.state)))
    for name, layout in {"canonical": Layout(), **family.layouts(**resolved)}.items():
        try:
            renamed: State = map_keys(view.state, layout.rows)
        except WeightsError:
            continue  # two keys became one, so it is not this layout
        head = None
        if family.adapt is as_it_is:  # else a layer of another name may be one that it knows how to bring in
            renamed, head = rename_head(graph, renamed, ignore)
        usual = {k: v for k, v in layout.knobs.items() if k not in variant.knobs}
        chosen = {**usual, **knobs}
        classes = _classes(graph, renamed, family.rows_per_class)
        if classes and "num_classes" not in knobs and classes != resolved["num_classes"]:
            chosen["num_classes"] = classes
        fitting = graph if chosen == knobs else family.make(variant, chosen)[0]
        channels = picture_channels(fitting, renamed)
        if channels is not None:
            with contextlib.suppress(GraphError):
                fitting = with_picture_channels(fitting, channels)
        score, same_keys = _compare(fitting, renamed, ignore)
        extra = len(chosen.keys() - usual.keys()) + len(view.stripped) + (head is not None) + (channels is not None)
        yield Match(
            family, variant, chosen, name, layout.rows, fitting, view, renamed, ignore, score, same_keys, extra, head,
            channels,
        )  # fmt: skip


def _scaled(found: Sequence[Match]) -> Iterator[Match]:
    """The same networks in other widths, where the keys fit already."""
    tried = set()
    for match in sorted(found, key=lambda match: "width" in match.variant.knobs):  # the full width lends the name
        others = {**match.variant.knobs, **match.knobs, "width": None}
        network = (match.family.name, match.layout, match.view.stripped, repr(sorted(others.items())))
        if match.same_keys and "width" in match.family.knobs and network not in tried:
            tried.add(network)
            for width in _widths_of_size(match):
                for scaled in _readings(match.view, match.family, match.variant, 0, {**match.knobs, "width": width}):
                    if scaled.score == 1:
                        yield scaled
                        return


def _widths_of_size(match: Match) -> Iterator[float]:
    """The widths that give the network as many parameters as the state dict has; their number grows with the width."""
    wanted = sum(match.state[key].size for key in match.graph.weights if key in match.state)

    def size(width: float) -> int:
        try:
            graph, _ = match.family.make(match.variant, {**match.knobs, "width": width})
        except InputError:
            return 0  # too narrow to be built
        return sum(math.prod(graph.weights.shape(key)) for key in graph.weights)

    first = bisect.bisect_left(WIDTHS, wanted, key=size)
    for width in WIDTHS[first:]:
        if size(width) != wanted:
            return
        yield width


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
