"""Paddings of their own in front of layers that can pad as well."""

from __future__ import annotations

import dataclasses

from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.movement.pad import Pad
from tinyinfer.ops.pooling.pooling import AvgPool2d, MaxPool2d
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.matching import Match
from tinyinfer.passes.portable.recognise.patterns.pattern import Value, apply
from tinyinfer.passes.portable.recognise.patterns.rules import Made, Rule, rewrite

PADDED = apply("pad", Value("x"), mode="constant", name="padded")
LOWEST = -3e38  # what files write for minus infinity, which a pad can be of as well
NOT_NEGATIVE = ("relu", "relu6", "sigmoid", "hardsigmoid")  # values that no window takes zeros of padding for


def _merged(match: Match) -> Made | None:
    """The layer, padding as much more as the pad did; padding by zeros alone, or by minus infinity for a maximum."""
    pad, op = match.node("padded").op, match.root.op
    assert isinstance(pad, Pad)
    assert isinstance(op, Conv2d | MaxPool2d | AvgPool2d)
    sides = (0,) * (4 - len(pad.pad)) + pad.pad[-4:]  # top, bottom, left, right
    if any(pad.pad[:-4]) or min(sides) < 0 or isinstance(op.padding, str) or not _pads_alike(match, pad, op):
        return None
    top, bottom, left, right = (own + more for own, more in zip(op.padding, sides, strict=True))
    merged = dataclasses.replace(op, padding=(top, bottom, left, right))
    if isinstance(merged, AvgPool2d):
        merged = dataclasses.replace(merged, count_include_pad=True)
    return Made(merged, (match["x"], *match.root.inputs[1:]), match.root.params)


def _pads_alike(match: Match, pad: Pad, op: Conv2d | MaxPool2d | AvgPool2d) -> bool:
    """Whether the layer's own padding is the pad's."""
    if isinstance(op, Conv2d):
        return pad.value == 0 and op.padding_mode == "zeros"
    if isinstance(op, AvgPool2d):
        counted = op.count_include_pad or op.divisor_override is not None or not any(op.padding)
        return pad.value == 0 and counted and not op.ceil_mode
    producer = match.editing.producers.get(match["x"])
    harmless = producer is not None and producer.op.name in NOT_NEGATIVE and pad.value == 0
    return (harmless or pad.value <= LOWEST) and not op.ceil_mode


RULES = tuple(Rule(apply(name, PADDED), _merged) for name in ("conv2d", "max_pool2d", "avg_pool2d"))


def recognise_pads(editing: Editing) -> None:
    """Leave the padding to the layer."""
    rewrite(editing, RULES)
