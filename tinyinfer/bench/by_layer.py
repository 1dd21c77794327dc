"""Benchmarks of layers: every distinct one of some networks, every kernel that can compute it, as inside a network."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

import numpy as np

from tinyinfer.bench.cold import Contest, Surroundings
from tinyinfer.bench.layer_report import LayerReport, LayerRow, make_row
from tinyinfer.bench.layers import Layer, layers_of
from tinyinfer.bench.measure import check_agreement
from tinyinfer.bench.networks import Network, make_inputs, named
from tinyinfer.errors import InputError
from tinyinfer.graph import Shape
from tinyinfer.model import Model
from tinyinfer.profiling.roofline import machine_peak
from tinyinfer.reporting.tables import shape_text
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
    blocks fused, kernels chosen.  Before each call other memory is moved and the layer's own written anew, so that
    weights come from as far away as they do inside a network.  ``progress`` is told what comes next.

    Raises InputError for sizes that do not fit, TinyInferError when kernels disagree.
    """
    if rounds < 1:
        raise InputError(f"rounds: expected at least 1, found {rounds}")
    models = named(networks)
    rows: list[LayerRow] = []
    for count in threads:
        timed: dict[Hashable, LayerRow] = {}
        for name, model in models:
            if progress is not None:
                progress(f"layers of {name}, batch {batch}, threads {count}")
            ours = Model(model.graph, model.meta, count, model.options.kernels)
            layers = layers_of(name, ours, make_inputs(model.graph, batch, input_shape))
            for key in layers.keys() & timed.keys():
                timed[key].uses.update(layers.pop(key).uses)
            timed |= _time(layers, rounds, count)
        rows += timed.values()
    return LayerReport(rows, {count: machine_peak(count) for count in threads})


def _time(layers: Mapping[Hashable, Layer], rounds: int, threads: int) -> dict[Hashable, LayerRow]:
    """A row for each layer.  All take part in every round, so that a bad moment of the machine spoils none of them."""
    around, peak = Surroundings(threads), machine_peak(threads)
    with guard(threads):
        contests = {key: _contest(layer) for key, layer in layers.items()}
        for _ in range(rounds):
            for contest in contests.values():
                contest.play(around)
    return {key: make_row(layer, peak, contests[key].seconds) for key, layer in layers.items()}


def _contest(layer: Layer) -> Contest:
    entrants = {kernel.name: layer.bind(kernel) for kernel in layer.candidates()}
    outputs: dict[str, list[np.ndarray]] = {}
    for name, entrant in entrants.items():
        entrant.call()
        outputs[name] = layer.results()
    truth = next(iter(outputs.values()))
    check_agreement(outputs, truth, f"{layer.problem.op.name} on {shape_text(layer.problem.inputs[0])}")
    return Contest(entrants)
