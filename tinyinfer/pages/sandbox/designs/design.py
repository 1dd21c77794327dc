"""What ``tinyinfer.models.create`` takes for a design: depth, expansion and attention change the paper's table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from tinyinfer import models
from tinyinfer.model import Model
from tinyinfer.models.zoo import igcv3, mobilenet_v1, mobilenet_v2, mobilenet_v3, shufflenet_v1, shufflenet_v2
from tinyinfer.pages.sandbox.designs.knobs import Values, paper_values

TABLES: dict[str, Sequence[Any]] = {
    "mobilenet_v1": mobilenet_v1.TABLE,
    "mobilenet_v2": mobilenet_v2.IMAGENET_TABLE,
    "mobilenet_v3_large": mobilenet_v3.LARGE,
    "igcv3_d_1x": igcv3.TABLE,
    "shufflenet_v1_g3_x1_0": shufflenet_v1.REPEATS,
    "shufflenet_v2_x1_0": shufflenet_v2.REPEATS,
}

SMALLEST_EXPANSION = 8


def create(network: str, **values: float | str) -> Model:
    """The network of a design, with seeded random weights; knobs that are not given are the paper's."""
    return models.create(network, **arguments(network, {**paper_values(network), **values}))


def arguments(network: str, values: Values) -> dict[str, Any]:
    """The knobs of a network for a design."""
    return {"width": values["width"], "resolution": int(values["resolution"]), **_CHANGED[network](values)}


def times_depth(repeats: int, depth: float) -> int:
    """Blocks of a stage; a half is rounded to even, as Python rounds."""
    return max(1, round(repeats * depth))


def _v1(values: Values) -> dict[str, Any]:
    return {"table": [(c, times_depth(n, float(values["depth"])), s) for c, n, s in mobilenet_v1.TABLE]}


def _v2(values: Values) -> dict[str, Any]:
    depth = float(values["depth"])
    table = [(t, c, times_depth(n, depth), s) for t, c, n, s in mobilenet_v2.IMAGENET_TABLE]
    return {"table": table, "expand": values["expansion"]}


def _v3(values: Values) -> dict[str, Any]:
    return {"table": list(_v3_rows(float(values["depth"]), float(values["expansion"]), str(values["attention"])))}


def _v3_rows(depth: float, expansion: float, attention: str) -> Iterator[tuple[Any, ...]]:
    """A stage, rows of as many channels, is cut at its end, or its last row is repeated."""
    for _, group in groupby(mobilenet_v3.LARGE, key=lambda row: row[2]):
        stage = list(group)
        for i in range(times_depth(len(stage), depth)):
            kernel, hidden, channels, squeeze, activation, stride = stage[min(i, len(stage) - 1)]
            if hidden != channels:  # the first block does not expand
                hidden = max(SMALLEST_EXPANSION, round(hidden * expansion))
            squeeze = {"none": False, "all": True}.get(attention, squeeze)
            yield kernel, hidden, channels, squeeze, activation, stride if i < len(stage) else 1


def _igcv3(values: Values) -> dict[str, Any]:
    depth, expansion = float(values["depth"]), int(values["expansion"])
    table = [(t if t == 1 else expansion, c, times_depth(n, depth), s) for t, c, n, s in igcv3.TABLE]
    return {"table": table, "groups": values["groups"]}


def _shuffle_v1(values: Values) -> dict[str, Any]:
    return {**_repeats(shufflenet_v1.REPEATS, values), "groups": values["groups"]}


def _shuffle_v2(values: Values) -> dict[str, Any]:
    return _repeats(shufflenet_v2.REPEATS, values)


def _repeats(repeats: Sequence[int], values: Values) -> dict[str, Any]:
    return {"repeats": tuple(times_depth(n, float(values["depth"])) for n in repeats)}


_CHANGED: dict[str, Callable[[Values], dict[str, Any]]] = {
    "mobilenet_v1": _v1,
    "mobilenet_v2": _v2,
    "mobilenet_v3_large": _v3,
    "igcv3_d_1x": _igcv3,
    "shufflenet_v1_g3_x1_0": _shuffle_v1,
    "shufflenet_v2_x1_0": _shuffle_v2,
}
