"""Pixels that are left out in front of a 1x1 convolution, which can leave them out itself."""

from __future__ import annotations

import dataclasses

from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.movement.slicing import Slice
from tinyinfer.ops.pooling.pooling import AvgPool2d, MaxPool2d
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.matching import Match
from tinyinfer.passes.portable.recognise.patterns.pattern import Value, apply
from tinyinfer.passes.portable.recognise.patterns.rules import Made, Rule, rewrite

KINDS = ("avg_pool2d", "max_pool2d", "slice")
FEWER = tuple(apply(kind, Value("x"), name="fewer") for kind in KINDS)


def _strided(match: Match) -> Made | None:
    """The convolution with the stride of windows of one pixel, or of a slice from the first pixel on."""
    conv, step = match.root.op, _step(match.node("fewer").op)
    assert isinstance(conv, Conv2d)
    kernel = match.editing.graph.weights.shape(match.root.params["weight"])[2:]
    plain = kernel == conv.stride == (1, 1) and conv.padding in ("same", (0, 0, 0, 0)) and len(match.root.inputs) == 1
    if step is None or not plain:
        return None
    return Made(dataclasses.replace(conv, stride=step, padding=(0, 0, 0, 0)), (match["x"],), match.root.params)


def _step(op: object) -> tuple[int, int] | None:
    """Every how many-th row and column an operator keeps, if it does nothing else."""
    if isinstance(op, AvgPool2d | MaxPool2d):
        alone = op.kernel_size == (1, 1) and op.padding in ("same", (0, 0, 0, 0)) and not op.ceil_mode
        return op.step if alone and getattr(op, "divisor_override", None) in (None, 1) else None
    assert isinstance(op, Slice)
    cuts = op.cuts(4)
    if not cuts or any(axis < 2 or cut != slice(0, None, cut.step) or cut.step < 1 for axis, cut in cuts.items()):
        return None
    rows, columns = (cuts[axis].step if axis in cuts else 1 for axis in (2, 3))
    return rows, columns


RULES = tuple(Rule(apply("conv2d", fewer), _strided) for fewer in FEWER)


def recognise_strides(editing: Editing) -> None:
    """Make convolutions leave out the pixels that were left out before them."""
    rewrite(editing, RULES)
