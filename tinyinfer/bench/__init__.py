"""Benchmarks against other engines: the same network, weights and inputs, measured in one run.

Engines take turns round by round, so that what slows the machine down slows all of them; their outputs are
compared before anything is timed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from tinyinfer.bench import engines
from tinyinfer.bench.by_layer import bench_layers
from tinyinfer.bench.engines import Run, Subject
from tinyinfer.bench.layer_report import LayerReport
from tinyinfer.bench.measure import check_agreement, interleaved
from tinyinfer.bench.networks import Network, make_inputs, named
from tinyinfer.bench.report import BenchReport, BenchRow, Setting, make_rows
from tinyinfer.errors import InputError
from tinyinfer.formats.onnx_export import export_onnx, fix_inputs
from tinyinfer.graph import Shape
from tinyinfer.model import Model
from tinyinfer.profiling.cost import cost
from tinyinfer.profiling.roofline import machine_peak, microkernel_share

__all__ = ["BenchReport", "BenchRow", "LayerReport", "bench", "bench_layers", "make_inputs"]


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
    models = named(networks)
    report = BenchReport([], {count: machine_peak(count).gmacs for count in threads}, microkernel_share())
    for name, model in models:
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
