"""The distinct layers of networks, taken out of their plans: shapes, attributes, weights, and values to feed them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tinyinfer import kernels
from tinyinfer.bench.cold import Entrant
from tinyinfer.kernels.base import FeatureMap, Kernel, Problem, pixel_dims
from tinyinfer.kernels.parallel.pages import aligned_empty
from tinyinfer.model import Model
from tinyinfer.profiling.cost import node_cost
from tinyinfer.runtime.executor import View
from tinyinfer.runtime.plan import Plan, Step
from tinyinfer.weights import Weights


@dataclass(frozen=True)
class Layer:
    """A step of a plan by itself, with all that is needed to bind any kernel to memory like the plan's.

    ``inputs`` hold what its first use read, laid out as they were there, ``outputs`` have room for what it wrote.
    ``uses`` counts how often each network has it.
    """

    chosen: Kernel
    why: str
    weights: Weights
    inputs: Sequence[FeatureMap]
    outputs: Sequence[FeatureMap]
    macs: int
    bytes: int
    uses: dict[str, int] = field(default_factory=dict)

    @property
    def problem(self) -> Problem:
        """Attributes and shapes, of the weights too."""
        return self.chosen.problem

    def candidates(self) -> list[type[Kernel]]:
        """Every fast kernel that can compute it, the chosen one first."""
        others = [k for k in kernels.list(self.chosen.op) if k is not type(self.chosen) and k.takes(self.problem)]
        return [type(self.chosen), *others]

    def bind(self, kernel: type[Kernel]) -> Entrant:
        """A kernel bound to the layer's inputs and outputs, with workspace memory of its own."""
        instance = self.chosen
        if kernel is not type(instance):
            params = {role: self.weights[role] for role in self.weights}
            instance = kernel(self.problem, kernel.pack(dataclasses.replace(self.problem.layer, params=params)))
        workspace = aligned_empty(instance.workspace_floats)
        warm = [workspace, *(x.data for x in (*self.outputs, *self.inputs))]
        return Entrant(instance.bind(self.inputs, self.outputs, workspace), warm)

    def results(self) -> list[np.ndarray]:
        """Copies of the outputs."""
        return [y.logical(shape).copy() for y, shape in zip(self.outputs, self.problem.outputs, strict=True)]


def layers_of(name: str, model: Model, inputs: Mapping[str, np.ndarray]) -> dict[Hashable, Layer]:
    """Every distinct layer with a fast kernel in the plan for these inputs, in order, its uses counted under ``name``.

    Layers are the same when operator, attributes, shapes and presence of weights are; where their values lie is that
    of the first.
    """
    plan = model.plan({name: array.shape for name, array in inputs.items()})
    found: dict[Hashable, Layer] = {}

    def watch(step: Step, call: Callable[[], None], view: View) -> None:
        if step.implementation is not None:
            key = _key(step.implementation)
            if key not in found:
                found[key] = _layer(plan, step, step.implementation, view)
            uses = found[key].uses
            uses[name] = uses.get(name, 0) + 1
        call()

    model.run(inputs, hook=watch)
    return found


def _key(kernel: Kernel) -> Hashable:
    p = kernel.problem
    shapes = tuple((role, array.shape) for role, array in p.params.items())
    return p.op.name, tuple(map(str, p.op.attrs.items())), p.inputs, p.outputs, shapes, kernel.name


def _layer(plan: Plan, step: Step, chosen: Kernel, view: View) -> Layer:
    found = node_cost(step.node, step.input_types, plan.graph.param_types(step.node), step.output_types)
    layer = Layer(
        chosen=chosen,
        why=step.node.why,
        weights=plan.graph.param_arrays(step.node),
        inputs=[_memory(plan, value) for value in step.inputs],
        outputs=[_memory(plan, value) for value in step.outputs],
        macs=found.macs,
        bytes=found.bytes,
    )
    for value, place in zip(step.inputs, layer.inputs, strict=True):
        place.logical(plan.types[value].shape)[...] = view(value)
    return layer


def _memory(plan: Plan, value: str) -> FeatureMap:
    """Room for a value, its pixels as far apart and its start as far from an aligned address as in the plan."""
    shape, place = plan.types[value].shape, plan.placements[value]
    n, _, h, w = pixel_dims(shape, place.layout)
    memory = aligned_empty(place.offset + n * h * w * place.pixel_stride)
    memory[:] = 0  # what lies between the pixels is moved along with them, and denormal numbers would be slow
    return FeatureMap.place(memory[place.offset :], shape, place.pixel_stride, place.layout)
