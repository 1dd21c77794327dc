"""A graph while its nodes are replaced one by one: who computes and who reads each value, and its type."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from tinyinfer.graph import Graph, Node, Operator, TensorType, free_name
from tinyinfer.ops.constant import Constant


class Editing:
    """A copy of a graph that many small replacements change; `finish` gives the graph that came of it."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph.copy()
        self.outputs = set(graph.outputs)
        self.types: dict[str, TensorType] = graph.symbolic_types()
        self.producers: dict[str, Node] = {}
        self._readers: dict[str, dict[str, int]] = {}  # names of nodes, and how often each reads the value
        self._nodes: dict[str, Node] = {}
        for node in graph.topological_order():
            self.add(node)

    def __contains__(self, node: Node) -> bool:
        return self._nodes.get(node.name) is node

    def in_order(self) -> list[Node]:
        """All nodes that something reads, each behind those that it reads itself; others are gone from then on."""
        self.graph.nodes = list(self._nodes.values())
        order = self.graph.topological_order()
        for node in reversed(order):
            if not any(self._readers.get(value) or value in self.outputs for value in node.outputs):
                self.remove(node)
        return [node for node in order if node in self]

    @property
    def names(self) -> Collection[str]:
        """Names of all nodes."""
        return self._nodes.keys()

    def current(self, node: Node) -> Node | None:
        """The node as it is by now, as it may read other values than it did; None if it is gone."""
        return self._nodes.get(node.name)

    def readers(self, value: str) -> list[str]:
        """Names of the nodes that read a value; one that reads it twice stands twice."""
        return [name for name, count in self._readers.get(value, {}).items() for _ in range(count)]

    def reader(self, value: str) -> Node | None:
        """The only node that reads a value, None where there are more or it is an output of the network."""
        names = self.readers(value)
        return self._nodes[names[0]] if len(names) == 1 and value not in self.outputs else None

    def reading(self, value: str) -> list[Node]:
        """The nodes that read a value."""
        return [self._nodes[name] for name in dict.fromkeys(self.readers(value))]

    def constant(self, value: str) -> np.ndarray | None:
        """The array that a value always is."""
        node = self.producers.get(value)
        if node is None or node.op.name != "constant" or self.types[value].quant is not None:
            return None
        return self.graph.weights[node.params["value"]]

    def number(self, value: str) -> float | None:
        """The number that a constant of one element is."""
        node = self.producers.get(value)
        if node is None or node.op.name != "constant" or self.types[value].size != 1:
            return None
        array = self.constant(value)
        return None if array is None else float(array.reshape(-1)[0])

    # -- changes -------------------------------------------------------------------------------

    def add(self, node: Node) -> None:
        """Put a node among the others; its values must have types by then."""
        self._nodes[node.name] = node
        for value in node.outputs:
            self.producers[value] = node
        for value in node.inputs:
            counts = self._readers.setdefault(value, {})
            counts[node.name] = counts.get(node.name, 0) + 1

    def insert(self, op: Operator, wanted: str, *values: str) -> str:
        """Apply an operator to values by a node of its own, called as wanted or alike; returns its value."""
        (kind,) = op.infer([self.types[value] for value in values], {})
        node = Node(free_name(wanted, self._nodes), op, values, (free_name(wanted, self.types),))
        self.types[node.outputs[0]] = kind
        self.add(node)
        return node.outputs[0]

    def insert_constant(self, array: np.ndarray, wanted: str) -> str:
        """Add a constant, called as wanted or alike; returns its value."""
        value = free_name(wanted, self.types)
        self.types[value] = TensorType(array.shape, str(array.dtype))
        self.add(Node(free_name(wanted, self._nodes), Constant(), (), (value,), {"value": self.weight(wanted, array)}))
        return value

    def infer_types(self) -> None:
        """Find all types anew, where a node came to give others than the one in whose place it is."""
        self.graph.nodes = self.in_order()
        self.types |= self.graph.symbolic_types()

    def remove(self, node: Node) -> None:
        """Take a node out."""
        del self._nodes[node.name]
        for value in node.outputs:
            del self.producers[value]
        for value in set(node.inputs):
            del self._readers[value][node.name]

    def replace(self, node: Node, new: Node) -> None:
        """Put a node in the place of another of the same name or values."""
        self.remove(node)
        self.add(new)

    def redirect(self, old: str, new: str) -> None:
        """Make all nodes that read a value read another one."""
        for name in list(self._readers.get(old, {})):
            node = self._nodes[name]
            self.replace(node, node.replace(inputs=tuple(new if value == old else value for value in node.inputs)))

    def bypass(self, node: Node, given: str) -> None:
        """Hand an input of a node on in its place; an output of the network keeps its name, the input then has it."""
        value = node.outputs[0]
        producer = self.producers.get(given)
        if value not in self.outputs:
            self.redirect(value, given)
        elif producer is not None and given not in self.outputs:
            self.remove(node)
            renamed = tuple(value if output == given else output for output in producer.outputs)
            self.replace(producer, producer.replace(outputs=renamed))
            self.redirect(given, value)

    def node_name(self, wanted: str) -> str:
        """A name that no node has."""
        return free_name(wanted, self._nodes)

    def weight(self, key: str, array: np.ndarray) -> str:
        """Add a weight; returns the key that it got."""
        key = free_name(key, self.graph.weights)
        self.graph.weights[key] = array
        return key

    def param_types(self, params: Mapping[str, str]) -> dict[str, TensorType]:
        """Types of weights by role."""
        weights = self.graph.weights
        return {role: TensorType(weights.shape(key), str(weights.dtype(key))) for role, key in params.items()}

    def finish(self) -> Graph:
        """The graph in order, without what nothing reads any more."""
        self.graph.nodes = self.in_order()
        self.graph.remove_dead()
        return self.graph
