"""Networks whose accuracy on ImageNet is published, with what they cost: what a design stands beside."""

from __future__ import annotations

from typing import Any

from tinyinfer import models
from tinyinfer.profiling.cost import cost
from tinyinfer.published.registry import Entry, entries
from tinyinfer.tasks import CLASSIFY

# top-1 in the papers, of families without public checkpoints here: MobileNet V1, tables 6 and 7; ShuffleNet, table 2
# and section 4.2; IGCV3, table 5
PAPERS: tuple[tuple[str, dict[str, float], float], ...] = (
    ("mobilenet_v1", {}, 70.6),
    ("mobilenet_v1", {"width": 0.75}, 68.4),
    ("mobilenet_v1", {"width": 0.5}, 63.7),
    ("mobilenet_v1", {"width": 0.25}, 50.6),
    ("mobilenet_v1", {"resolution": 192}, 69.1),
    ("mobilenet_v1", {"resolution": 160}, 67.2),
    ("mobilenet_v1", {"resolution": 128}, 64.4),
    ("shufflenet_v1_g3_x1_0", {}, 67.4),
    ("shufflenet_v1_g3_x0_5", {}, 56.8),
    ("shufflenet_v1_g3_x0_25", {}, 45.0),
    ("shufflenet_v1_g3_x1_5", {}, 71.5),
    ("shufflenet_v1_g3_x2_0", {}, 73.7),
    ("igcv3_d_0.7x", {}, 68.45),
    ("igcv3_d_1x", {}, 72.2),
    ("igcv3_d_1.4x", {}, 74.55),
)

MOST_MACS = 1.5e9  # beyond that a dot would be far from every design


def published() -> list[dict[str, Any]]:
    """Name, family, parameters, mult-adds and top-1 in per cent, the cheapest first.

    Of several checkpoints of one network at one cost the best stands for all.
    """
    best: dict[tuple[str, int], dict[str, Any]] = {}
    for entry in entries().values():
        row = _row(entry)
        if row is not None and row["macs"] <= MOST_MACS:
            key = row["network"], row["macs"]
            best[key] = max(row, best.get(key, row), key=lambda r: float(r["top1"]))
    best.update((("paper", row["macs"]), row) for row in map(_of_paper, PAPERS))
    return sorted(best.values(), key=lambda row: (row["macs"], row["network"]))


def _of_paper(row: tuple[str, dict[str, float], float]) -> dict[str, Any]:
    network, knobs, top1 = row
    family, variant = models.find(network)
    found = cost(models.build(network, **knobs))
    name = ", ".join([variant.name, *(f"{knob} {value:g}" for knob, value in knobs.items())])
    return {
        "name": name,
        "network": variant.name,
        "family": family.name,
        "params": found.params,
        "macs": found.macs,
        "top1": top1,
    }


def _row(entry: Entry) -> dict[str, Any] | None:
    if "top1" not in entry.accuracy or entry.kind != "network":
        return None
    family, variant = models.find(entry.arch or entry.name)
    if family.task != CLASSIFY or (variant.labels or family.labels) != "imagenet":
        return None
    macs, params = variant.macs, variant.params
    if macs is None or params is None or entry.knobs:
        found = cost(models.build(variant.name, **entry.knobs))
        macs, params = found.macs, found.params
    return {
        "name": entry.name,
        "network": variant.name,
        "family": family.name,
        "params": params,
        "macs": macs,
        "top1": entry.accuracy["top1"],
    }
