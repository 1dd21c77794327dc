"""Powers and divisions that are a simpler operator's: squares, roots and reciprocals."""

from __future__ import annotations

from tinyinfer.ops.arithmetic.elementwise import Mul
from tinyinfer.ops.arithmetic.unary import Reciprocal, Sqrt
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.matching import Match
from tinyinfer.passes.portable.recognise.patterns.pattern import Number, Value, apply
from tinyinfer.passes.portable.recognise.patterns.rules import Made, Rule, becomes, rewrite

x = Value("x")


def _cube(match: Match) -> Made:
    square = match.editing.insert(Mul(), f"{match.root.name}:square", match["x"], match["x"])
    return Made(Mul(), (square, match["x"]))


RULES = (
    Rule(apply("pow", x, Number(2)), becomes(Mul(), "x", "x")),
    Rule(apply("pow", x, Number(3)), _cube),
    Rule(apply("pow", x, Number(0.5)), becomes(Sqrt())),
    Rule(apply("pow", x, Number(-1)), becomes(Reciprocal())),
    Rule(apply("div", Number(1), x, rounding_mode=None), becomes(Reciprocal())),
)


def recognise_powers(editing: Editing) -> None:
    """Make powers products, roots and reciprocals where they are."""
    rewrite(editing, RULES)
