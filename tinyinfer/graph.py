"""The network as data: named values, nodes that compute them, and the weights they use.

A graph knows no kernels and does no I/O.  Operators (``tinyinfer.ops``) plug in through the
`Operator` protocol; passes return edited copies and never touch the graph they were given.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Protocol

import numpy as np

from tinyinfer.errors import GraphError, WeightsError
from tinyinfer.weights import Shape as Shape
from tinyinfer.weights import Weights


@dataclass(frozen=True)
class TensorType:
    """Shape and dtype of a value; images are NCHW."""

    shape: Shape
    dtype: str = "float32"

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def __str__(self) -> str:
        return "x".join(map(str, self.shape)) or "scalar"


@cache
def _name_of(dtype: np.dtype) -> str:
    return str(dtype)  # NumPy works the name out anew each time, which is slow


@dataclass(frozen=True)
class OpCost:
    """What one node costs: multiply-adds, learnable parameters, elements read and written."""

    macs: int = 0
    params: int = 0
    reads: int = 0
    writes: int = 0

    @property
    def memory_access(self) -> int:
        """Elements moved, weights included (ShuffleNet V2, section 2, counts a conv so)."""
        return self.reads + self.writes


class Operator(Protocol):
    """What a graph needs from an operator; the classes of ``tinyinfer.ops`` provide it."""

    name: ClassVar[str]

    def infer(self, inputs: Sequence[TensorType], params: Mapping[str, TensorType]) -> list[TensorType]:
        """Types of the outputs; raises GraphError when the inputs do not fit."""
        ...

    def check_values(self, params: Mapping[str, np.ndarray]) -> None:
        """Refuse parameter values the operator can't work with; raises WeightsError."""
        ...


@dataclass(frozen=True)
class Input:
    """A graph input: ``None`` marks a free dimension, ``nominal`` is the size the network was designed for."""

    name: str
    shape: tuple[int | None, ...]
    nominal: Shape


@dataclass(frozen=True)
class Node:
    """One operator applied to named values.

    ``params`` maps the operator's roles ("weight") to keys of `Graph.weights`; ``origin`` names the
    nodes of the original network this one stands for; ``kernel`` and ``why`` are set by choose_kernels.
    """

    name: str
    op: Operator
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: Mapping[str, str] = field(default_factory=dict)
    origin: tuple[str, ...] = ()
    kernel: str = ""
    why: str = ""

    @property
    def originals(self) -> tuple[str, ...]:
        """Names of the nodes of the original network that this one stands for: its ``origin``, or itself."""
        return self.origin or (self.name,)

    def replace(self, **changes: Any) -> Node:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)


def free_name(wanted: str, used: Container[str]) -> str:
    """A name that nothing has yet: the wanted one, followed by as many primes as that takes."""
    while wanted in used:
        wanted += "'"
    return wanted


