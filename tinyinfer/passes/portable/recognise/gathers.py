"""Elements picked by lists of places that have a rule: reshapes, slices and channel shuffles."""

from __future__ import annotations

import numpy as np

from tinyinfer.ops.base import axis
from tinyinfer.ops.movement.channel_shuffle import ChannelShuffle
from tinyinfer.ops.movement.joining import IndexSelect
from tinyinfer.ops.movement.slicing import Slice
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


def _slice(match: Match) -> Made | None:
    """Every so many-th entry, from one on."""
    op = match.root.op
    assert isinstance(op, IndexSelect)
    first, last, step = op.index[0], op.index[-1], op.index[1] - op.index[0] if len(op.index) > 1 else 1
    if step < 1 or op.index != tuple(range(first, last + 1, step)):
        return None
    return Made(Slice(op.dim, first, last + 1, step), (match["x"],))


def _channel_shuffle(match: Match) -> Made | None:
    """All channels, the first of each group, then the second of each, and so on."""
    op, shape = match.root.op, match.shape("x")
    assert isinstance(op, IndexSelect)
    if axis(op.dim, len(shape)) != 1 or len(op.index) != shape[1]:
        return None
    channels = op.index[1] if len(op.index) > 1 else 1
    if channels <= 1 or shape[1] % channels:
        return None
    table = np.arange(shape[1]).reshape(-1, channels)
    same = np.array_equal(table.T.reshape(-1), op.index)
    return Made(ChannelShuffle(len(table)), (match["x"],)) if same else None


RULES = (
    Rule(apply("index", ROW, Constant("places"), dim=0), _reshape),  # torch's as_strided
    Rule(apply("index_select", Value("x")), _slice),
    Rule(apply("index_select", Value("x")), _channel_shuffle),
)


def recognise_gathers(editing: Editing) -> None:
    """Make what picks elements in a simple order an operator that says which."""
    rewrite(editing, RULES)
