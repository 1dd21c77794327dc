"""Benchmarks of networks in 8 bits: every engine on the same quantised file, and beside it on the file of floats."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tinyinfer.bench.by_network import Progress, check_peers, counts_of, settings
from tinyinfer.bench.calibrate import calibrate
from tinyinfer.bench.engines import Subject
from tinyinfer.bench.measure import check_agreement, interleaved
from tinyinfer.bench.networks import Network, make_inputs, named
from tinyinfer.bench.peers import FROM_ONNX
from tinyinfer.bench.precision_report import FLOAT32, INT8, PrecisionReport
from tinyinfer.bench.report import OURS, BenchReport, Measured, Setting, make_rows
from tinyinfer.bench.starting import start
from tinyinfer.errors import InputError
from tinyinfer.formats.onnx.exporting.export import export_onnx, fix_inputs
from tinyinfer.graph import Shape
from tinyinfer.model import Model
from tinyinfer.passes.portable.quantize import quantize
from tinyinfer.profiling.roofline import machine_peak, measure_microkernel
from tinyinfer.quantization import calibrate as observe
from tinyinfer.runtime.inputs import random_inputs

CALIBRATION_IMAGES = 8
UNREAD = ("torch",)  # peers that take no file, and so no quantised one


def bench_int8(
    networks: Network | Iterable[Network],
    against: Sequence[str] = ("onnxruntime",),
    threads: Sequence[int] = (1,),
    batch: Sequence[int] = (1,),
    rounds: int = 15,
    input_shape: Shape | None = None,
    progress: Progress = None,
) -> PrecisionReport:
    """Time networks of 8-bit codes and of floats side by side with other engines, all in one interleaved run.

    Each network is quantised once, on random images; what peers get is its export, of the same codes and scales.
    Arguments as in `bench`.  A peer that can't run both is left out.  Raises what that does, InputError for a peer that
    takes no quantised file and for a network that is quantised already.
    """
    peers = check_peers(against, rounds)
    for name in peers:
        if name in UNREAD:
            raise InputError(f"engine {name!r} takes no quantised file; there are: {', '.join(FROM_ONNX)}")
    peaks, microkernel = {count: machine_peak(count, codes=True) for count in threads}, measure_microkernel()
    report = PrecisionReport(BenchReport([], peaks, microkernel), BenchReport([], peaks, microkernel))
    for name, model in named(networks):
        plain = calibrate(model)
        codes = quantized(plain, input_shape)
        for setting, inputs in settings(name, plain, batch, threads, input_shape):
            if progress is not None:
                progress(str(setting))
            _measure(report, setting, {INT8: codes, FLOAT32: plain}, inputs, peers, rounds)
    return report


def quantized(model: Model, input_shape: Shape | None = None) -> Model:
    """The model in 8 bits, its ranges from a few random images."""
    shapes = {name: array.shape for name, array in make_inputs(model.graph, 1, input_shape).items()}
    samples = (random_inputs(model.graph, shapes, seed=seed) for seed in range(CALIBRATION_IMAGES))
    return Model(quantize(model.graph, observe(model, samples)), model.meta)


def _measure(
    report: PrecisionReport,
    setting: Setting,
    models: Mapping[str, Model],
    inputs: Mapping[str, np.ndarray],
    peers: Sequence[str],
    rounds: int,
) -> None:
    """Add the rows of one setting, from one interleaved run of all engines on all models."""
    shapes = {name: array.shape for name, array in inputs.items()}
    ours = {kind: Model(model.graph, model.meta, setting.threads) for kind, model in models.items()}
    with tempfile.TemporaryDirectory() as folder:
        subjects = {}
        for kind, model in ours.items():
            file = Path(folder) / f"{kind}.onnx"
            if peers:
                export_onnx(fix_inputs(model.graph, shapes), file)
            subjects[kind] = Subject(model, file, inputs, setting.threads)
        started = start(subjects, peers)
    outputs = started.outputs
    truth = outputs[(*started.peers, OURS)[0]][FLOAT32]
    check_agreement({name: found[FLOAT32] for name, found in outputs.items()}, truth, str(setting))
    runs = {(name, kind): run for name, own in started.runs.items() for kind, run in own.items()}
    times, peak = interleaved(runs, rounds), machine_peak(setting.threads, codes=True)
    peaks = {INT8: peak.of_codes, FLOAT32: peak}
    for kind, part in ((INT8, report.int8), (FLOAT32, report.float32)):
        noise = {name: noise_of(found[kind], truth) for name, found in outputs.items()}
        seconds = {name: times[name, kind] for name in outputs}
        rows = make_rows(setting, counts_of(ours[kind], shapes), peaks[kind], seconds, noise)
        part.add(Measured(rows, started.notes(str(setting)) if kind == INT8 else []))


def noise_of(found: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> float:
    """Root of the mean square of what outputs differ by, over their own: 0.1 is a signal-to-noise ratio of 20 dB."""
    wrong = sum(float(np.sum((a.astype(np.float64) - b) ** 2)) for a, b in zip(found, truth, strict=True))
    return float(np.sqrt(wrong / sum(float(np.sum(b.astype(np.float64) ** 2)) for b in truth)))
