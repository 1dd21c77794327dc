"""Shifts, which files have as depthwise convolutions with a single 1 in each kernel."""

from __future__ import annotations

import numpy as np

from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.shift import Shift
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.matching import Match
from tinyinfer.passes.portable.recognise.patterns.pattern import Value, apply
from tinyinfer.passes.portable.recognise.patterns.rules import Made, Rule, rewrite


def _shift(match: Match) -> Made | None:
    """The displacements of a convolution that only moves its channels, if they are those of a shift."""
    node, weights = match.root, match.editing.graph.weights
    assert isinstance(node.op, Conv2d)
    channels, per_group, rows, columns = weights.shape(node.params["weight"])
    plain = node.op == Conv2d(padding=node.op.padding, groups=channels) and "bias" not in node.params
    if not plain or per_group != 1 or rows != columns or rows % 2 == 0 or node.op.padding != (rows // 2,) * 4:
        return None
    kernel = weights[node.params["weight"]].reshape(channels, -1)
    if not (kernel.max(axis=1) == 1).all() or np.count_nonzero(kernel) != channels:
        return None
    steps = np.stack(np.divmod(kernel.argmax(axis=1), columns), axis=1) - rows // 2
    sizes = [(size, 2 * (rows // 2) // (size - 1)) for size in range(3, rows + 1, 2) if (rows // 2) % (size // 2) == 0]
    for size, dilation in sizes:
        shift = Shift(size, dilation)
        if np.array_equal(shift.displacements(channels, {}), steps):
            return Made(shift, (match["x"],))
    return None


RULES = (Rule(apply("conv2d", Value("x")), _shift),)


def recognise_shifts(editing: Editing) -> None:
    """Make convolutions that move whole channels, and multiply nothing, shifts."""
    rewrite(editing, RULES)
