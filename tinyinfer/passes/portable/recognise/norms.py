"""Layer, group and instance norms that files have as means and roots, or as norms of reshaped values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from tinyinfer.ops.arithmetic.reduction import Mean
from tinyinfer.ops.normalization.norms import GroupNorm, InstanceNorm, LayerNorm
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.matching import Match
from tinyinfer.passes.portable.recognise.patterns.pattern import AnyNumber, Constant, Number, Pattern, Value, apply
from tinyinfer.passes.portable.recognise.patterns.rearrangement import order_of
from tinyinfer.passes.portable.recognise.patterns.rules import Made, Rule, rewrite

x = Value("x")
DIFFERENCE = apply("sub", x, apply("mean", x, keepdim=True, name="mean"))
VARIANCE = apply("mean", DIFFERENCE * DIFFERENCE, keepdim=True, name="variance") + AnyNumber("eps")
DEVIATION = apply("sqrt", VARIANCE)
INVERSE = apply("reciprocal", DEVIATION) | apply("div", Number(1), DEVIATION) | apply("pow", VARIANCE, Number(-0.5))
NORMALISED = apply("div", DIFFERENCE, DEVIATION) | DIFFERENCE * INVERSE

ROWS = apply("instance_norm", apply("reshape", x, name="rows"), name="norm")
GROUPED = apply("reshape", ROWS) | apply("reshape_as", ROWS, Value("like"))
LAST = apply("permute", apply("layer_norm", apply("permute", x, name="before"), name="norm"), name="after")

NORMS = ("layer_norm", "group_norm", "instance_norm")


def _layer_norm(match: Match) -> Made | None:
    """Over the dimensions of the mean, which must be neighbours and of known size; all pixels are an instance norm."""
    shape = match.shape("x")
    mean, variance = match.node("mean").op, match.node("variance").op
    assert isinstance(mean, Mean)
    assert isinstance(variance, Mean)
    axes, eps = sorted(mean.axes(len(shape))), match.numbers["eps"]
    if axes != sorted(variance.axes(len(shape))) or axes != list(range(axes[0], axes[-1] + 1)) or eps < 0:
        return None
    sizes = tuple(shape[axis] for axis in axes)
    free = any(type(size) is not int for size in sizes)
    if axes == list(range(2, len(shape))) and (free or len(shape) > 3):  # of three dimensions, the last are features
        return Made(InstanceNorm(eps), (match["x"],))
    if free:
        return None
    dim = None if axes[-1] == len(shape) - 1 else axes[0]
    return Made(LayerNorm(sizes, eps, dim), (match["x"],))


def _group_norm(match: Match) -> Made | None:
    """Groups of channels as the channels of an instance norm that leaves them unscaled."""
    norm, x, rows = match.node("norm"), match.shape("x"), match.shape("rows")
    assert isinstance(norm.op, InstanceNorm)
    plain = all(np.all(match.editing.graph.weights[key] == (role == "weight")) for role, key in norm.params.items())
    if not plain or "running_var" in norm.params or len(x) < 2 or not isinstance(rows[1], int) or rows[0] != x[0]:
        return None
    if type(rows[1]) is not int or x[1] % rows[1]:
        return None
    return Made(GroupNorm(rows[1], norm.op.eps), (match["x"],))


def _layer_norm_at(match: Match) -> Made | None:
    """A norm over dimensions that were brought to the end and are brought back behind it."""
    norm, before, after = match.node("norm"), order_of(match.node("before")), order_of(match.node("after"))
    assert isinstance(norm.op, LayerNorm)
    count = len(norm.op.normalized_shape)
    axes = list(before[-count:])
    if norm.op.dim is not None or [before[axis] for axis in after] != list(range(len(before))):
        return None
    if axes != list(range(axes[0], axes[0] + count)):
        return None
    return Made(dataclasses.replace(norm.op, dim=axes[0]), (match["x"],), norm.params)


def _with(role: str) -> Callable[[Match], Made | None]:
    """A norm with a factor or summand that it does not have yet."""

    def make(match: Match) -> Made | None:
        norm = match.node("norm")
        if role in norm.params or (role == "weight" and "bias" in norm.params):
            return None
        array = _per_channel(match, match.array(role))
        return None if array is None else Made(norm.op, (match["x"],), {**norm.params, role: array})

    return make


def _per_channel(match: Match, array: np.ndarray) -> np.ndarray | None:
    """A constant that broadcasts over a norm's value in the shape of its parameters; None where it does not fit."""
    norm, shape = match.node("norm"), match.shape("norm")
    op, rank = norm.op, len(shape)
    axes: Sequence[int] = op.axes(rank) if isinstance(op, LayerNorm) else (1,)
    sizes = [shape[axis] for axis in axes]
    wanted = [shape[axis] if axis in axes else 1 for axis in range(rank)]
    given = [1] * (rank - array.ndim) + list(array.shape)
    if given != wanted or array.dtype != np.float32:
        return None
    return array.reshape([int(size) for size in sizes])


def _affine(name: str, role: str) -> Pattern:
    norm, constant = apply(name, x, name="norm"), Constant(role)
    return norm * constant if role == "weight" else norm + constant


RULES = (
    Rule(NORMALISED, _layer_norm),
    Rule(GROUPED, _group_norm),
    Rule(LAST, _layer_norm_at),
    *(Rule(_affine(name, role), _with(role)) for name in NORMS for role in ("weight", "bias")),
)


def recognise_norms(editing: Editing) -> None:
    """Make norms by a sample's own statistics one node, their factors and summands included."""
    rewrite(editing, RULES)
