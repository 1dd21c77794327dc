"""Runs plans.  The executor holds no timing code: a hook that sees each step serves all who want to look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.graph import TensorType
from tinyinfer.runtime.execution_context import ExecutionContext
from tinyinfer.runtime.plan import Plan, Step
from tinyinfer.runtime.threads import guard

View = Callable[[str], np.ndarray]


class Hook(Protocol):
    """Called once a step instead of it; must call ``call`` exactly once.

    ``view(name)`` gives a live view of a value: inputs before the call, outputs after it.
    """

    def __call__(self, step: Step, call: Callable[[], None], view: View) -> None: ...


def execute(plan: Plan, inputs: Mapping[str, np.ndarray], hook: Hook | None = None) -> dict[str, np.ndarray]:
    """Run the plan; returns new arrays by output name.  Several Python threads may run one plan at once.

    Raises InputError for arrays of other names or shapes than the plan was made for: kernels check no bounds.
    """
    for i in plan.graph.inputs:
        if i.name not in inputs or inputs[i.name].shape != plan.types[i.name].shape:
            found = TensorType(inputs[i.name].shape) if i.name in inputs else "none"
            raise InputError(f"input {i.name!r}: the plan is for {plan.types[i.name]}, found {found}")
    with guard(plan.options.threads):  # around the binding too, which starts the threads
        context = plan.contexts.take() or ExecutionContext(plan)
        try:
            context.arena.given.update(inputs)
            if hook is None:
                context.run()
            else:
                for step, call in zip(plan.steps, context.calls, strict=True):
                    hook(step, call, context.arena.view)
            return {name: context.results[name] for name in plan.graph.outputs}
        finally:
            context.arena.given.clear()
            context.results.clear()
            plan.contexts.give_back(context)
