"""Where in a graph a pattern stands."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatchmethod

import numpy as np

from tinyinfer.graph import Node, Shape, TensorType
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.pattern import (
    AnyNumber,
    Apply,
    Constant,
    Number,
    OneOf,
    Pattern,
    Product,
    Sum,
    Value,
)

DEEPEST = 8  # nodes below each other in a sum or product: files may have any number, exporters write a few
MOST_PARTS = 16  # of a sum or product, likewise
CLOSE = 2e-5  # relative: constants are written in decimals, and worked out in float32


@dataclass(frozen=True)
class Match:
    """Values by the names that a pattern gives them, and the nodes that compute it, the root first."""

    editing: Editing
    values: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    nodes: tuple[Node, ...] = ()

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    @property
    def root(self) -> Node:
        """The node whose value the pattern is."""
        return self.nodes[0]

    def node(self, name: str) -> Node:
        """The node that computes a value of the pattern."""
        return self.editing.producers[self.values[name]]

    def type(self, name: str) -> TensorType:
        """Shape and dtype of a value of the pattern; free sizes are `Dim`s."""
        return self.editing.types[self.values[name]]

    def shape(self, name: str) -> Shape:
        """Sizes of a value of the pattern."""
        return self.type(name).shape

    @property
    def result(self) -> TensorType:
        """Shape and dtype of the root's value."""
        return self.editing.types[self.root.outputs[0]]

    def array(self, name: str) -> np.ndarray:
        """A constant of the pattern."""
        found = self.editing.constant(self.values[name])
        assert found is not None
        return found

    def key(self, name: str) -> str:
        """The key of the weight that is a constant of the pattern."""
        return self.node(name).params["value"]


