"""How long layers take as they are in a network's plan, and in other forms."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinyinfer.bench.cold import Contest, Entrant, Surroundings
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph, Input, Node, free_name
from tinyinfer.kernels.parallel.task import in_turn
from tinyinfer.ops.activation.activation import Relu
from tinyinfer.passes.machine.choose_kernels import REFERENCE
from tinyinfer.passes.pipeline import lower, specialise
from tinyinfer.passes.portable.low_rank.forms import Candidate, Form
from tinyinfer.passes.portable.low_rank.rewrite import decompose
from tinyinfer.runtime.execution_context import ExecutionContext
from tinyinfer.runtime.inputs import random_inputs
from tinyinfer.runtime.options import Options
from tinyinfer.runtime.packed_weights import PackedWeights
from tinyinfer.runtime.plan import Plan, Step, make_plan, prepare
from tinyinfer.runtime.threads import guard

ROUNDS = 15
QUANTILE = 0.25  # of the rounds' times: other work on the machine can only add to them
FASTER = 0.95  # of the layer's time


@dataclass(frozen=True)
class Timed:
    """The ``kernels`` that compute a layer or a form of it, and how many milliseconds these take."""

    kernels: str
    ms: float

    def beats(self, layer: Timed) -> bool:
        """Whether it is clearly faster."""
        return self.ms < FASTER * layer.ms


class Stopwatch:
    """Times layers of a simplified graph one by one, on the kernels that plans of nominal size take.

    What a plan computes in one step with a layer, such as the sum behind it or the depthwise layer beside it, is timed
    with it: a form that breaks up a fused block has to make good for that.  Weights are cold, values in the cache.
    Raises InputError for options that have nothing to time but the reference.
    """

    def __init__(self, graph: Graph, options: Options) -> None:
        if options.kernels == REFERENCE:
            raise InputError("low rank: time: expected kernels to measure, found the reference")
        self._graph = graph.copy()
        self._graph.nodes = [node.replace(origin=()) for node in graph.topological_order()]
        self._types, self._options = graph.infer_types(), options
        self._around = Surroundings(options.threads)
        lowered = lower(self._graph)
        steps = specialise(lowered, lowered.infer_types(), _forced(options), options.threads).nodes
        self._steps = [frozenset(step.originals) for step in steps]
        self._known: dict[Hashable, list[Timed]] = {}

    def times(self, candidate: Candidate, forms: Sequence[Form]) -> list[Timed]:
        """That of a layer, and those of these forms; layers that are alike are timed once."""
        layer = candidate.node.name
        part = self._part(layer)
        key = _shapes(part, layer), tuple((form.name, form.ranks) for form in forms)
        if key not in self._known:
            self._known[key] = self._measure([part, *(decompose(part, {layer: form}) for form in forms)])
        return self._known[key]

    def _part(self, layer: str) -> Graph:
        """What the plan computes in one step with a layer, behind a ReLU for each value that it reads."""
        names = next((names for names in self._steps if layer in names), frozenset({layer}))
        nodes = [node for node in self._graph.nodes if node.name in names]
        made = {value: None for node in nodes for value in node.outputs}
        read = {value: None for node in nodes for value in node.inputs if value not in made}
        used = {value for node in self._graph.nodes if node.name not in names for value in node.inputs}
        ports, guards = [], []
        for value in read:
            t, name = self._types[value], free_name(f"{value}:read", self._types)
            ports.append(Input(name, t.shape, t.shape, t.dtype, t.quant))
            guards.append(Node(name, Relu(), (name,), (value,)))
        weights = self._graph.weights.select({key: key for node in nodes for key in node.params.values()})
        return Graph(ports, [*guards, *nodes], [v for v in made if v in used or v in self._graph.outputs], weights)

    def _measure(self, graphs: Sequence[Graph]) -> list[Timed]:
        """Of each, in turns."""
        packed = PackedWeights()
        plans = [make_plan(prepare(graph, self._options), None, self._options, packed) for graph in graphs]
        with guard(self._options.threads):
            contest = Contest({f"{i}": _entrant(plan) for i, plan in enumerate(plans)})
            for _ in range(ROUNDS):
                contest.play(self._around)
        seconds = contest.seconds.values()
        return [Timed(_kernels(p), float(np.quantile(s, QUANTILE)) * 1e3) for p, s in zip(plans, seconds, strict=True)]


def _entrant(plan: Plan) -> Entrant:
    """The steps of a part, without those that bring its values in and out."""
    context = ExecutionContext(plan)
    context.arena.given.update(random_inputs(plan.graph, plan.graph.input_shapes()))
    context.run()
    context.results.clear()
    calls = [call for step, call in zip(plan.steps, context.calls, strict=True) if _counts(plan, step)]
    memory = context.arena.memory
    return Entrant(in_turn(calls), [memory[: memory.size // 4 * 4].view(np.float32)])


def _kernels(plan: Plan) -> str:
    return " + ".join(step.kernel for step in plan.steps if _counts(plan, step))


def _counts(plan: Plan, step: Step) -> bool:
    """Whether a step is the part's own: inputs are read by what stands for the layers before."""
    borders = {i.name for i in plan.graph.inputs}
    return step.node.op.name != "output" and borders.isdisjoint(step.inputs)


def _forced(options: Options) -> Mapping[str, str] | None:
    return options.kernels if isinstance(options.kernels, Mapping) else None


def _shapes(part: Graph, layer: str) -> Hashable:
    """Equal for parts that do the same work, whatever their weights and names."""
    types = part.infer_types()
    return tuple(
        (
            node.op,
            node.name == layer,
            tuple(types[value] for value in node.inputs),
            tuple(part.weights.shape(key) for key in node.params.values()),
        )
        for node in part.nodes
    )
