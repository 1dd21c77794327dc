"""Benchmarks of layers: every distinct one of some networks, every kernel that can compute it, as inside a network."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np

from tinyinfer.bench.cold import Surroundings, cold_times
from tinyinfer.bench.layer_report import LayerReport, LayerRow, make_row
from tinyinfer.bench.layers import Layer, layers_of
from tinyinfer.bench.measure import check_agreement
from tinyinfer.bench.networks import Network, make_inputs, named
from tinyinfer.errors import InputError
from tinyinfer.graph import Shape
from tinyinfer.model import Model
from tinyinfer.profiling.roofline import machine_peak
from tinyinfer.profiling.tables import shape_text
from tinyinfer.runtime.threads import guard


def bench_layers(
    networks: Network | Iterable[Network],
    threads: Sequence[int] = (1,),
    batch: int = 1,
    rounds: int = 15,
    input_shape: Shape | None = None,
    progress: Callable[[str], None] | None = None,
) -> LayerReport:
    """Time every distinct layer of networks (models, or what `tinyinfer.load` takes) with every kernel that applies.

    Layers are those of the networks' plans for ``batch`` images of nominal size or of ``input_shape``: norms folded,
    blocks fused, kernels chosen.  Before each call other memory is moved and the layer's input written anew, so that
    weights come from as far away as they do inside a network.  ``progress`` is told what comes next.

    Raises InputError for sizes that do not fit, TinyInferError when kernels disagree.
    """
    if rounds < 1:
        raise InputError(f"rounds: expected at least 1, found {rounds}")
    report: list[LayerRow] = []
    models = named(networks)
    for count in threads:
        around, rows = Surroundings(count), dict[Hashable, LayerRow]()
        for name, model in models:
            if progress is not None:
                progress(f"layers of {name}, batch {batch}, threads {count}")
            ours = Model(model.graph, model.meta, count, model.options.kernels)
            for key, layer in layers_of(name, ours, make_inputs(model.graph, batch, input_shape)).items():
                if key in rows:
                    rows[key].uses.update(layer.uses)
                else:
                    rows[key] = _bench_layer(layer, around, rounds, count)
        report += rows.values()
    return LayerReport(report, {count: machine_peak(count) for count in threads})


def _bench_layer(layer: Layer, around: Surroundings, rounds: int, threads: int) -> LayerRow:
    inputs = layer.inputs()
    bound = {kernel.name: layer.bind(kernel, inputs) for kernel in layer.candidates()}
    with guard(threads):
        outputs: dict[str, list[np.ndarray]] = {}
        for name, (call, look) in bound.items():
            call()
            outputs[name] = look()
        truth = next(iter(outputs.values()))
        check_agreement(outputs, truth, f"{layer.problem.op.name} on {shape_text(layer.problem.inputs[0])}")
        seconds = cold_times({name: call for name, (call, _) in bound.items()}, inputs, around, rounds)
    return make_row(layer, machine_peak(threads), seconds)
