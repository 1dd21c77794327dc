"""Measure the layers of networks as they run in their network, and check on others what the table predicts."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tinyinfer import models
from tinyinfer.model import Model
from tinyinfer.pages.sandbox.timing.layers import Layer, layers_of
from tinyinfer.pages.sandbox.timing.predict import Measured, by_kind, nanoseconds
from tinyinfer.profiling.machine import cpu_name
from tinyinfer.profiling.profile_rows import ProfileRow
from tinyinfer.profiling.roofline import machine_peak

TRIALS = 10  # of the machine's roofs
ROUNDS = 2
REPEATS = 40  # the shortest run of a step counts: what disturbs it only makes it longer


class Network(NamedTuple):
    """A network by name and knobs."""

    name: str
    knobs: Mapping[str, Any]


class Timed(NamedTuple):
    """A network's layers with their times, and the milliseconds of all its steps, those at its ends included."""

    rows: list[Measured]
    milliseconds: float

    def shorter(self, other: Timed) -> Timed:
        """The same network timed twice: what is disturbed only takes longer."""
        pairs = zip(self.rows, other.rows, strict=True)
        rows = [Measured(a.layer, min(a.nanoseconds, b.nanoseconds)) for a, b in pairs]
        return Timed(rows, min(self.milliseconds, other.milliseconds))


def measure(
    networks: Iterable[Network], checks: Iterable[Network], tell: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """The table for the page, of one thread: machine, date, roofs, layers, and networks that it was checked on.

    ``checks`` are not in the table; their measured and predicted times stand side by side.
    """
    networks, checks = list(networks), list(checks)
    timed = _shortest([*networks, *checks], tell)
    rows: dict[Layer, float] = {}
    rests = []
    for rows_of_one, milliseconds in timed[: len(networks)]:
        rests.append(milliseconds - sum(row.nanoseconds for row in rows_of_one) / 1e6)
        for layer, found in rows_of_one:
            rows[layer] = min(found, rows.get(layer, found))
    overhead = max(0.0, float(np.median(rests)))
    table = [Measured(layer, round(found)) for layer, found in rows.items()]
    return {
        "machine": cpu_name(),
        "threads": 1,
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "roofs": highest_roofs(),
        "overhead_ms": overhead,
        "layers": [[row.layer.kind, list(row.layer.sizes), row.layer.work, row.nanoseconds] for row in table],
        "checks": [
            _check(network.name, found, table, overhead)
            for network, found in zip(checks, timed[len(networks) :], strict=True)
        ],
    }


def _shortest(networks: list[Network], tell: Callable[[str], None]) -> list[Timed]:
    """All of them, then all of them again, as what disturbs a machine comes and goes."""
    found: list[Timed] = []
    for turn in range(ROUNDS):
        for i, network in enumerate(networks):
            timed = time_layers(network)
            tell(f"{turn + 1} of {ROUNDS}, {i + 1} of {len(networks)}, {network.name}: {timed.milliseconds:.2f} ms")
            if turn == 0:
                found.append(timed)
            else:
                found[i] = found[i].shorter(timed)
    return found


def highest_roofs() -> dict[str, Any]:
    """The roofs of one thread, each the highest of some trials: what disturbs one only lowers it."""
    trials = []
    for _ in range(TRIALS):
        machine_peak.cache_clear()
        trials.append(machine_peak(1).to_dict())
    caches: dict[str, dict[str, Any]] = {}
    for found in (cache for trial in trials for cache in trial.get("caches", [])):
        other = caches.get(found["name"], found)
        caches[found["name"]] = max(found, other, key=lambda cache: float(cache["gbytes_per_s"]))
    rates = {name: max(trial[name] for trial in trials) for name in ("gmacs_per_s", "gbytes_per_s")}
    return {**rates, "caches": sorted(caches.values(), key=lambda cache: int(cache["bytes"]))}


def read_table(document: Mapping[str, Any]) -> list[Measured]:
    """The layers of what `measure` gave, after its way through JSON."""
    return [Measured(Layer(kind, tuple(sizes), work), found) for kind, sizes, work, found in document["layers"]]


def predicted_ms(layers: Iterable[Layer], table: Iterable[Measured], overhead: float) -> float:
    """Milliseconds of a network with these layers."""
    kinds = by_kind(table)
    return overhead + sum(nanoseconds(layer, kinds) for layer in layers) / 1e6


def time_layers(network: Network) -> Timed:
    """Each step of a run at its shortest, shared by its nodes as their mult-adds, else given to the last of them."""
    made = models.create(network.name, **network.knobs)
    layers = layers_of(made.graph)
    profile = Model(made.graph, made.meta, threads=1).profile(repeats=REPEATS)
    taken = dict.fromkeys(layers, 0.0)
    for row in profile.rows:
        for node, share in _shares(row, layers).items():
            taken[node] += 1e6 * row.min_ms * share
    return Timed([Measured(layer, taken[node]) for node, layer in layers.items()], sum(r.min_ms for r in profile.rows))


def _shares(row: ProfileRow, layers: Mapping[str, Layer]) -> dict[str, float]:
    nodes = [node for node in row.origin if node in layers]
    macs = {node: layers[node].work for node in nodes if layers[node].kind in WITH_MACS}
    if macs:
        return {node: work / sum(macs.values()) for node, work in macs.items()}
    return {nodes[-1]: 1.0} if nodes else {}


WITH_MACS = ("pointwise", "grouped", "depthwise", "dense", "linear")


def _check(name: str, timed: Timed, table: list[Measured], overhead: float) -> dict[str, Any]:
    predicted = predicted_ms((layer for layer, _ in timed.rows), table, overhead)
    return {"network": name, "measured_ms": round(timed.milliseconds, 3), "predicted_ms": round(predicted, 3)}
