"""A plan: one network prepared for one input shape, as a list of steps over one arena.

Everything that can be settled before the first multiplication is settled here: kernels, packed weights, the
place of every value.  A plan is read-only; each concurrent run has a `ExecutionContext` of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tinyinfer import kernels, showing
from tinyinfer.graph import Graph, Node, Shape, TensorType
from tinyinfer.kernels.base import Kernel
from tinyinfer.kernels.parallel.pages import APART
from tinyinfer.ops.constant import Constant
from tinyinfer.passes.machine.assign_layout import Placement, assign_layout, buffer_size
from tinyinfer.passes.machine.choose_kernels import REFERENCE, problem_of
from tinyinfer.passes.machine.choose_layouts import choose_layouts
from tinyinfer.passes.machine.plan_memory import BufferLifetime, plan_memory
from tinyinfer.passes.pipeline import lower, specialise, unchanged
from tinyinfer.runtime.border import copy_in, copy_out, left_in_place
from tinyinfer.runtime.options import Options
from tinyinfer.runtime.packed_weights import PackedWeights
from tinyinfer.runtime.pool import Pool
from tinyinfer.tensor_type import itemsize


class Workspace(NamedTuple):
    """What the memory of a step's own is called beside that of values, which go by name."""

    step: int


@dataclass(frozen=True)
class Step:
    """One node, its types, and the kernel that computes it (None: the NumPy reference does)."""

    node: Node
    input_types: tuple[TensorType, ...]
    output_types: tuple[TensorType, ...]
    params: Mapping[str, np.ndarray]
    implementation: Kernel | None = None

    @property
    def kernel(self) -> str:
        """The kernel's name."""
        return self.node.kernel or REFERENCE

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the values it reads."""
        return self.node.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the values it writes."""
        return self.node.outputs

    @property
    def workspace_bytes(self) -> int:
        """Temporary memory it needs while it runs."""
        return self.implementation.workspace_floats * 4 if self.implementation else 0


@dataclass(repr=False)
class Plan:
    """Steps in order, the place of every value and of every step's workspace, and the arena they share.

    Kernels hold packed weights; those of the graph are let go as they are packed, where they can be fetched again.
    Constants lie beside the arena, once for all runs, and take no steps.
    """

    graph: Graph
    steps: list[Step]
    types: dict[str, TensorType]
    placements: dict[str, Placement]
    lifetimes: list[BufferLifetime]
    offsets: dict[Hashable, int]  # in bytes, by the name of a value or by `Workspace`
    arena_bytes: int  # memory of one concurrent run, weights and constants apart
    constants: Mapping[str, np.ndarray]  # flat, by the name of the value
    options: Options
    planar: frozenset[str]  # inputs that are not copied, as the one kernel that reads them takes the caller's planes
    contexts: Pool = field(default_factory=Pool)  # those no call is using

    def __repr__(self) -> str:
        threads = f"{self.options.threads} thread{'s' if self.options.threads > 1 else ''}"
        return f"<Plan: {len(self.steps)} steps, arena of {self.arena_bytes / 1e6:.2f} MB, {threads}>"

    def __str__(self) -> str:
        return showing.text(self)

    def _repr_html_(self) -> str:
        return showing.html(self)


def prepare(graph: Graph, options: Options) -> Graph:
    """What plans of all input shapes start from: a verified graph, lowered unless the reference is to compute it."""
    return unchanged(graph) if options.kernels == REFERENCE else lower(graph, options.fuse)


def make_plan(
    prepared: Graph, input_shapes: Mapping[str, Shape] | None, options: Options, packed: PackedWeights
) -> Plan:
    """Settle a prepared graph for these input shapes (nominal ones by default)."""
    graph, types = prepared, prepared.infer_types(input_shapes)
    if options.kernels != REFERENCE:
        forced = options.kernels if isinstance(options.kernels, Mapping) else None
        graph = specialise(graph, types, forced, options.threads, options.fuse)
    graph, types, layouts = choose_layouts(graph, types)
    constants = [node for node in graph.nodes if isinstance(node.op, Constant)]
    graph, types, placements = assign_layout(graph, types, layouts)
    arrays = {
        node.outputs[0]: packed.constant(graph.param_arrays(node), placements[node.outputs[0]]) for node in constants
    }
    steps = _make_steps(graph, types, options, packed)
    planar = frozenset(i.name for i in graph.inputs if _is_planar(i.name, steps, placements))
    for at, given in enumerate(graph.inputs):  # whose steps come first
        if given.name in planar:
            steps[at] = dataclasses.replace(steps[at], node=left_in_place(given.name))
    lifetimes = _buffer_lifetimes(steps, types, placements, planar | arrays.keys())
    offsets, size = plan_memory(lifetimes, apart=APART if options.threads > 1 else 0)
    return Plan(graph, steps, types, placements, lifetimes, offsets, size, arrays, options, planar)


def _make_steps(graph: Graph, types: Mapping[str, TensorType], options: Options, packed: PackedWeights) -> list[Step]:
    steps = []
    borders_in = [copy_in(i.name) for i in graph.inputs]
    borders_out = [copy_out(name) for name in dict.fromkeys(graph.outputs)]
    for node in [*borders_in, *graph.nodes, *borders_out]:
        implementation, params = None, {}
        if node.kernel == REFERENCE:
            params = dict(graph.param_arrays(node))
        elif node.op.name not in ("input", "output"):
            arrays = graph.param_arrays(node)
            problem = problem_of(node, arrays.shapes_only(), types, options.threads)
            kernel = kernels.find(node.op.name, node.kernel)
            implementation = kernel(problem, packed.of(kernel, problem.op, arrays))
        inputs, outputs = (tuple(types[v] for v in values) for values in (node.inputs, node.outputs))
        steps.append(Step(node, inputs, outputs, params, implementation))
    packed.return_memory()
    return steps


def _is_planar(value: str, steps: list[Step], placements: Mapping[str, Placement]) -> bool:
    """Whether one kernel alone reads an input, as its first, and can do so where the caller's planes lie."""
    if any(place.root == value != other for other, place in placements.items()):  # as the parts of a split do
        return False
    reads = [(step.implementation, at) for step in steps for at, name in enumerate(step.inputs) if name == value]
    if len(reads) != 2:  # the border's own step, and one more
        return False
    kernel, at = reads[1]
    return kernel is not None and kernel.reads_planes and at == 0


def _buffer_lifetimes(
    steps: list[Step], types: Mapping[str, TensorType], placements: Mapping[str, Placement], outside: AbstractSet[str]
) -> list[BufferLifetime]:
    """One lifetime a buffer, alive from the first write to the last read of anything in it, and one a workspace.

    Values that lie ``outside`` of the arena have none.
    """
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for i, step in enumerate(steps):
        for value in (*step.inputs, *step.outputs):
            root = placements[value].root
            if root not in outside:
                first.setdefault(root, i)
                last[root] = i
    lifetimes = [
        BufferLifetime(root, buffer_size(types[root], placements[root].layout) * itemsize(types[root].dtype), *life)
        for root, *life in ((root, first[root], last[root]) for root in first)
    ]
    workspace = [(i, step.workspace_bytes) for i, step in enumerate(steps) if step.workspace_bytes]
    return lifetimes + [BufferLifetime(Workspace(i), size, i, i) for i, size in workspace]
