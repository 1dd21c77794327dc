"""Benchmarks against other engines: the same network, weights and inputs, measured in one run.

Engines take turns round by round, so that what slows the machine down slows all of them; their outputs are
compared before anything is timed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from tinyinfer.bench import engines
from tinyinfer.bench.engines import Run, Subject
from tinyinfer.bench.measure import check_agreement, interleaved
from tinyinfer.bench.report import BenchReport, BenchRow, Setting, make_rows
from tinyinfer.errors import GraphError, InputError
from tinyinfer.formats.onnx_export import export_onnx, fix_inputs
from tinyinfer.graph import Graph, Shape
from tinyinfer.loading import load
from tinyinfer.model import Model
from tinyinfer.profiling.cost import cost
from tinyinfer.profiling.roofline import machine_peak, microkernel_share
from tinyinfer.runtime.inputs import random_inputs

__all__ = ["BenchReport", "BenchRow", "bench"]

Network = str | os.PathLike[str] | Model


def bench(
    networks: Network | Iterable[Network],
    against: Sequence[str] = ("onnxruntime",),
    threads: Sequence[int] = (1,),
    batch: Sequence[int] = (1,),
    rounds: int = 15,
    input_shape: Shape | None = None,
    progress: Callable[[str], None] | None = None,
) -> BenchReport:
    """Time networks (models, or what `tinyinfer.load` takes) side by side with other engines.

    ``against`` names peers: keys of `engines.ENGINES`.  Every combination of network, ``batch`` and ``threads``
    is one interleaved run of ``rounds`` rounds, on random inputs of the network's nominal size or of
    ``input_shape`` (whose batch is replaced).  ``progress`` is told what comes next.

    Raises InputError for an unknown or missing engine and for sizes that do not fit, UnsupportedOpError when a
    network can't be given to a peer, TinyInferError when outputs disagree.
    """
    peers = tuple(name for name in dict.fromkeys(against) if name != "tinyinfer")
    engines.check(peers)
    if rounds < 1:
        raise InputError(f"rounds: expected at least 1, found {rounds}")
    many = [networks] if isinstance(networks, (str, os.PathLike, Model)) else list(networks)
    named = [_named(network) for network in many]
    report = BenchReport([], {count: machine_peak(count).gmacs for count in threads}, microkernel_share())
    for name, model in named:
        for images in batch:
            inputs = make_inputs(model.graph, images, input_shape)
            for count in threads:
                setting = Setting(name, images, count, report.peaks[count])
                if progress is not None:
                    progress(str(setting))
                report.rows += _bench_one(setting, model, inputs, peers, rounds)
    return report


def _bench_one(
    setting: Setting, model: Model, inputs: dict[str, np.ndarray], peers: Sequence[str], rounds: int
) -> list[BenchRow]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        shapes = {name: array.shape for name, array in inputs.items()}
        if peers:
            export_onnx(fix_inputs(model.graph, shapes), file)
        subject = Subject(model, file, inputs, setting.threads)
        runs: dict[str, Run] = {name: engines.ENGINES[name](subject) for name in ("tinyinfer", *peers)}
    outputs = {name: [array.copy() for array in run()] for name, run in runs.items()}
    truth = outputs[peers[0]] if peers else engines.textbook(subject)()
    errors = check_agreement(outputs, truth, str(setting))
    seconds = interleaved(runs, rounds)
    return make_rows(setting, shapes, cost(model.graph, shapes).macs, seconds, errors)


def make_inputs(graph: Graph, batch: int, input_shape: Shape | None = None) -> dict[str, np.ndarray]:
    """Normally distributed inputs for ``batch`` images; raises InputError if the network takes no such shape."""
    shapes = {i.name: (batch, *(i.nominal if input_shape is None else input_shape)[1:]) for i in graph.inputs}
    try:
        graph.infer_types(shapes)
    except GraphError as error:
        raise InputError(f"batch {batch}: {error}") from None
    return random_inputs(shapes)


def _named(network: Network) -> tuple[str, Model]:
    if isinstance(network, Model):
        return network.name, network
    return Path(network).name, load(network)
