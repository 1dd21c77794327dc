"""Channel and pixel shuffles, which files have as a reshape, a permute and a reshape."""

from __future__ import annotations

from tinyinfer.dim import expression_of
from tinyinfer.graph import Node
from tinyinfer.ops.base import axis
from tinyinfer.ops.movement.channel_shuffle import ChannelShuffle
from tinyinfer.ops.movement.pixel_shuffle import PixelShuffle, PixelUnshuffle
from tinyinfer.passes.portable.recognise.editing import Editing
from tinyinfer.passes.portable.recognise.matching import Match
from tinyinfer.passes.portable.recognise.pattern import Pattern, Value, apply
from tinyinfer.passes.portable.recognise.rewriting import Made, Rule, rewrite


def reshaped(pattern: Pattern) -> Pattern:
    """The value in another shape, which a file may take from another value."""
    return apply("reshape", pattern) | apply("reshape_as", pattern, Value("like"))


MOVED = reshaped(apply("permute", apply("reshape", Value("x"), name="table"), name="moved"))

TO_PIXELS, FROM_PIXELS = (0, 1, 4, 2, 5, 3), (0, 1, 3, 5, 2, 4)  # of (N, C, r, r, H, W) and of (N, C, H, r, W, r)


def order_of(permute: Node) -> tuple[int, ...]:
    """The dimensions of a permute, counted from the front."""
    dims = permute.op.dims  # type: ignore[attr-defined]
    return tuple(axis(dim, len(dims)) for dim in dims)


def _channel_shuffle(match: Match) -> Made | None:
    """The channels as a table of (groups, C / groups), transposed; the image may be one dimension meanwhile."""
    x, table, order = match.shape("x"), match.shape("table"), order_of(match.node("moved"))
    if len(x) < 2 or len(table) < 3 or order != (0, 2, 1, *range(3, len(table))):
        return None
    groups, channels = table[1:3]
    if same_size(table[0], x[0]) and type(groups) is int and same_size(groups * channels, x[1]):
        return Made(ChannelShuffle(groups), (match["x"],))
    return None


def _pixel_shuffle(match: Match) -> Made | None:
    x, table = match.shape("x"), match.shape("table")
    if order_of(match.node("moved")) != TO_PIXELS or len(x) != 4 or type(table[2]) is not int:
        return None
    n, c, r, s, h, w = table
    if r == s and all(map(same_size, (n, c * r * r, h, w), x)):
        return Made(PixelShuffle(r), (match["x"],))
    return None


def _pixel_unshuffle(match: Match) -> Made | None:
    x, table = match.shape("x"), match.shape("table")
    if order_of(match.node("moved")) != FROM_PIXELS or len(x) != 4 or type(table[3]) is not int:
        return None
    n, c, h, r, w, s = table
    if r == s and all(map(same_size, (n, c, h * r, w * r), (x[0], x[1], x[2] // r * r, x[3] // r * r))):
        return Made(PixelUnshuffle(r), (match["x"],))
    return None


def same_size(a: int, b: int) -> bool:
    """Whether two sizes are one, be they free."""
    return expression_of(a) == expression_of(b)


RULES = (Rule(MOVED, _channel_shuffle), Rule(MOVED, _pixel_shuffle), Rule(MOVED, _pixel_unshuffle))


def recognise_shuffles(editing: Editing) -> None:
    """Make such triples of nodes one shuffle."""
    rewrite(editing, RULES)
