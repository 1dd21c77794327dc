"""Reshapes that files have as elements picked from a row, all in their order: torch's as_strided."""

from __future__ import annotations

import numpy as np

from tinyinfer.ops.movement.views import Reshape
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.matching import Match
from tinyinfer.passes.portable.recognise.patterns.pattern import Constant, Value, apply
from tinyinfer.passes.portable.recognise.patterns.rules import Made, Rule, rewrite

ROW = apply("reshape", Value("x"), name="row")


def _reshape(match: Match) -> Made | None:
    places, row = match.array("places"), match.shape("row")
    in_order = len(row) == 1 and np.array_equal(places.reshape(-1), np.arange(row[0]))
    return Made(Reshape(places.shape), (match["x"],)) if in_order else None


RULES = (Rule(apply("index", ROW, Constant("places"), dim=0), _reshape),)


def recognise_gathers(editing: Editing) -> None:
    """Make what picks every element in its turn a reshape."""
    rewrite(editing, RULES)
