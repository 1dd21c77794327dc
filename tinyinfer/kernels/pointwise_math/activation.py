"""Activations, and functions of one number in general, as steps of their own: loads, a formula, stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.operands import Rows
from tinyinfer.kernels.base import ANY_RANK, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.formulas import (
    clip,
    elu,
    error_function,
    gelu,
    gelu_tanh,
    hardsigmoid,
    hardswish,
    hyperbolic,
    inverse,
    leaky,
    logarithm,
    logistic,
    logsigmoid,
    magnitude,
    mish,
    negative,
    power_of_e,
    rounded,
    rounded_down,
    rounded_up,
    sign,
    silu,
    softplus,
    softsign,
    square_root,
)
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.parts import Pieces, as_one_row, own_channels, pieces_of, worthwhile
from tinyinfer.kernels.parallel.task import Task, task
from tinyinfer.ops.activation.activation_functions import SELU_ALPHA, SELU_SCALE
from tinyinfer.ops.base import Op

CHEAP = (clip, leaky, hardsigmoid, hardswish, softsign)
ARITHMETIC = (negative, magnitude, square_root, inverse, power_of_e)
EXPONENTIAL = (logistic, silu, hyperbolic, elu, mish, gelu, gelu_tanh)
ROUNDING = (rounded_down, rounded_up, rounded, sign)
LOGARITHMIC = (logarithm, softplus, logsigmoid)
ERROR = (error_function,)
FORMULAS = (CHEAP, ARITHMETIC, EXPONENTIAL, ROUNDING, LOGARITHMIC, ERROR)  # compiled together, a group each


class Constants(NamedTuple):
    """The numbers of a formula; most have fewer than three."""

    a: float
    b: float
    c: float


def make_activation(formulas: Sequence[Callable[..., Any]]) -> Task:
    """The formula numbered ``kind`` over rows of channels."""

    @vector_function(kind="int", x=Rows, y=Rows, rows="int", channels="int", constants=Constants)
    def apply(v, kind, x, y, rows, channels, constants):
        numbers, blocks = [v.broadcast(number) for number in constants], channels // LANES
        for number, formula in enumerate(formulas):
            with v.when(kind == number), v.loop(rows) as row:
                source, target = row * x.stride, row * y.stride
                with v.loop(blocks) as block:
                    at = block * LANES
                    v.store(formula(v, v.load(x.address, source + at), *numbers), y.address, target + at)
                end = blocks * LANES
                with v.when(channels != end):
                    mask = v.mask(channels - end)
                    value = formula(v, v.load_masked(x.address, source + end, mask), *numbers)
                    v.store_masked(value, y.address, target + end, mask)

    @task
    def activation(part, parts, kind, x: Rows, y: Rows, channels, constants: Constants, pieces: Pieces):
        p0, p1, first, count = own_channels(part, parts, channels, pieces)
        apply(kind, x.at(p0, first), y.at(p0, first), p1 - p0, count, constants)

    return activation


GROUPS = tuple((formulas, make_activation(formulas)) for formulas in FORMULAS)


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
    "log": lambda op: (logarithm, ()),
    "erf": lambda op: (error_function, ()),
    "floor": lambda op: (rounded_down, ()),
    "ceil": lambda op: (rounded_up, ()),
    "round": lambda op: (rounded, ()),
    "sign": lambda op: (sign, ()),
    "softplus": lambda op: (softplus, (op.beta, op.threshold, 1 / op.beta)),
    "logsigmoid": lambda op: (logsigmoid, ()),
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

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        formula, numbers = SETTINGS[self.problem.op.name](self.problem.op)
        constants = Constants(*map(np.float32, (*numbers, 0, 0, 0)[:3]))
        x, y = inputs[0], outputs[0]
        rows, channels = as_one_row(x, y)
        group, activation = next(pair for pair in GROUPS if formula in pair[0])
        pieces, parts = pieces_of(rows, channels, worthwhile(self.problem.threads, rows * channels))
        return activation.bind(parts, group.index(formula), Rows.of(x), Rows.of(y), channels, constants, pieces)


KERNELS = tuple(
    type(f"{op.title().replace('_', '')}Vector", (_Activation,), {"op": op, "__doc__": _Activation.__doc__})
    for op in SETTINGS
)
