"""Benchmarks of whole networks: every engine on every combination of network, images a call and threads."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from tinyinfer.bench import engines
from tinyinfer.bench.calibrate import calibrate
from tinyinfer.bench.engines import Subject
from tinyinfer.bench.measure import check_agreement, interleaved
from tinyinfer.bench.networks import Network, make_inputs, named
from tinyinfer.bench.peers import FROM_ONNX
from tinyinfer.bench.report import BenchReport, Counts, Measured, Setting, make_rows
from tinyinfer.bench.starting import start
from tinyinfer.errors import InputError
from tinyinfer.formats.onnx.exporting.export import export_onnx, fix_inputs
from tinyinfer.graph import Shape
from tinyinfer.model import Model
from tinyinfer.profiling.cost import cost, node_cost
from tinyinfer.profiling.roofline import machine_peak, measure_microkernel

Progress = Callable[[str], None] | None


def bench(
    networks: Network | Iterable[Network],
    against: Sequence[str] = ("onnxruntime",),
    threads: Sequence[int] = (1,),
    batch: Sequence[int] = (1,),
    rounds: int = 15,
    input_shape: Shape | None = None,
    progress: Progress = None,
) -> BenchReport:
    """Time networks (models, or what `tinyinfer.load` takes) side by side with other engines.

    ``against`` names peers: keys of `engines.ENGINES`.  Every combination of network, ``batch`` and ``threads``
    is one interleaved run of ``rounds`` rounds, on random inputs of the network's nominal size or of
    ``input_shape`` (whose batch is replaced).  ``progress`` is told what comes next.  Networks that were never
    trained are calibrated first (`calibrate`).

    A peer that can't run a network is left out there, and the report says so.  Raises InputError for an unknown or
    missing engine and for sizes that do not fit, UnsupportedOpError when a network can't be exported, TinyInferError
    when outputs disagree.
    """
    peers = check_peers(against, rounds)
    report = BenchReport([], {count: machine_peak(count) for count in threads}, measure_microkernel())
    for name, model in named(networks):
        model = calibrate(model)
        for setting, inputs in settings(name, model, batch, threads, input_shape):
            report.add(bench_setting(setting, model, inputs, peers, rounds, progress))
    return report


def check_peers(against: Sequence[str], rounds: int) -> tuple[str, ...]:
    """The peers, each once; raises InputError for one that is unknown or missing, and for no rounds."""
    peers = tuple(name for name in dict.fromkeys(against) if name != "tinyinfer")
    engines.check(peers)
    if rounds < 1:
        raise InputError(f"rounds: expected at least 1, found {rounds}")
    return peers


def settings(
    name: str, model: Model, batch: Sequence[int], threads: Sequence[int], input_shape: Shape | None
) -> Iterator[tuple[Setting, dict[str, np.ndarray]]]:
    """Every combination of images a call and threads, and its random inputs."""
    for images in batch:
        inputs = make_inputs(model.graph, images, input_shape)
        for count in threads:
            yield Setting(name, images, count), inputs


def bench_setting(
    setting: Setting,
    model: Model,
    inputs: Mapping[str, np.ndarray],
    peers: Sequence[str],
    rounds: int,
    progress: Progress = None,
    rest: float = 0,
) -> Measured:
    """Rows from one interleaved run; ``rest`` is the seconds of sleep before each timed call."""
    if progress is not None:
        progress(str(setting))
    shapes = {name: array.shape for name, array in inputs.items()}
    ours = Model(model.graph, model.meta, setting.threads, model.options.kernels)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        if not set(peers).isdisjoint(FROM_ONNX):
            export_onnx(fix_inputs(model.graph, shapes), file)
        subject = Subject(ours, file, inputs, setting.threads)
        started = start({"": subject}, peers)
    outputs = {name: found[""] for name, found in started.outputs.items()}
    truth = outputs[started.peers[0]] if started.peers else engines.reference(subject)()
    errors = check_agreement(outputs, truth, str(setting))
    times = interleaved({name: run[""] for name, run in started.runs.items()}, rounds, rest=rest)
    rows = make_rows(setting, counts_of(ours, shapes), machine_peak(setting.threads), times, errors)
    return Measured(rows, started.notes(str(setting)))


def counts_of(model: Model, shapes: Mapping[str, Shape]) -> Counts:
    """What a call on inputs of these shapes takes: of its plan the steps alone, with their weights, borders apart."""
    plan = model.plan(shapes)
    steps = [step for step in plan.steps if step.node.op.name not in ("input", "output")]
    costs = [node_cost(s.node, s.input_types, plan.graph.param_types(s.node), s.output_types) for s in steps]
    return Counts(shapes, cost(model.graph, shapes).macs, sum(found.bytes for found in costs))
