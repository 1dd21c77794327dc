"""The network as data: named values, nodes that compute them, and the weights they use.

A graph knows no kernels and does no I/O.  Operators (``tinyinfer.ops``) plug in through the
`Operator` protocol; passes return edited copies and never touch the graph they were given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from tinyinfer import showing
from tinyinfer.dim import is_free
from tinyinfer.errors import GraphError, WeightsError
from tinyinfer.node import Input as Input
from tinyinfer.node import Node as Node
from tinyinfer.node import OpCost as OpCost
from tinyinfer.node import Operator as Operator
from tinyinfer.node import free_name as free_name
from tinyinfer.tensor_type import DTYPES, dtype_name
from tinyinfer.tensor_type import Quant as Quant
from tinyinfer.tensor_type import TensorType as TensorType
from tinyinfer.weights import Shape as Shape
from tinyinfer.weights import Weights

BATCH, NOT_BATCH = range(1), range(1, 64)  # axes of inputs


_weight_type = lru_cache(maxsize=4096)(TensorType)  # networks have few different ones


@dataclass(repr=False)
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

    def __repr__(self) -> str:
        given = ", ".join(f"{i.name} {i.text}" for i in self.inputs)
        return f"<Graph: {len(self.nodes)} nodes, inputs {given}; outputs {', '.join(self.outputs)}>"

    def __str__(self) -> str:
        return showing.text(self)

    def _repr_html_(self) -> str:
        return showing.html(self)

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
        return {role: _weight_type(shape(key), dtype_name(dtype(key))) for role, key in node.params.items()}

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
                raise GraphError(f"input {i.name!r}: expected shape {i.text}, found {TensorType(shape)}")
            shapes[i.name] = shape
        return shapes

    def infer_types(self, input_shapes: Mapping[str, Shape] | None = None) -> dict[str, TensorType]:
        """The type of every value for these input shapes (nominal ones by default)."""
        shapes = self.input_shapes(input_shapes)
        return self._follow({i.name: i.type_for(shapes[i.name]) for i in self.inputs})

    def symbolic_types(self) -> dict[str, TensorType]:
        """The type of every value for all input shapes at once: sizes that follow a free one are a `Dim`.

        Symbols are N, C, H and W where the first input holds images, and "name.axis" for other dimensions and inputs.
        Sizes that do not fit the network are not told from those that do (`rigid_inputs_fixed`).
        """
        return self._follow({i.name: i.type_for(i.dims(short=at == 0)) for at, i in enumerate(self.inputs)})

    def _follow(self, types: dict[str, TensorType]) -> dict[str, TensorType]:
        """The types of the inputs, and of all that is computed from them."""
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
        types = self.rigid_inputs_fixed().symbolic_types()
        return [(name, tuple(None if is_free(s) else s for s in types[name].shape)) for name in self.outputs]

    def rigid_inputs_fixed(self) -> Graph:
        """A copy in which free input dimensions that can't move are fixed, as a linear layer fixes the image's size.

        Tried are a larger batch, and other dimensions twice as large and larger by 64.
        """
        fixed = self.copy()
        for axes, larger in ((BATCH, ((1, 1),)), (NOT_BATCH, ((2, 0), (1, 64)))):
            free = any(size is None and axis in axes for i in self.inputs for axis, size in enumerate(i.shape))
            if free and not any(self._fits(axes, times, more) for times, more in larger):
                fixed.inputs = [replace(i, shape=i.pinned(axes)) for i in fixed.inputs]
        return fixed

    def _fits(self, axes: range, times: int, more: int) -> bool:
        """Whether the network takes inputs whose free dimensions among these are so much larger."""
        try:
            self.infer_types({i.name: i.larger(axes, times, more) for i in self.inputs})
        except GraphError:
            return False
        return True

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
        self._verify_weights(allow_nonfinite)
        for node in self.nodes:
            try:
                node.op.check_values(self.param_arrays(node))
            except WeightsError as error:
                raise WeightsError(f"node {node.name!r} ({node.op.name}): {error}") from None
        return types

    def _verify_weights(self, allow_nonfinite: bool) -> None:
        uses = [(key, node.op.param_dtypes(role)) for node in self.nodes for role, key in node.params.items()]
        for key, dtypes in [*uses, *((key, DTYPES) for key in self.weights)]:
            found = dtype_name(self.weights.dtype(key))
            if found not in dtypes:
                raise WeightsError(f"weight {key!r}: expected {' or '.join(dtypes)}, found {found}")
        finite = {key for node in self.nodes if not node.op.takes_infinity for key in node.params.values()}
        endless = {key for node in self.nodes for key in node.params.values()} - finite
        for key in () if allow_nonfinite else self.weights:
            if self.weights.dtype(key).kind != "f":
                continue
            good = ~np.isnan(self.weights[key]) if key in endless else np.isfinite(self.weights[key])
            if not good.all():
                raise WeightsError(f"weight {key!r} holds NaN or infinite values")

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
        for i in self.inputs:
            if i.dtype not in DTYPES:
                raise GraphError(f"input {i.name!r}: expected dtype {', '.join(DTYPES)}, found {i.dtype}")

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