@dataclass
class Graph:
    """Inputs, nodes in any order, names of the output values, and weights by key."""

    inputs: list[Input]
    nodes: list[Node]
    outputs: list[str]
    weights: Weights = field(default_factory=Weights)

    def __post_init__(self) -> None:
        self.weights = Weights(self.weights)  # plain dictionaries are welcome

    def copy(self) -> Graph:
        """A copy whose lists can be edited; nodes and weight arrays are shared."""
        return Graph(list(self.inputs), list(self.nodes), list(self.outputs), Weights(self.weights))

    # -- looking things up -------------------------------------------------------------------

    def node(self, name: str) -> Node:
        """The node called ``name``; raises GraphError if there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise GraphError(f"no node named {name!r}")

    def producers(self) -> dict[str, Node]:
        """The node that computes each value."""
        return {value: node for node in self.nodes for value in node.outputs}

    def consumers(self) -> dict[str, list[Node]]:
        """The nodes that read each value (a node that reads it twice stands twice)."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for value in node.inputs:
                found.setdefault(value, []).append(node)
        return found

    def sole_consumer(self, value: str, consumers: Mapping[str, list[Node]]) -> Node | None:
        """The only reader of ``value``, or None when it has several, none, or is a graph output."""
        readers = consumers.get(value, [])
        return readers[0] if len(readers) == 1 and value not in self.outputs else None

    def param_arrays(self, node: Node) -> Weights:
        """The node's weights by role."""
        return self.weights.select(node.params)

    def param_types(self, node: Node) -> dict[str, TensorType]:
        """Types of the node's weights by role; raises WeightsError when one is missing."""
        for role, key in node.params.items():
            if key not in self.weights:
                raise WeightsError(f"node {node.name!r}: its {role} {key!r} is not among the weights")
        shape, dtype = self.weights.shape, self.weights.dtype
        return {role: TensorType(shape(key), _name_of(dtype(key))) for role, key in node.params.items()}

    # -- order and types ---------------------------------------------------------------------

    def topological_order(self) -> list[Node]:
        """Nodes so that each follows what it reads; raises GraphError on a cycle or an undefined value."""
        defined = {i.name for i in self.inputs}
        produced = {value for node in self.nodes for value in node.outputs}
        waiting: dict[str, list[int]] = {}
        missing = []
        for index, node in enumerate(self.nodes):
            wanted = set(node.inputs) - defined
            for value in wanted:
                if value not in produced:
                    raise GraphError(f"node {node.name!r} reads {value!r}, which no node or input defines")
                waiting.setdefault(value, []).append(index)
            missing.append(len(wanted))
        ready = [i for i, count in enumerate(missing) if count == 0]
        order = []
        for index in ready:  # grows while it is read: file order is kept wherever it already is an order
            order.append(self.nodes[index])
            for value in self.nodes[index].outputs:
                for reader in waiting.get(value, []):
                    missing[reader] -= 1
                    if missing[reader] == 0:
                        ready.append(reader)
        if len(order) < len(self.nodes):
            stuck = [node.name for node, count in zip(self.nodes, missing, strict=True) if count > 0]
            raise GraphError(f"the graph has a cycle through or before {', '.join(map(repr, stuck[:5]))}")
        return order

    def input_shapes(self, given: Mapping[str, Shape] | None = None) -> dict[str, Shape]:
        """Full input shapes: ``given`` ones checked against the declared ones, nominal ones otherwise."""
        given = given or {}
        names = [i.name for i in self.inputs]
        for name in given:
            if name not in names:
                raise GraphError(f"input {name!r}: expected one of {', '.join(map(repr, names))}")
        shapes = {}
        for i in self.inputs:
            shape = tuple(given.get(i.name, i.nominal))
            fits = len(shape) == len(i.shape) and all(w is None or w == s for w, s in zip(i.shape, shape, strict=True))
            if not fits or any(s < 1 for s in shape):
                wanted = "x".join("?" if s is None else str(s) for s in i.shape)
                raise GraphError(f"input {i.name!r}: expected shape {wanted}, found {TensorType(shape)}")
            shapes[i.name] = shape
        return shapes

    def infer_types(self, input_shapes: Mapping[str, Shape] | None = None) -> dict[str, TensorType]:
        """The type of every value for these input shapes (nominal ones by default)."""
        types = {name: TensorType(shape) for name, shape in self.input_shapes(input_shapes).items()}
        for node in self.topological_order():
            params = self.param_types(node)
            try:
                outputs = node.op.infer([types[value] for value in node.inputs], params)
            except GraphError as error:
                raise GraphError(f"node {node.name!r} ({node.op.name}): {error}") from None
            if len(outputs) != len(node.outputs):
                raise GraphError(
                    f"node {node.name!r} ({node.op.name}): computes {len(outputs)} values, names {len(node.outputs)}"
                )
            types.update(zip(node.outputs, outputs, strict=True))
        return types

    def output_shapes(self) -> list[tuple[str, tuple[int | None, ...]]]:
        """Name and shape of each output; a dimension that moves with a free input dimension is None."""
        nominal = self.infer_types()
        free: list[list[bool]] = [[False] * len(nominal[name].shape) for name in self.outputs]
        for _, shapes in self.probes():
            try:
                probed = self.infer_types(shapes)
            except GraphError:  # this size does not fit the network, so nothing is learnt from it
                continue
            for flags, name in zip(free, self.outputs, strict=True):
                for axis, (a, b) in enumerate(zip(nominal[name].shape, probed[name].shape, strict=True)):
                    flags[axis] |= a != b
        return [
            (name, tuple(None if f else s for f, s in zip(flags, nominal[name].shape, strict=True)))
            for flags, name in zip(free, self.outputs, strict=True)
        ]

    def probes(self) -> Iterator[tuple[range, dict[str, Shape]]]:
        """Axes, and input shapes that differ from the nominal in the free dimensions among them: batch, then space."""
        for axes, step in ((range(1), 1), (range(2, 4), 64)):
            yield (
                axes,
                {
                    i.name: tuple(
                        n + step if s is None and a in axes else n
                        for a, (s, n) in enumerate(zip(i.shape, i.nominal, strict=True))
                    )
                    for i in self.inputs
                },
            )

    # -- checking ------------------------------------------------------------------------------

    def verify(self, allow_nonfinite: bool = False) -> dict[str, TensorType]:
        """Check structure, shapes and weights; returns the types at nominal size.

        Kernels have no bounds checks, so nothing runs before this has passed.  Raises GraphError or WeightsError.
        """
        self._verify_names()
        types = self.infer_types()
        for name in self.outputs:
            if name not in types:
                raise GraphError(f"output {name!r} is not a value of the graph")
        for key in self.weights:
            if self.weights.dtype(key) != np.float32:
                raise WeightsError(f"weight {key!r}: expected float32, found {self.weights.dtype(key)}")
            if not allow_nonfinite and not np.isfinite(self.weights[key]).all():
                raise WeightsError(f"weight {key!r} holds NaN or infinite values")
        for node in self.nodes:
            try:
                node.op.check_values(self.param_arrays(node))
            except WeightsError as error:
                raise WeightsError(f"node {node.name!r} ({node.op.name}): {error}") from None
        return types

    def _verify_names(self) -> None:
        seen: set[str] = set()
        for name in [i.name for i in self.inputs] + [v for node in self.nodes for v in node.outputs]:
            if name in seen:
                raise GraphError(f"value {name!r} is defined twice")
            seen.add(name)
        names = [node.name for node in self.nodes]
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise GraphError(f"two nodes are named {twice!r}")
        if not self.inputs or not self.outputs:
            raise GraphError("a graph needs at least one input and one output")

    # -- editing (for passes) ------------------------------------------------------------------

    def rename_uses(self, old: str, new: str) -> None:
        """Make every reader of value ``old``, graph outputs included, read ``new``."""
        self.nodes = [
            node.replace(inputs=tuple(new if v == old else v for v in node.inputs)) if old in node.inputs else node
            for node in self.nodes
        ]
        self.outputs = [new if v == old else v for v in self.outputs]

    def replace_node(self, old: Node, *new: Node) -> None:
        """Put ``new`` nodes (possibly none) where ``old`` stood."""
        at = next(i for i, node in enumerate(self.nodes) if node is old)
        self.nodes[at : at + 1] = new

    def remove_dead(self) -> None:
        """Drop nodes that no output depends on, and weights that no node uses."""
        producers = self.producers()
        alive: set[str] = set()
        stack = list(self.outputs)
        while stack:
            node = producers.get(stack.pop())
            if node is not None and node.name not in alive:
                alive.add(node.name)
                stack.extend(node.inputs)
        self.nodes = [node for node in self.nodes if node.name in alive]
        used = {key for node in self.nodes for key in node.params.values()}
        self.weights = self.weights.select({key: key for key in self.weights if key in used})
