"""Activations, and functions of one number in general, as steps of their own: loads, a formula, stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.base import ANY_RANK, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.formulas import (
    clip,
    elu,
    gelu,
    gelu_tanh,
    hardsigmoid,
    hardswish,
    hyperbolic,
    inverse,
    leaky,
    logistic,
    magnitude,
    mish,
    negative,
    power_of_e,
    silu,
    softsign,
    square_root,
)
from tinyinfer.kernels.parts import as_one_row, own_piece, partition, worthwhile
from tinyinfer.kernels.simd import vector_function
from tinyinfer.kernels.task import Task, task
from tinyinfer.ops.activation_functions import SELU_ALPHA, SELU_SCALE
from tinyinfer.ops.base import Op

CHEAP = (clip, leaky, hardsigmoid, hardswish, softsign)
ARITHMETIC = (negative, magnitude, square_root, inverse, power_of_e)
EXPONENTIAL = (logistic, silu, hyperbolic, elu, mish, gelu, gelu_tanh)


def make_activation(formulas: Sequence[Callable[..., Any]]) -> Task:
    """The formula numbered ``kind`` over ``rows`` rows of ``blocks`` vectors."""

    @vector_function(
        kind="int", x="address", x_stride="int", y="address", y_stride="int", rows="int", blocks="int", rest="int",
        a="float", b="float", c="float",
    )  # fmt: skip
    def apply(v, kind, x, x_stride, y, y_stride, rows, blocks, rest, a, b, c):
        constants = [v.broadcast(number) for number in (a, b, c)]
        for number, formula in enumerate(formulas):
            with v.when(kind == number), v.loop(rows) as row:
                source, target = row * x_stride, row * y_stride
                with v.loop(blocks) as block:
                    at = block * LANES
                    v.store(formula(v, v.load(x, source + at), *constants), y, target + at)
                with v.when(rest != 0):
                    mask, at = v.mask(rest), blocks * LANES
                    value = formula(v, v.load_masked(x, source + at, mask), *constants)
                    v.store_masked(value, y, target + at, mask)

    @task
    def activation(part, parts, kind, x, x_stride, y, y_stride, channels, numbers, rows, blocks, block_parts):
        p0, p1, b0, b1 = own_piece(part, rows, blocks, parts, block_parts)
        first, count = b0 * LANES, min(channels, b1 * LANES) - b0 * LANES
        apply(
            kind, x.ctypes.data + (p0 * x_stride + first) * 4, x_stride,
            y.ctypes.data + (p0 * y_stride + first) * 4, y_stride,
            p1 - p0, count // LANES, count % LANES, numbers[0], numbers[1], numbers[2],
        )  # fmt: skip

    return activation


GROUPS = tuple((formulas, make_activation(formulas)) for formulas in (CHEAP, ARITHMETIC, EXPONENTIAL))


Setting = tuple[Callable[..., Any], tuple[float, ...]]

# the formula of each operator and its numbers
SETTINGS: dict[str, Callable[[Any], Setting]] = {
    "relu": lambda op: (clip, (0.0, np.inf)),
    "relu6": lambda op: (clip, (0.0, 6.0)),
    "hardtanh": lambda op: (clip, (op.min_val, op.max_val)),
    "leaky_relu": lambda op: (leaky, (op.negative_slope,)),
    "hardsigmoid": lambda op: (hardsigmoid, ()),
    "hardswish": lambda op: (hardswish, ()),
    "softsign": lambda op: (softsign, ()),
    "sigmoid": lambda op: (logistic, ()),
    "silu": lambda op: (silu, ()),
    "tanh": lambda op: (hyperbolic, ()),
    "elu": lambda op: (elu, (op.alpha, 1.0, 1.0)),
    "celu": lambda op: (elu, (op.alpha, 1.0, 1 / op.alpha)),
    "selu": lambda op: (elu, (SELU_ALPHA * SELU_SCALE, SELU_SCALE, 1.0)),
    "mish": lambda op: (mish, ()),
    "neg": lambda op: (negative, ()),
    "abs": lambda op: (magnitude, ()),
    "sqrt": lambda op: (square_root, ()),
    "reciprocal": lambda op: (inverse, ()),
    "exp": lambda op: (power_of_e, ()),
    "clamp": lambda op: (clip, (-np.inf if op.min is None else op.min, np.inf if op.max is None else op.max)),
    "gelu": lambda op: (gelu_tanh if op.approximate == "tanh" else gelu, ()),
}


class _Activation(Kernel):
    """A function of one number on a value of any shape; one subclass an operator."""

    name: ClassVar[str] = "vector"
    ranks = ANY_RANK

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return len(problem.inputs) == 1  # clamp may have bounds that are tensors

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return None

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        formula, numbers = SETTINGS[self.problem.op.name](self.problem.op)
        three = tuple(np.float32(number) for number in (*numbers, 0, 0, 0)[:3])
        x, y = inputs[0], outputs[0]
        rows, channels = as_one_row(x, y)
        blocks = -(-channels // LANES)
        group, activation = next(pair for pair in GROUPS if formula in pair[0])
        row_parts, block_parts = partition(rows, blocks, worthwhile(self.problem.threads, rows * channels))
        return activation.bind(
            row_parts * block_parts, group.index(formula), x.data, x.pixel_stride, y.data, y.pixel_stride,
            channels, three, rows, blocks, block_parts,
        )  # fmt: skip


KERNELS = tuple(
    type(f"{op.title().replace('_', '')}Vector", (_Activation,), {"op": op, "__doc__": _Activation.__doc__})
    for op in SETTINGS
)
