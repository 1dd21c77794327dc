"""A network before and after it was changed: what it takes, and whether it still says the same."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tinyinfer.evaluation.accuracy import Progress, evaluate
from tinyinfer.evaluation.datasets import Dataset
from tinyinfer.evaluation.noise import decibels, decibels_text
from tinyinfer.graph import Graph
from tinyinfer.profiling.cost import cost
from tinyinfer.reporting.report import Report
from tinyinfer.reporting.tables import By, Column, Table, millions
from tinyinfer.runtime.inputs import check_inputs, random_inputs
from tinyinfer.runtime.runnable import Runnable

ROUNDS, SECONDS = 15, 2.0  # at most, of the timed runs of both together


@dataclass(frozen=True)
class Figures:
    """One form of a network: ``bytes`` of its weights, parameters, mult-adds, median time of a call, accuracy."""

    bytes: int
    params: int
    macs: int
    ms: float
    top1: float | None


@dataclass(frozen=True)
class Agreement:
    """On ``samples`` inputs: the share with the same largest output, and the outputs' signal-to-noise in dB.

    ``top1`` is None where outputs are not rows of logits; ``sqnr`` None where there is no difference.
    """

    samples: int
    top1: float | None
    sqnr: float | None


@dataclass(frozen=True, repr=False)
class BeforeAfter(Report):
    """Both forms side by side."""

    name: str
    before: Figures
    after: Figures
    agreement: Agreement

    def records(self, by: By = "node") -> list[dict[str, Any]]:
        return [{"form": form, **asdict(getattr(self, form))} for form in ("before", "after")]

    def to_dict(self) -> dict[str, Any]:
        """All figures, for JSON."""
        return asdict(self)

    def table(self, by: By = "node") -> Table:
        lines = [
            ("size, MB", f"{self.before.bytes / 1e6:.2f}", f"{self.after.bytes / 1e6:.2f}"),
            ("parameters, M", millions(self.before.params), millions(self.after.params)),
            ("mult-adds, M", millions(self.before.macs), millions(self.after.macs)),
            ("time, ms", f"{self.before.ms:.2f}", f"{self.after.ms:.2f}"),
        ]
        if self.before.top1 is not None and self.after.top1 is not None:
            lines.append(("top-1", f"{self.before.top1:.2%}", f"{self.after.top1:.2%}"))
        found = self.agreement
        same = "" if found.top1 is None else f"same top-1 on {found.top1:.1%} of "
        noise = "the same numbers" if found.sqnr is None else f"signal-to-noise {decibels_text(found.sqnr)} dB"
        return Table(
            self.name,
            [
                Column("", [line[0] for line in lines], right=False),
                Column("before", [line[1] for line in lines]),
                Column("after", [line[2] for line in lines]),
            ],
            (f"agreement: {same}{found.samples} inputs, {noise}",),
        )


def before_after(
    before: Runnable,
    after: Runnable,
    samples: Iterable[np.ndarray] | None = None,
    dataset: Dataset | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> BeforeAfter:
    """Compare two forms of a network on samples (None: one of random numbers), and on a data set where there is one.

    Raises InputError for samples that do not fit, and what `evaluate` raises.
    """
    first = before.graph.inputs[0].name
    inputs = [random_inputs(before.graph, before.graph.input_shapes())] if samples is None else [
        {first: sample} for sample in samples
    ]  # fmt: skip
    times = _times(before, after)
    accuracies: list[float | None] = [None, None]
    if dataset is not None:
        batch = before.graph.inputs[0].shape[0]
        accuracies = [
            evaluate(model, dataset, fixed_batch=batch, limit=limit, progress=progress).top1
            for model in (before, after)
        ]
    figures = [_figures(m.graph, ms, top1) for m, ms, top1 in zip((before, after), times, accuracies, strict=True)]
    return BeforeAfter(before.name, figures[0], figures[1], _agreement(before, after, inputs))


def _figures(graph: Graph, ms: float, top1: float | None) -> Figures:
    counted = cost(graph)
    weights = graph.weights
    size = sum(int(np.prod(weights.shape(key))) * weights.dtype(key).itemsize for key in weights)
    return Figures(size, counted.params, counted.macs, ms, top1)


def _times(*models: Runnable) -> list[float]:
    """Median milliseconds of a call at nominal size, the models taking turns."""
    inputs = [random_inputs(model.graph, model.graph.input_shapes()) for model in models]
    for model, x in zip(models, inputs, strict=True):
        model.run(x)
    times: list[list[float]] = [[] for _ in models]
    start = time.perf_counter()
    while len(times[0]) < ROUNDS and (not times[0] or time.perf_counter() - start < SECONDS):
        for model, x, found in zip(models, inputs, times, strict=True):
            begun = time.perf_counter()
            model.run(x)
            found.append(time.perf_counter() - begun)
    return [float(np.median(found)) * 1e3 for found in times]


def _agreement(before: Runnable, after: Runnable, inputs: Sequence[dict[str, np.ndarray]]) -> Agreement:
    truth, found, same, rows = [], [], 0, 0
    for given in inputs:
        arrays = check_inputs(before.graph, given)
        a, b = (list(model.run(arrays).values()) for model in (before, after))
        truth += a
        found += b
        if a[0].ndim == 2:
            rows += len(a[0])
            same += int((a[0].argmax(axis=1) == b[0].argmax(axis=1)).sum())
    count = sum(len(next(iter(given.values()))) for given in inputs)
    return Agreement(count, same / rows if rows else None, decibels(truth, found))
