"""How far the values inside a quantised network are from those of the network that it was made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from tinyinfer.changed_model import like
from tinyinfer.evaluation.noise import SignalToNoise
from tinyinfer.graph import Quant
from tinyinfer.model import Model
from tinyinfer.passes.portable.quantize.prepare import prepare
from tinyinfer.passes.portable.quantize.select import is_movement
from tinyinfer.quantization.calibrate import Observer, Sample


def own_noise(model: Model, quantized: Model, samples: Iterable[Sample]) -> dict[str, float]:
    """Signal-to-quantisation-noise of the nodes that both have, in dB, by name; without those that have no noise.

    ``quantized`` is what `quantize_model` has made of ``model``.  Where that has made channels alike before, values of
    the two can't be compared, and there are none.
    """
    settings = quantized.meta.get("quantization")
    if not isinstance(settings, Mapping) or settings.get("equalize"):
        return {}
    graph, other = prepare(model.graph), quantized.graph
    types = other.infer_types()
    nodes = [n for n in graph.topological_order() if n.inputs and n.outputs[0] in types and not is_movement(n)]
    values = [node.outputs[0] for node in nodes]
    if not values:
        return {}
    exact, rounded = Observer(like(model, graph), graph, values), Observer(quantized, other, values)
    noise = {value: SignalToNoise() for value in values}
    for sample in samples:
        truth, found = exact(sample), rounded(sample)
        for value in values:
            noise[value].add(truth[value], real_numbers(found[value], types[value].quant))
    found_noise = {node.name: noise[node.outputs[0]].decibels for node in nodes}
    return {name: decibels for name, decibels in found_noise.items() if decibels is not None}


def real_numbers(array: np.ndarray, quant: Quant | None) -> np.ndarray:
    """What codes stand for; real numbers as they are."""
    if array.dtype == np.float32 or quant is None:
        return array
    return (array.astype(np.float32) - quant.zero_point[0]) * np.float32(quant.scale[0])
