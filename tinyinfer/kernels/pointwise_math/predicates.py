"""What is true of each element, and the choice by it: comparisons, logic, where; truth values are a byte each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.operands import Address
from tinyinfer.kernels.base import ANY_RANK, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import struct
from tinyinfer.kernels.parallel.parts import Pieces, as_one_row, own_channels, pieces_of, worthwhile
from tinyinfer.kernels.parallel.task import Task, in_turn, task
from tinyinfer.kernels.pointwise_math.arithmetic import is_single
from tinyinfer.ops.base import Op

TRUTH, NUMBER = "bool", "float32"


@struct
class Elements(NamedTuple):
    """Rows of numbers or truth values, ``stride`` of them from one row to the next, with a ``step`` of 1.

    A step of 0 is one number for all, which lies there LANES times, so that one way to load serves both.
    """

    address: Address
    stride: int
    step: int


class Formula(NamedTuple):
    """What is computed of which inputs: numbers are vectors, truth values masks."""

    inputs: tuple[str, ...]
    output: str
    compute: Callable[..., Any]


def compared(relation: str) -> Formula:
    """Whether two numbers are in a relation."""
    return Formula((NUMBER, NUMBER), TRUTH, lambda v, a, b: v.compare(relation, a, b))


FORMULAS = {
    "eq": compared("=="),
    "ne": compared("!="),
    "lt": compared("<"),
    "le": compared("<="),
    "gt": compared(">"),
    "ge": compared(">="),
    "logical_and": Formula((TRUTH, TRUTH), TRUTH, lambda v, a, b: v.intersection(a, b)),
    "logical_or": Formula((TRUTH, TRUTH), TRUTH, lambda v, a, b: v.union(a, b)),
    "logical_xor": Formula((TRUTH, TRUTH), TRUTH, lambda v, a, b: v.difference(a, b)),
    "logical_not": Formula((TRUTH,), TRUTH, lambda v, a: v.complement(a)),
    "isnan": Formula((NUMBER,), TRUTH, lambda v, a: v.is_nan(a)),
    "isinf": Formula((NUMBER,), TRUTH, lambda v, a: v.compare("==", v.abs(a), v.constant(math.inf))),
    "where": Formula((TRUTH, NUMBER, NUMBER), NUMBER, lambda v, condition, a, b: v.where(condition, a, b)),
}


def make_evaluation(formula: Formula) -> Task:
    """The formula over rows; of fewer inputs than three the last stands for those that it lacks."""

    def load(v: Any, dtype: str, x: Any, row: Any, at: Any, mask: Any) -> Any:
        place = (row * x.stride + at) * x.step
        return v.load_truth(x.address, place, mask) if dtype == TRUTH else v.load_numbers(dtype, x.address, place, mask)

    @vector_function(a=Elements, b=Elements, c=Elements, y=Elements, rows="int", count="int")
    def evaluate_rows(v, a, b, c, y, rows, count):
        end = count // LANES * LANES
        rest = v.mask(count - end)
        with v.loop(rows) as row:

            def evaluate(at, mask, row=row):
                given = zip(formula.inputs, (a, b, c), strict=False)
                value = formula.compute(v, *(load(v, dtype, x, row, at, mask) for dtype, x in given))
                place = row * y.stride + at
                if formula.output == TRUTH:
                    v.store_truth(value, y.address, place, mask)
                else:
                    v.store_numbers(formula.output, value, y.address, place, mask)

            with v.loop(end, LANES) as k:
                evaluate(k, None)
            with v.when(count != end):
                evaluate(end, rest)

    sizes = {TRUTH: 1, NUMBER: 4}
    a_size, b_size, c_size = (sizes[dtype] for dtype in (*formula.inputs, *[formula.inputs[-1]] * 2)[:3])
    y_size = sizes[formula.output]

    @task
    def evaluate(part, parts, a: Elements, b: Elements, c: Elements, y: Elements, count, pieces: Pieces):
        p0, p1, first, own = own_channels(part, parts, count, pieces)
        evaluate_rows(
            Elements(a.address + (p0 * a.stride + first) * a.step * a_size, a.stride, a.step),
            Elements(b.address + (p0 * b.stride + first) * b.step * b_size, b.stride, b.step),
            Elements(c.address + (p0 * c.stride + first) * c.step * c_size, c.stride, c.step),
            Elements(y.address + (p0 * y.stride + first) * y_size, y.stride, 1),
            p1 - p0,
            own,
        )

    return evaluate


EVALUATIONS = {name: make_evaluation(formula) for name, formula in FORMULAS.items()}


@vector_function(x="address", y="address")
def spread_number(v, x, y):
    """A number in LANES places."""
    v.store(v.load_broadcast(x), y)


@task
def spread(part, parts, x: Address, y: Address):
    """A number in LANES places."""
    spread_number(x, y)


class _Predicate(Kernel):
    """Inputs of the output's shape, or single numbers; one subclass an operator."""

    name: ClassVar[str] = "vector"
    dtypes = (NUMBER, TRUTH)
    ranks = ANY_RANK
    tolerance = 0.0

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        self.workspace_floats = LANES * len(problem.inputs)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        out, formula = problem.outputs[0], FORMULAS[problem.op.name]
        given = zip(problem.inputs, problem.input_dtypes, strict=True)
        fits = all(x == out or (is_single(x, out) and dtype == NUMBER) for x, dtype in given)
        return fits and problem.input_dtypes == formula.inputs

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return None

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        y, calls, elements = outputs[0], [], []
        full = [x for x, shape in zip(inputs, self.problem.inputs, strict=True) if shape == self.problem.outputs[0]]
        rows, count = as_one_row(*full, y)
        for i, (x, shape) in enumerate(zip(inputs, self.problem.inputs, strict=True)):
            if shape == self.problem.outputs[0]:
                elements.append(Elements(Address.of(x.data), x.pixel_stride, 1))
            else:
                number = Address.of(workspace[i * LANES : (i + 1) * LANES])
                calls.append(spread.bind(1, Address.of(x.data), number))
                elements.append(Elements(number, 0, 0))
        three = [*elements, *[elements[-1]] * 2][:3]
        pieces, parts = pieces_of(rows, count, worthwhile(self.problem.threads, rows * count))
        target = Elements(Address.of(y.data), y.pixel_stride, 1)
        return in_turn([*calls, EVALUATIONS[self.op].bind(parts, *three, target, count, pieces)])


KERNELS = tuple(
    type(f"{op.title().replace('_', '')}Vector", (_Predicate,), {"op": op, "__doc__": _Predicate.__doc__})
    for op in FORMULAS
)
