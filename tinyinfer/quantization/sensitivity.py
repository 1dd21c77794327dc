"""Which nodes of a network mind being quantised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tinyinfer.calibration import Calibration
from tinyinfer.evaluation.noise import SignalToNoise, decibels_text
from tinyinfer.model import Model
from tinyinfer.passes.portable.quantize.convert import convert
from tinyinfer.passes.portable.quantize.prepare import prepare
from tinyinfer.passes.portable.quantize.quantize import ranges
from tinyinfer.passes.portable.quantize.scales import assign
from tinyinfer.passes.portable.quantize.select import is_movement, select
from tinyinfer.quantization.calibrate import Observer, Sample
from tinyinfer.quantization.noise import real_numbers
from tinyinfer.quantization.settings import Settings
from tinyinfer.reporting.report import Report
from tinyinfer.reporting.tables import By, Column, Table

SENSITIVITY_PICTURES = 8  # as many networks run on them as there are nodes

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SensitivityRow:
    """A node's signal-to-quantisation-noise, in dB; None where there is no noise at all.

    ``own`` is that of the node's output in the quantised network, ``alone`` that of the network's output when this node
    is the only one that is quantised.
    """

    name: str
    op: str
    own: float | None
    alone: float | None

    def to_dict(self) -> dict[str, Any]:
        """All fields, for JSON."""
        return asdict(self)


@dataclass(frozen=True, repr=False)
class Sensitivity(Report):
    """The nodes of a network, the one that costs most first; ``whole`` is with all of them quantised, in dB.

    Those that alone leave less than ``threshold`` dB are to stay real numbers.
    """

    rows: tuple[SensitivityRow, ...]
    whole: float | None
    samples: int
    threshold: float | None = None

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the nodes that the threshold keeps in real numbers."""
        least = -np.inf if self.threshold is None else self.threshold
        return tuple(row.name for row in self.rows if row.alone is not None and row.alone < least)

    def records(self, by: By = "node") -> list[dict[str, Any]]:
        return [row.to_dict() for row in self.rows]

    def to_dict(self) -> dict[str, Any]:
        """Rows and what they are of, for JSON."""
        kept = {} if self.threshold is None else {"threshold": self.threshold, "kept": list(self.kept)}
        return {"whole": self.whole, "samples": self.samples, **kept, "rows": self.records()}

    def table(self, by: By = "node") -> Table:
        return Table(
            "Signal-to-quantisation-noise",
            [
                Column("node", [row.name for row in self.rows], f"{len(self.rows)} nodes", right=False),
                Column("operator", [row.op for row in self.rows], right=False),
                Column("its own, dB", [decibels_text(row.own) for row in self.rows]),
                Column(
                    "output, this alone, dB", [decibels_text(row.alone) for row in self.rows],
                    decibels_text(self.whole),
                ),
            ],
            (
                f"on {self.samples} samples; below: the output's with all nodes quantised",
                self.keeping() or "--keep NODE leaves a node as it is",
            ),
        )  # fmt: skip

    def keeping(self) -> str:
        """What the threshold keeps, in a sentence; nothing without one."""
        if self.threshold is None:
            return ""
        less = f"with which alone the output has less than {self.threshold:g} dB"
        return f"nodes that stay float32, {less}: {', '.join(self.kept) or 'none'}"


def sensitivity(
    model: Model,
    calibration: Calibration,
    samples: Iterable[Sample],
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Sensitivity:
    """Signal-to-quantisation-noise by node, without bias correction; ``calibration`` is of this model.

    The network runs once for each node on all samples: a few are enough.  Nodes that only move values add no noise and
    are left out.  ``progress(nodes, of)`` is called after each.  Raises InputError.
    """
    settings = settings or Settings()
    graph = prepare(model.graph)
    types = graph.infer_types()
    selection = select(graph, types, settings.keep)
    quants = assign(graph, selection, ranges(graph, calibration, settings.method))
    nodes = [n for n in graph.topological_order() if n.name in selection.nodes and not is_movement(n)]
    values = [*dict.fromkeys([*(node.outputs[0] for node in nodes), *graph.outputs])]
    given, truths, count = list(samples), [], 0
    exact = Observer(model, graph, values)
    rounded = Observer(model, convert(graph, selection.nodes, quants, settings.per_tensor), values)
    own, whole = {value: SignalToNoise() for value in values}, SignalToNoise()
    for sample in given:
        truth, found = exact(sample), rounded(sample)
        for value in values:
            own[value].add(truth[value], real_numbers(found[value], quants.get(value)))
        truths.append([truth[value] for value in graph.outputs])
        _add_all(whole, truths[-1], found, graph.outputs)
        count += len(truths[-1][0])
    rows = []
    for done, node in enumerate(nodes, 1):
        alone = SignalToNoise()
        observe = Observer(model, convert(graph, frozenset([node.name]), quants, settings.per_tensor), graph.outputs)
        for sample, outputs in zip(given, truths, strict=True):
            _add_all(alone, outputs, observe(sample), graph.outputs)
        rows.append(SensitivityRow(node.name, node.op.name, own[node.outputs[0]].decibels, alone.decibels))
        if progress:
            progress(done, len(nodes))
    rows.sort(key=lambda row: np.inf if row.alone is None else row.alone)
    return Sensitivity(tuple(rows), whole.decibels, count, settings.keep_sensitive)


def _add_all(
    ratio: SignalToNoise, truth: Sequence[np.ndarray], found: Mapping[str, np.ndarray], names: Sequence[str]
) -> None:
    for exact, name in zip(truth, names, strict=True):
        ratio.add(exact, found[name])
