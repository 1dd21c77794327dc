"""A plan: one network prepared for one input shape, as a list of steps over one arena.

Everything that can be settled before the first multiplication is settled here: kernels, packed weights, the
place of every value.  A plan is read-only; each concurrent run has a `Workspace` of its own.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinyinfer import kernels
from tinyinfer.errors import UnsupportedOpError
from tinyinfer.graph import Graph, Node, Shape, TensorType
from tinyinfer.kernels.base import FeatureMap, Kernel
from tinyinfer.kernels.pages import APART, return_freed
from tinyinfer.passes import lower
from tinyinfer.passes.assign_layout import Placement, assign_layout, buffer_size
from tinyinfer.passes.choose_kernels import REFERENCE, choose_kernels, problem_of
from tinyinfer.passes.fuse_depthwise_chain import fuse_depthwise_chain
from tinyinfer.passes.fuse_gate import fuse_gate
from tinyinfer.passes.fuse_join_pixels import fuse_join_pixels
from tinyinfer.passes.fuse_shuffle import fuse_shuffle
from tinyinfer.passes.plan_memory import Request, plan_memory
from tinyinfer.runtime.border import copy_in, copy_out, left_in_place
from tinyinfer.runtime.options import Options
from tinyinfer.runtime.threads import Lock

RETURN_AFTER = 2 * 1024 * 1024  # floats of weights let go: to return memory takes up to 3 ms

# packed weights by (original nodes, kernel): shared by the plans of one model for different input shapes
PackedWeights = dict[tuple[tuple[str, ...], str], Any]


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
    def scratch_floats(self) -> int:
        """Temporary memory it needs while it runs."""
        return self.implementation.scratch_floats if self.implementation else 0


@dataclass
class Plan:
    """Steps in order, the place of every value and of every step's scratch, and the arena they share.

    Kernels hold packed weights; those of the graph are let go as they are packed, where they can be fetched again.
    """

    graph: Graph
    steps: list[Step]
    types: dict[str, TensorType]
    placements: dict[str, Placement]
    requests: list[Request]
    offsets: dict[str, int]
    arena_floats: int
    options: Options
    planar: frozenset[str]  # inputs that are not copied, as the one kernel that reads them takes the caller's planes
    free_workspaces: list[Any] = field(default_factory=list)  # those no call is using
    lock: Lock = field(default_factory=Lock)

    @property
    def arena_bytes(self) -> int:
        """Memory of one concurrent run, weights apart."""
        return self.arena_floats * 4


def make_plan(
    graph: Graph, input_shapes: Mapping[str, Shape] | None, options: Options, packed: PackedWeights | None = None
) -> Plan:
    """Prepare a verified graph for these input shapes (nominal ones by default)."""
    textbook = options.kernels == REFERENCE
    lowered = graph.copy() if textbook else lower(graph)
    lowered.nodes = lowered.topological_order()
    types = lowered.infer_types(input_shapes)
    _require_float32(types)
    if textbook:
        lowered.nodes = [node.replace(kernel=REFERENCE, why="asked for") for node in lowered.nodes]
    else:
        forced = options.kernels if isinstance(options.kernels, Mapping) else None
        if not forced:  # who asks for a layer's kernel wants to see that layer
            lowered = fuse_depthwise_chain(lowered, types, options.threads)
            lowered = fuse_shuffle(fuse_gate(lowered, types, options.threads), types)
            lowered = fuse_join_pixels(lowered, types)
        lowered = choose_kernels(lowered, types, forced, options.threads)
    lowered, types, placements = assign_layout(lowered, types)
    steps = _make_steps(lowered, types, options, {} if packed is None else packed)
    planar = frozenset(i.name for i in lowered.inputs if _is_planar(i.name, steps, placements))
    for at, given in enumerate(lowered.inputs):  # whose steps come first
        if given.name in planar:
            steps[at] = dataclasses.replace(steps[at], node=left_in_place(given.name))
    requests = _memory_requests(steps, types, placements, planar)
    offsets, arena_floats = plan_memory(requests, apart=APART if options.threads > 1 else 0)
    return Plan(lowered, steps, types, placements, requests, offsets, arena_floats, options, planar)


def _require_float32(types: Mapping[str, TensorType]) -> None:
    """Raise UnsupportedOpError for values of other dtypes than float32: kernels know no other."""
    for name, found in types.items():
        if found.dtype != "float32":
            raise UnsupportedOpError(
                f"value {name!r} is {found.dtype}: kernels compute in float32; kernels='reference' runs this network"
            )


def _make_steps(graph: Graph, types: Mapping[str, TensorType], options: Options, packed: PackedWeights) -> list[Step]:
    steps, let_go = [], 0
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
            key = (node.originals, node.kernel)
            if key not in packed:
                packed[key] = kernel.pack(dataclasses.replace(problem, params={role: arrays[role] for role in arrays}))
                arrays.release(arrays)
                let_go += sum(math.prod(arrays.shape(role)) for role in arrays)
                if let_go >= RETURN_AFTER:
                    return_freed()
                    let_go = 0
            implementation = kernel(problem, packed[key])
        inputs, outputs = (tuple(types[v] for v in values) for values in (node.inputs, node.outputs))
        steps.append(Step(node, inputs, outputs, params, implementation))
    if let_go > 0:
        return_freed()
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


def _memory_requests(
    steps: list[Step], types: Mapping[str, TensorType], placements: Mapping[str, Placement], planar: frozenset[str]
) -> list[Request]:
    """One request a buffer, alive from the first write to the last read of anything in it, and one a scratch."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for i, step in enumerate(steps):
        for value in (*step.inputs, *step.outputs):
            if value in planar:
                continue
            root = placements[value].root
            first.setdefault(root, i)
            last[root] = i
    requests = [Request(root, buffer_size(types[root].shape), first[root], last[root]) for root in first]
    scratch = [(scratch_name(step), i, step.scratch_floats) for i, step in enumerate(steps) if step.scratch_floats]
    return requests + [Request(name, size, i, i) for name, i, size in scratch]


def scratch_name(step: Step) -> str:
    """The arena's name for a step's temporary memory."""
    return f"scratch of {step.node.name}"


def feature_map(plan: Plan, arena: np.ndarray, value: str) -> FeatureMap:
    """A value as kernels see it."""
    place = plan.placements[value]
    start = plan.offsets[place.root] + place.offset
    return FeatureMap.place(arena[start:], plan.types[value].shape, place.pixel_stride)
