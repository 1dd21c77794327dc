"""A plan: its steps with their kernels, and where in the arena their values lie."""

from __future__ import annotations

from tinyinfer.drawing.arena import arena_svg
from tinyinfer.passes.machine.plan_memory import live_bound
from tinyinfer.reporting.html import details_html, facts_html, fragment, table_html
from tinyinfer.reporting.tables import Column, Table, shape_text
from tinyinfer.runtime.plan import Plan
from tinyinfer.showing import to_html, to_text


@to_html.register
def plan_html(plan: Plan) -> str:
    """Facts, the arena over time, and the steps."""
    separate = sum(lifetime.size for lifetime in plan.lifetimes)
    facts = [
        (f"{len(plan.steps)}", "steps"),
        (f"{plan.arena_bytes / 1e6:.2f} MB", "arena"),
        (f"{live_bound(plan.lifetimes) / 1e6:.2f} MB", "most alive at once"),
        (f"{separate / 1e6:.2f} MB", "if none shared memory"),
        (f"{plan.options.threads}", "thread" if plan.options.threads == 1 else "threads"),
    ]
    steps = details_html(f"every step ({len(plan.steps)})", table_html(plan_table(plan)))
    return fragment(facts_html(facts) + f'<div class="scroll">{arena_svg(plan)}</div>' + steps)


@to_text.register
def plan_text(plan: Plan) -> str:
    """The table of steps."""
    return str(plan_table(plan))


def plan_table(plan: Plan) -> Table:
    """A row for each step."""
    outputs = [(step.output_types or step.input_types)[0] for step in plan.steps]
    return Table(
        repr(plan).strip("<>"),
        [
            Column("node", [step.node.name for step in plan.steps], right=False),
            Column("operator", [step.node.op.name for step in plan.steps], right=False),
            Column("kernel", [step.kernel for step in plan.steps], right=False),
            Column("output", [shape_text(kind.shape) for kind in outputs]),
        ],
    )
