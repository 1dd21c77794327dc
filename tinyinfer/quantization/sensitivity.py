"""Which nodes of a network mind being quantised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tinyinfer.calibration import Calibration
from tinyinfer.evaluation.noise import decibels, decibels_text
from tinyinfer.graph import Graph, TensorType
from tinyinfer.model import Model
from tinyinfer.passes.portable.quantize.convert import convert
from tinyinfer.passes.portable.quantize.prepare import prepare
from tinyinfer.passes.portable.quantize.quantize import ranges
from tinyinfer.passes.portable.quantize.scales import assign
from tinyinfer.passes.portable.quantize.select import is_movement, select
from tinyinfer.quantization.calibrate import Observer, Sample
from tinyinfer.quantization.post_training import Settings
from tinyinfer.reporting.report import Report
from tinyinfer.reporting.tables import By, Column, Table

Arrays = Mapping[str, np.ndarray]
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


@dataclass(frozen=True)
class Sensitivity(Report):
    """The nodes of a network, the one that costs most first; ``whole`` is with all of them quantised, in dB."""

    rows: tuple[SensitivityRow, ...]
    whole: float | None
    samples: int

    def records(self, by: By = "node") -> list[dict[str, Any]]:
        return [row.to_dict() for row in self.rows]

    def to_dict(self) -> dict[str, Any]:
        """Rows and what they are of, for JSON."""
        return {"whole": self.whole, "samples": self.samples, "rows": self.records()}

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
                "--keep NODE leaves a node as it is",
            ),
        )  # fmt: skip


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
    watched = [node.outputs[0] for node in nodes]
    given = list(samples)
    truth = _run(model, graph, [*dict.fromkeys([*watched, *graph.outputs])], given)
    whole = convert(graph, selection.nodes, quants, settings.per_tensor)
    found = _run(model, whole, [*dict.fromkeys([*watched, *graph.outputs])], given)
    rows = []
    for done, node in enumerate(nodes, 1):
        alone = convert(graph, frozenset([node.name]), quants, settings.per_tensor)
        outputs = _run(model, alone, graph.outputs, given)
        own = _noise([node.outputs[0]], truth, found)
        rows.append(SensitivityRow(node.name, node.op.name, own, _noise(graph.outputs, truth, outputs)))
        if progress:
            progress(done, len(nodes))
    rows.sort(key=lambda row: np.inf if row.alone is None else row.alone)
    count = sum(len(next(iter(arrays.values()))) for arrays in truth)
    return Sensitivity(tuple(rows), _noise(graph.outputs, truth, found), count)


def _noise(values: Sequence[str], truth: Sequence[Arrays], found: Sequence[Arrays]) -> float | None:
    """Of these values together, over all samples."""
    exact = (arrays[value] for arrays in truth for value in values)
    return decibels(exact, (arrays[value] for arrays in found for value in values))


def _run(model: Model, graph: Graph, values: Sequence[str], samples: Iterable[Sample]) -> list[dict[str, np.ndarray]]:
    """Values of a graph by name as real numbers, for each sample."""
    observe, types = Observer(model, graph, values), graph.infer_types()
    return [{name: _real(array, types[name]) for name, array in observe(sample).items()} for sample in samples]


def _real(array: np.ndarray, t: TensorType) -> np.ndarray:
    """What codes stand for; other numbers as they are."""
    if t.quant is None:
        return array
    return (array.astype(np.float32) - t.quant.zero_point[0]) * np.float32(t.quant.scale[0])
