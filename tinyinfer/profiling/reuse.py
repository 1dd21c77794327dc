"""Where the bytes that a step moves were left: how much else has been touched since they were.

A cache keeps what was used last.  A value that the step before has written is in the innermost cache that it fits; a
weight was last used one run ago, so that all that a run touches has come between (Mattson, Gecsei, Slutz and Traiger,
"Evaluation techniques for storage hierarchies", 1970: the stack distance).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tinyinfer.runtime.plan import Plan, Step


class Traffic(NamedTuple):
    """Bytes that are read or written, and the bytes that were touched since these were, themselves included."""

    bytes: int
    distance: int


def traffic(plan: Plan) -> list[list[Traffic]]:
    """For each step its inputs, weights and outputs, in a run that follows another."""
    whole = working_set(plan)
    touched, last = 0, dict[str, int]()
    found: list[list[Traffic]] = []
    for step in plan.steps:
        moved = []
        for name, kind in zip(step.inputs, step.input_types, strict=False):
            size = kind.bytes
            moved.append(Traffic(size, min(touched - last.get(name, touched - whole) + size, whole)))
        if weights := _weights(plan, step):
            moved.append(Traffic(weights, whole))
        # memory that values take turns to use: all of it may have been used since
        moved += [Traffic(kind.bytes, min(plan.arena_bytes, whole)) for kind in step.output_types]
        touched += sum(part.bytes for part in moved)
        last.update(dict.fromkeys((*step.inputs, *step.outputs), touched))
        found.append(moved)
    return found


def working_set(plan: Plan) -> int:
    """Bytes that a run touches: weights, each once however many steps read it, and the arena."""
    weights: dict[str, int] = {}
    for step in plan.steps:
        kinds = plan.graph.param_types(step.node)
        weights.update((step.node.params[role], kind.bytes) for role, kind in kinds.items())
    return sum(weights.values()) + plan.arena_bytes


def scaled(parts: Sequence[Traffic], total: int) -> list[Traffic]:
    """The same mix with ``total`` bytes, which an operator that reads only some of its inputs may not move."""
    size = sum(part.bytes for part in parts)
    return [Traffic(round(part.bytes * total / size), part.distance) for part in parts] if size else []


def _weights(plan: Plan, step: Step) -> int:
    return sum(kind.bytes for kind in plan.graph.param_types(step.node).values())
