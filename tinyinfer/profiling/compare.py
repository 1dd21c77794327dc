"""Each fast step against the textbook: the same live inputs through the NumPy reference in float64.

Where values of other dtypes than float32 take part, rounding is part of what is computed, and the reference keeps to
the dtypes that the network has.  Of 8-bit codes it is counted by how many they differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from tinyinfer.graph import Graph, Node, Shape, TensorType
from tinyinfer.kernels.base import Kernel
from tinyinfer.ops.base import Op
from tinyinfer.ops.quantized.requantization import CODES, Requantization
from tinyinfer.profiling.subject import Inputs, make_inputs
from tinyinfer.reporting.report import Report
from tinyinfer.reporting.tables import By, Column, Table, shape_text
from tinyinfer.runtime.executor import View, execute
from tinyinfer.runtime.plan import Step
from tinyinfer.runtime.runnable import Runnable

# whole networks: errors of single steps add up; engines that differ by more compute something else
END_TO_END_TOLERANCE = 1e-3

BORDERS = ("input", "output")

_WIDE = np.float64


@dataclass(frozen=True)
class CompareRow:
    """One step or one output: largest difference over the reference's standard deviation, and what is allowed.

    Both are in codes where ``in_codes`` is true.
    """

    name: str
    op: str
    kernel: str
    shape: Shape
    error: float
    tolerance: float
    in_codes: bool = False

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; a NaN never is."""
        return self.error <= self.tolerance

    @property
    def used(self) -> float:
        """The error as a share of the tolerance."""
        if self.error == 0:
            return 0.0
        return float(np.nan_to_num(self.error, nan=np.inf)) / self.tolerance if self.tolerance else float("inf")

    def to_dict(self) -> dict[str, Any]:
        """All fields and the verdict; an error that is not a finite number is None, as JSON has no other."""
        error = self.error if np.isfinite(self.error) else None
        return {**vars(self), "error": error, "passed": self.passed}


@dataclass(frozen=True, repr=False)
class Comparison(Report):
    """Every step against the reference on its own inputs, and the outputs against a reference run of the network."""

    rows: tuple[CompareRow, ...]
    outputs: tuple[CompareRow, ...]

    @property
    def passed(self) -> bool:
        """Whether all steps and outputs are within their tolerances."""
        return all(row.passed for row in (*self.rows, *self.outputs))

    @property
    def worst(self) -> CompareRow | None:
        """The step that uses most of its tolerance, or exceeds one of none."""
        return max(self.rows, key=lambda row: row.used, default=None)

    def records(self, by: By = "node") -> list[dict[str, Any]]:
        return [row.to_dict() for row in (*self.rows, *self.outputs)]

    def to_dict(self) -> dict[str, Any]:
        """The verdict, the steps and the outputs, ready for JSON."""
        steps, outputs = ([row.to_dict() for row in rows] for rows in (self.rows, self.outputs))
        return {"passed": self.passed, "rows": steps, "outputs": outputs}

    def table(self, by: By = "node") -> Table:
        rows = (*self.rows, *self.outputs)
        failed = sum(not row.passed for row in rows)
        return Table(
            "Fast steps against the float64 reference",
            [
                Column("node", [row.name for row in rows], f"{len(self.rows)} steps", right=False),
                Column("operator", [row.op for row in rows], right=False),
                Column("kernel", [row.kernel for row in rows], right=False),
                Column("shape", [shape_text(row.shape) for row in rows]),
                Column("error", [_text(row.error, row.in_codes, 1) for row in rows]),
                Column("allowed", [_text(row.tolerance, row.in_codes, 0) for row in rows]),
                Column("verdict", ["ok" if row.passed else "FAIL" for row in rows], f"{failed} failed", right=False),
            ],
            ("error: largest |difference| over the standard deviation of the reference, or in codes",),
        )


def _text(number: float, in_codes: bool, digits: int) -> str:
    if not in_codes:
        return f"{number:.{digits}e}"
    return f"{number:.0f} code" if number == 1 else f"{number:.0f} codes"