class Matcher:
    """Finds patterns in the graph that is edited.

    Nodes in the middle of a match must have no reader outside it, so that all but the root's value can go.
    """

    def __init__(self, editing: Editing) -> None:
        self.editing = editing

    def match(self, pattern: Pattern, root: Node) -> Iterator[Match]:
        """The ways in which the value of ``root`` is what the pattern says."""
        for found in self._match(pattern, root.outputs[0], Match(self.editing)):
            if found.nodes and self._closed(found):
                yield found

    def _closed(self, found: Match) -> bool:
        names = {node.name for node in found.nodes}
        return all(
            value not in self.editing.outputs and names.issuperset(self.editing.readers(value))
            for node in found.nodes[1:]
            for value in node.outputs
        )

    @singledispatchmethod
    def _match(self, pattern: Pattern, value: str, found: Match) -> Iterator[Match]:
        raise NotImplementedError

    @_match.register
    def _(self, pattern: Value, value: str, found: Match) -> Iterator[Match]:
        yield from _bound(found, pattern.name, value)

    @_match.register
    def _(self, pattern: Constant, value: str, found: Match) -> Iterator[Match]:
        if self.editing.constant(value) is not None:
            yield from _bound(found, pattern.name, value)

    @_match.register
    def _(self, pattern: Number, value: str, found: Match) -> Iterator[Match]:
        number = self.editing.number(value)
        if number is not None:
            yield from _numbered(found, pattern.number, number)

    @_match.register
    def _(self, pattern: AnyNumber, value: str, found: Match) -> Iterator[Match]:
        number = self.editing.number(value)
        if number is not None:
            yield from _numbered(found, pattern, number)

    @_match.register
    def _(self, pattern: OneOf, value: str, found: Match) -> Iterator[Match]:
        for each in pattern.patterns:
            yield from self._match(each, value, found)

    @_match.register
    def _(self, pattern: Apply, value: str, found: Match) -> Iterator[Match]:
        node = self.editing.producers.get(value)
        if node is None or node.op.name != pattern.op or len(node.inputs) != len(pattern.inputs):
            return
        if any(not _fits(getattr(node.op, name), wanted) for name, wanted in pattern.attrs.items()):
            return
        found = _with_nodes(found, (node,))
        for named in _bound(found, pattern.name, value) if pattern.name else [found]:
            yield from self._match_all(pattern.inputs, node.inputs, named)

    @_match.register
    def _(self, pattern: Sum, value: str, found: Match) -> Iterator[Match]:
        yield from self._match_any_order(pattern.parts, pattern.number, self._terms(value), found)

    @_match.register
    def _(self, pattern: Product, value: str, found: Match) -> Iterator[Match]:
        yield from self._match_any_order(pattern.parts, pattern.number, self._factors(value), found)

    def _match_all(self, patterns: Sequence[Pattern], values: Sequence[str], found: Match) -> Iterator[Match]:
        if not patterns:
            yield found
            return
        for first in self._match(patterns[0], values[0], found):
            yield from self._match_all(patterns[1:], values[1:], first)

    def _match_any_order(
        self, patterns: Sequence[Pattern], number: float | AnyNumber, parts: _Parts, found: Match
    ) -> Iterator[Match]:
        if len(parts.values) != len(patterns):
            return
        for numbered in _numbered(_with_nodes(found, parts.nodes), number, parts.number):
            for order in dict.fromkeys(itertools.permutations(parts.values)):
                yield from self._match_all(patterns, order, numbered)

    # -- sums and products of the graph --------------------------------------------------------

    def _terms(self, value: str, depth: int = 0) -> _Parts:
        """The sum that a value is: its terms, and all numbers in one."""
        number = self.editing.number(value)
        if number is not None:
            return _Parts(number, (), ())
        node, whole = self._inner(value, depth), _Parts(0.0, (value,), ())
        if node is None or node.op.name not in ("add", "sub") or getattr(node.op, "activation", None) is not None:
            return whole
        a, b = node.inputs
        if node.op.name == "add":
            first, second = self._terms(a, depth + 1), self._terms(b, depth + 1)
            return whole.unless_too_many(
                first.number + second.number, first.values + second.values, (node, *first.nodes, *second.nodes)
            )
        taken = self.editing.number(b)
        if taken is None:
            return whole
        first = self._terms(a, depth + 1)
        return _Parts(first.number - taken, first.values, (node, *first.nodes))

    def _factors(self, value: str, depth: int = 0) -> _Parts:
        """The product that a value is: its factors, and all numbers in one."""
        number = self.editing.number(value)
        if number is not None:
            return _Parts(number, (), ())
        node, whole = self._inner(value, depth), _Parts(1.0, (value,), ())
        if node is None:
            return whole
        if node.op.name == "mul":
            a, b = (self._factors(operand, depth + 1) for operand in node.inputs)
            return whole.unless_too_many(a.number * b.number, a.values + b.values, (node, *a.nodes, *b.nodes))
        if node.op.name == "neg":
            a = self._factors(node.inputs[0], depth + 1)
            return _Parts(-a.number, a.values, (node, *a.nodes))
        second = self.editing.number(node.inputs[1]) if node.op.name in ("div", "pow") else None
        if second is None:
            return whole
        a = self._factors(node.inputs[0], depth + 1)
        if node.op.name == "div":
            exact = getattr(node.op, "rounding_mode", None) is None and second != 0
            return _Parts(a.number / second, a.values, (node, *a.nodes)) if exact else whole
        if second not in (2, 3):
            return whole
        times = int(second)
        return whole.unless_too_many(math.prod([a.number] * times), a.values * times, (node, *a.nodes))

    def _inner(self, value: str, depth: int) -> Node | None:
        """The node that computes a value, if it is the root or has a single reader, so that it can be a part."""
        node = self.editing.producers.get(value)
        alone = depth == 0 or (value not in self.editing.outputs and len(self.editing.readers(value)) == 1)
        return node if alone and depth < DEEPEST else None


@dataclass(frozen=True)
class _Parts:
    """Terms of a sum or factors of a product, their number, and the nodes that join them, the last first."""

    number: float
    values: tuple[str, ...]
    nodes: tuple[Node, ...]

    def unless_too_many(self, number: float, values: tuple[str, ...], nodes: tuple[Node, ...]) -> _Parts:
        """Those of a longer sum or product, or these, if it is longer than any pattern."""
        return _Parts(number, values, nodes) if len(values) <= MOST_PARTS else self


def _bound(found: Match, name: str, value: str) -> Iterator[Match]:
    """The match with a name for a value, unless it is that of another one."""
    if found.values.get(name, value) == value:
        yield replace(found, values={**found.values, name: value})


def _numbered(found: Match, wanted: float | AnyNumber, number: float) -> Iterator[Match]:
    """The match if a number is the one that is wanted, with its name if it may be any."""
    if isinstance(wanted, AnyNumber):
        if math.isclose(found.numbers.get(wanted.name, number), number, rel_tol=CLOSE):
            yield replace(found, numbers={**found.numbers, wanted.name: number})
    elif math.isclose(number, wanted, rel_tol=CLOSE):
        yield found


def _with_nodes(found: Match, nodes: Sequence[Node]) -> Match:
    new = tuple(node for node in nodes if all(node is not other for other in found.nodes))
    return replace(found, nodes=found.nodes + new)


def _fits(value: object, wanted: object) -> bool:
    if isinstance(wanted, float) and isinstance(value, int | float):
        return math.isclose(value, wanted, rel_tol=CLOSE)
    return value == wanted
