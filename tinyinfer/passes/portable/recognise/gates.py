"""Gates of channels around which the map goes as well: x + x * gate is a product with a gate that is 1 more."""

from __future__ import annotations

from tinyinfer.dim import expression_of
from tinyinfer.ops.arithmetic.elementwise import Mul
from tinyinfer.ops.normalization.scale_shift import ScaleShift
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.matching import Match
from tinyinfer.passes.portable.recognise.patterns.pattern import Value, apply
from tinyinfer.passes.portable.recognise.patterns.rules import Made, Rule, rewrite

x, gate = Value("x"), Value("gate")
SHORTCUT = x + apply("mul", x, gate) | x + apply("mul", gate, x)


def _one_more(match: Match) -> Made | None:
    """One pass over the map instead of two, if the gate has one number a channel."""
    image, shape = match.shape("x"), match.shape("gate")
    sizes = [*map(expression_of, shape)]
    if len(image) != 4 or sizes != [*map(expression_of, (*image[:2], 1, 1))] or match.type("gate").dtype != "float32":
        return None
    more = match.editing.insert(ScaleShift((1.0,), (1.0,)), f"{match.root.name}:gate", match["gate"])
    return Made(Mul(), (match["x"], more))


def recognise_gates(editing: Editing) -> None:
    """Let gates of squeeze-and-excitation have their shortcut in them."""
    rewrite(editing, (Rule(SHORTCUT, _one_more),))
