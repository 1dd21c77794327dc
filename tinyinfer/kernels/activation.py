"""Activations as steps of their own: loads, a formula, stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.formulas import (
    clip,
    elu,
    gelu,
    gelu_tanh,
    hardsigmoid,
    hardswish,
    hyperbolic,
    leaky,
    logistic,
    mish,
    silu,
    softsign,
)
from tinyinfer.kernels.parts import as_one_row, own_piece, partition, worthwhile
from tinyinfer.kernels.simd import vector_function
from tinyinfer.kernels.task import Task, task
from tinyinfer.ops.activation_functions import SELU_ALPHA, SELU_SCALE

CHEAP = (clip, leaky, hardsigmoid, hardswish, softsign)
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


cheap, exponential = make_activation(CHEAP), make_activation(EXPONENTIAL)


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
    "gelu": lambda op: (gelu_tanh if op.approximate == "tanh" else gelu, ()),
}


class _Activation(Kernel):
    """An activation on a value of any shape; one subclass an operator."""

    name: ClassVar[str] = "vector"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        formula, numbers = SETTINGS[self.problem.op.name](self.problem.op)
        three = tuple(np.float32(number) for number in (*numbers, 0, 0, 0)[:3])
        x, y = inputs[0], outputs[0]
        rows, channels = as_one_row(x, y)
        blocks = -(-channels // LANES)
        group = CHEAP if formula in CHEAP else EXPONENTIAL
        row_parts, block_parts = partition(rows, blocks, worthwhile(self.problem.threads, rows * channels))
        return (cheap if group is CHEAP else exponential).bind(
            row_parts * block_parts, group.index(formula), x.data, x.pixel_stride, y.data, y.pixel_stride,
            channels, three, rows, blocks, block_parts,
        )  # fmt: skip


KERNELS = tuple(
    type(f"{op.title().replace('_', '')}Vector", (_Activation,), {"op": op, "__doc__": _Activation.__doc__})
    for op in SETTINGS
)
