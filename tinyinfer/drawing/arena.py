"""The arena of a plan as a drawing: which buffer lies where, and from which step to which."""

from __future__ import annotations

from html import escape

from tinyinfer.drawing.picture import picture
from tinyinfer.drawing.theme import LIGHT, Theme
from tinyinfer.passes.machine.plan_memory import live_bound
from tinyinfer.reporting.html import COLOURS
from tinyinfer.runtime.plan import Plan

WIDTH, HEIGHT = 860.0, 260.0  # of the field
LEFT, TOP, RIGHT, BOTTOM = 62, 10, 12, 40
NAMED = 6.2  # pixels a letter of a buffer's name
WORKSPACE = "#cbd2d9"


def arena_svg(plan: Plan, theme: Theme = LIGHT) -> str:
    """A rectangle for each buffer: steps from left to right, addresses from bottom to top.

    The dashed line is the most that is alive at one step: no arena can be smaller.
    """
    total, steps = max(plan.arena_bytes, 1), len(plan.steps)
    parts = []
    for at, life in enumerate(sorted(plan.lifetimes, key=lambda life: (life.first, life.last))):
        own = life.name not in plan.placements
        name = "workspace" if own else str(life.name)
        x, width = LEFT + life.first / steps * WIDTH, (life.last - life.first + 1) / steps * WIDTH
        height = life.size / total * HEIGHT
        y = TOP + HEIGHT - plan.offsets[life.name] / total * HEIGHT - height
        label = (
            f'<text x="{x + width / 2:.1f}" y="{y + height / 2 + 4:.1f}" text-anchor="middle" fill="#1f2933">'
            f"{escape(name)}</text>"
            if width > NAMED * len(name) and height > 14
            else ""
        )
        parts.append(
            f"<g><title>{escape(name)}: {life.size / 1e6:.3f} MB, steps {life.first} to {life.last}</title>"
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" stroke="{theme.paper}" '
            f'fill="{WORKSPACE if own else COLOURS[(0, 1, 2, 3, 4)[at % 5]]}" fill-opacity="0.55"/>{label}</g>'
        )
    bound = TOP + HEIGHT * (1 - live_bound(plan.lifetimes) / total)
    axis = (
        f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{bound:.1f}" y2="{bound:.1f}" stroke="{theme.quiet}" '
        'stroke-dasharray="5 4"/>'
        f'<path d="M{LEFT},{TOP}V{TOP + HEIGHT}H{LEFT + WIDTH}" fill="none" stroke="{theme.edge}"/>'
        f'<text x="{LEFT - 8}" y="{TOP + 10}" text-anchor="end" fill="{theme.quiet}">{total / 1e6:.2f} MB</text>'
        f'<text x="{LEFT - 8}" y="{TOP + HEIGHT}" text-anchor="end" fill="{theme.quiet}">0</text>'
        f'<text x="{LEFT}" y="{TOP + HEIGHT + 18}" fill="{theme.quiet}">step 0</text>'
        f'<text x="{LEFT + WIDTH}" y="{TOP + HEIGHT + 18}" text-anchor="end" fill="{theme.quiet}">'
        f"step {steps - 1}</text>"
    )
    width, height = LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM
    title = f"An arena of {total / 1e6:.2f} MB: {len(plan.lifetimes)} buffers in {steps} steps"
    font = 'font-family="system-ui, sans-serif" font-size="11"'
    return picture(title, width, height, f"{''.join(parts)}{axis}", font)
