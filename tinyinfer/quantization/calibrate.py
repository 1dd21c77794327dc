"""Run a network on pictures and count what its values are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from tinyinfer.calibration import Calibration, Histogram
from tinyinfer.changed_model import like
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.model import Model
from tinyinfer.passes.portable.quantize.prepare import prepare
from tinyinfer.passes.portable.quantize.select import select
from tinyinfer.runtime.inputs import check_inputs

Inputs = Mapping[str, np.ndarray]
Sample = np.ndarray | Inputs
Progress = Callable[[int], None]


def calibrate(model: Model, samples: Iterable[Sample], progress: Progress | None = None) -> Calibration:
    """Histograms of all values that can become 8 bits, over these inputs of a model.

    An element of ``samples`` is an array, or arrays by input name, of any batch, which is one call; ``progress`` is
    told after each how many samples of batches there were.  One call's values are in memory at a time, and a few
    kilobytes for each histogram.  Raises InputError when there are no samples, and for NaN and infinities in one or in
    what the network makes of it.
    """
    graph = prepare(model.graph)
    observer = Observer(model, graph, wanted_values(graph))
    histograms = {value: Histogram() for value in observer.wanted}
    count = 0
    for sample in samples:
        for value, array in observer(sample).items():
            try:
                histograms[value].add(array)
            except InputError as error:
                raise InputError(f"calibration: sample {count}, value {value!r}: {error}") from None
        count += len(next(iter(by_name(graph, sample).values())))
        if progress:
            progress(count)
    return Calibration(histograms, count)


def wanted_values(graph: Graph) -> list[str]:
    """The values of a prepared graph that can become codes, in the order in which they are computed."""
    chosen = select(graph, graph.infer_types()).values
    computed = [i.name for i in graph.inputs] + [value for node in graph.topological_order() for value in node.outputs]
    constants = {value for node in graph.nodes if not node.inputs for value in node.outputs}
    return [value for value in computed if value in chosen and value not in constants]


class Observer:
    """Runs a network as a model would, and gives values from within it beside or instead of its outputs."""

    def __init__(self, model: Model, graph: Graph, wanted: Iterable[str]) -> None:
        self.wanted = list(wanted)
        self._given = {i.name for i in graph.inputs}
        watched = graph.copy()
        watched.outputs = [value for value in self.wanted if value not in self._given] or list(graph.outputs)
        watched.remove_dead()
        self._model = like(model, watched)

    def __call__(self, sample: Sample) -> dict[str, np.ndarray]:
        """The wanted values for one sample.  Raises InputError for arrays that do not fit."""
        arrays = check_inputs(self._model.graph, by_name(self._model.graph, sample))
        found = self._model.run(arrays) | arrays
        return {value: found[value] for value in self.wanted}


def by_name(graph: Graph, sample: Sample) -> Inputs:
    """A sample as arrays by input name.  Raises InputError for one array where there are several inputs."""
    if isinstance(sample, Mapping):
        return sample
    if len(graph.inputs) != 1:
        raise InputError(f"inputs: expected {', '.join(i.name for i in graph.inputs)}; found one array")
    return {graph.inputs[0].name: sample}
