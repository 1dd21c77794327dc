"""Rules that put one operator in the place of what a pattern describes, and the walk that applies them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tinyinfer.dim import expression_of
from tinyinfer.errors import GraphError
from tinyinfer.graph import Node, Operator, TensorType
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.matching import Match, Matcher
from tinyinfer.passes.portable.recognise.patterns.pattern import Pattern


@dataclass(frozen=True)
class Made:
    """The operator that a match is: its inputs, and its parameters as keys of weights or as arrays."""

    op: Operator
    inputs: tuple[str, ...]
    params: Mapping[str, str | np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """A pattern and what a match of it becomes; None where it is something else after all."""

    pattern: Pattern
    make: Callable[[Match], Made | None]


def becomes(op: Operator, *inputs: str) -> Callable[[Match], Made]:
    """The operator over values that the pattern names, "x" unless said."""
    return lambda match: Made(op, tuple(match[name] for name in inputs or ("x",)))


def rewrite(editing: Editing, rules: Sequence[Rule]) -> None:
    """Make each match of a rule a single node.

    Inner matches come before those around them, so that rules can build on one another.  What a rule makes has the
    type of what it replaces at every input size, or nothing is replaced.
    """
    by_root: dict[str, list[Rule]] = {}
    for rule in rules:
        for root in rule.pattern.roots:
            by_root.setdefault(root, []).append(rule)
    matcher = Matcher(editing)
    for node in editing.in_order():
        while node in editing and (made := next(_matches(matcher, node, by_root), None)) is not None:
            node = _replace(editing, *made)


def _matches(matcher: Matcher, node: Node, by_root: Mapping[str, Sequence[Rule]]) -> Iterator[tuple[Match, Made]]:
    for rule in by_root.get(node.op.name, ()):
        for match in matcher.match(rule.pattern, node):
            made = rule.make(match)
            if made is not None and _same_type(matcher.editing, match, made):
                yield match, made


def _same_type(editing: Editing, match: Match, made: Made) -> bool:
    params = {
        role: TensorType(p.shape, str(p.dtype)) if isinstance(p, np.ndarray) else editing.param_types({role: p})[role]
        for role, p in made.params.items()
    }
    try:
        found = made.op.infer([editing.types[value] for value in made.inputs], params)
    except GraphError:
        return False
    return len(found) == len(match.root.outputs) == 1 and same_at_every_size(found[0], match.result)


def same_at_every_size(a: TensorType, b: TensorType) -> bool:
    """Whether two types are the same, free sizes and all."""
    sizes = zip(a.shape, b.shape, strict=False)
    return (
        len(a.shape) == len(b.shape)
        and a.dtype == b.dtype
        and all(expression_of(m) == expression_of(n) for m, n in sizes)
    )


def _replace(editing: Editing, match: Match, made: Made) -> Node:
    """Put the operator where the match was; returns its node, which has the root's name and value."""
    root = match.root
    for node in match.nodes:
        editing.remove(node)
    keys = {
        role: editing.weight(f"{root.name}.{role}", p) if isinstance(p, np.ndarray) else p
        for role, p in made.params.items()
    }
    new = Node(root.name, made.op, made.inputs, root.outputs, keys)
    editing.add(new)
    return new