def compare(model: Runnable, x: Inputs = None) -> Comparison:
    """Compare every step and the outputs with the reference on ``x`` (None: random numbers at nominal size).

    A step is judged on the inputs it really had, so an error shows where it arises.  Raises InputError.
    """
    arrays = make_inputs(model.graph, x)
    plan = model.plan({name: array.shape for name, array in arrays.items()})
    checker = _Checker(plan.graph.weights)
    found = execute(plan, arrays, checker)
    truth = evaluate(model.graph, arrays)
    outputs = [
        CompareRow(name, "whole network", "", y.shape, relative_error(y, truth[name]), END_TO_END_TOLERANCE)
        for name, y in found.items()
    ]
    return Comparison(tuple(checker.rows), tuple(outputs))


class _Checker:
    """A hook that runs each step and then its reference on what the step had read."""

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        self.weights = weights
        self.rows: list[CompareRow] = []

    def __call__(self, step: Step, call: Callable[[], None], view: View) -> None:
        if step.node.op.name in BORDERS:
            return call()
        exact = _all_float32((*step.input_types, *step.output_types))
        inputs = [
            np.array(view(value), _WIDE if exact else None)  # now, as a step may overwrite them
            for value in step.inputs
        ]
        call()
        truth = _reference(step.node, inputs, self.weights, exact)
        in_codes = all(kind.dtype in CODES for kind in step.output_types)
        measure = largest_difference if in_codes else relative_error
        errors = [measure(view(v), t) for v, t in zip(step.outputs, truth, strict=True)]
        self.rows.append(
            CompareRow(
                step.node.name,
                step.node.op.name,
                step.kernel,
                step.output_types[0].shape,
                float(np.max(errors)),
                _tolerance(step, in_codes),
                in_codes,
            )
        )


def _tolerance(step: Step, in_codes: bool) -> float:
    """That of the kernel; codes are the reference's, unless the formula of an activation makes them."""
    op, kernel = step.node.op, step.implementation or Kernel
    if in_codes:
        return kernel.tolerance if isinstance(op, Requantization) and not op.is_clip else 0.0
    real = isinstance(op, Requantization)  # of codes, but as real numbers: of those any kernel may have as many
    return Kernel.tolerance if real else kernel.tolerance


def evaluate(graph: Graph, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs of a graph by its operators' references, in float64 where all values are float32."""
    shapes = {name: array.shape for name, array in inputs.items()}
    exact = _all_float32(graph.infer_types(shapes).values())
    values = {name: array.astype(_WIDE) if exact else array for name, array in inputs.items()}
    order = graph.topological_order()
    last_use = {value: i for i, node in enumerate(order) for value in node.inputs}
    for i, node in enumerate(order):
        results = _reference(node, [values[value] for value in node.inputs], graph.weights, exact)
        values.update(zip(node.outputs, results, strict=True))
        for value in node.inputs:
            if last_use[value] == i and value not in graph.outputs:
                values.pop(value, None)
    return {name: values[name] for name in graph.outputs}


def _all_float32(types: Iterable[TensorType]) -> bool:
    return all(t.dtype == "float32" for t in types)


def _reference(
    node: Node, inputs: list[np.ndarray], weights: Mapping[str, np.ndarray], exact: bool
) -> list[np.ndarray]:
    params = {role: weights[key].astype(_WIDE) if exact else weights[key] for role, key in node.params.items()}
    return cast(Op, node.op).reference(inputs, params)


def largest_difference(found: np.ndarray, truth: np.ndarray) -> float:
    """Largest |found - truth| of integers."""
    return float(np.max(np.abs(found.astype(np.float64) - truth)))


def relative_error(found: np.ndarray, truth: np.ndarray) -> float:
    """Largest |found - truth| over the standard deviation of the truth (over 1 for a constant truth).

    Where both hold NaN or the same infinity they agree: a step that was handed a NaN is right to pass it on.
    """
    found, truth = found.astype(np.float64), truth.astype(np.float64)  # integers would wrap around
    agree = (found == truth) | (np.isnan(found) & np.isnan(truth))
    with np.errstate(invalid="ignore"):
        difference = np.where(agree, 0.0, np.abs(found - truth))
    finite = truth[np.isfinite(truth)]
    scale, largest = (float(np.std(finite)), float(np.max(np.abs(finite)))) if finite.size else (0.0, 0.0)
    return float(np.max(difference)) / (scale if scale > 1e-12 * largest else 1.0)
