"""Runs any kernel on any problem and compares it with the reference in float64.

Memory is laid out to catch trespassers: values may be channel slices of wider tensors, what a kernel must not
read is NaN, what it must not write is a canary, and workspace is misaligned and full of NaN.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyinfer import kernels, ops
from tinyinfer.graph import Shape, TensorType
from tinyinfer.kernels.base import NHWC, ROWS, FeatureMap, Kernel, Layout, Planes, Problem, pixel_dims, usual_layout
from tinyinfer.kernels.parallel.pages import aligned_empty
from tinyinfer.ops.base import Op
from tinyinfer.ops.quantized.requantization import Requantization

CANARY = np.float32(-54321.0)
GUARD = 4099  # floats on each side of workspace, odd so that workspace is misaligned


def make_problem(
    op: Op, inputs: Sequence[Shape], params: Mapping[str, np.ndarray], threads: int, dtypes: Sequence[str] = ()
) -> Problem:
    """What a plan would ask a kernel to compute; inputs are float32 unless ``dtypes`` says otherwise."""
    types = [TensorType(*pair) for pair in zip(inputs, dtypes or ["float32"] * len(inputs), strict=True)]
    outputs = op.infer(types, {role: TensorType(a.shape, str(a.dtype)) for role, a in params.items()})
    found = tuple(t.dtype for t in types), tuple(t.dtype for t in outputs)
    return Problem(op, params, tuple(inputs), tuple(t.shape for t in outputs), threads, *found)


def random_params(shapes: Mapping[str, Shape], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Normal values, weights scaled so that sums over inputs of variance 1 have it too; variances are positive."""
    params = {}
    for role, shape in shapes.items():
        values = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        params[role] = (np.abs(values) + 0.5 if role == "running_var" else values).astype(np.float32)
    return params


def example_params(op: Op, shapes: Mapping[str, Shape], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Parameters of these shapes: `random_params`, or as the operator draws them where not all are float32."""
    floats = all(t.dtype == "float32" for t in op.param_types(shapes).values())
    return random_params(shapes, rng) if floats else op.example_params(shapes, rng)


def one_tap_a_channel(params: Mapping[str, np.ndarray], role: str, taps: np.ndarray) -> dict[str, np.ndarray]:
    """The same, but of a depthwise weight each channel keeps only the tap of this number."""
    weight = np.zeros_like(params[role])
    rows = weight.reshape(len(weight), -1)
    rows[np.arange(len(rows)), taps] = params[role].reshape(rows.shape)[np.arange(len(rows)), taps]
    return {**params, role: weight}


def canary(dtype: str) -> Any:
    """What memory holds that nobody must write to."""
    return CANARY if dtype.startswith("float") else np.array(91).astype(dtype)


def poison(dtype: str) -> Any:
    """What memory holds that nobody must read."""
    return np.float32(np.nan) if dtype.startswith("float") else np.array(113).astype(dtype)


def slice_of_wider(
    shape: Shape, before: int, after: int, fill: Any, four: Layout | None = None, dtype: str = "float32"
) -> tuple[np.ndarray, FeatureMap]:
    """Memory full of ``fill``, and in it a value with other channels before and after its own."""
    layout = usual_layout(shape, four)
    n, c, h, w = pixel_dims(shape, layout)
    if layout == ROWS and len(shape) != 2:
        before = after = 0  # such values are never parts of others
    stride = before + c + after
    count = n * h * w * stride + 32
    memory = aligned_empty(2 * count).view(dtype)[:count]  # room for int64
    memory[:] = fill
    return memory, FeatureMap.place(memory[16 + before :], shape, stride, layout)


def without_activation(op: Op) -> Op:
    """The operator without its epilogue: errors are measured against the sums, of which a clip may leave little."""
    epilogues = {
        name: None for name in ("activation", "depthwise_activation", "project_activation") if name in op.attrs
    }
    return dataclasses.replace(op, **epilogues)  # type: ignore[type-var]


def scale_of(y: np.ndarray) -> float:
    """The standard deviation; at least 1 for a handful of values, or where one value fills all (but for rounding)."""
    deviation = float(np.std(y))
    varies = deviation > 1e-9 * np.max(np.abs(y), initial=0.0)
    return deviation if y.size >= 100 and varies else max(1.0, deviation)


def planes_of(x: np.ndarray) -> Planes:
    """NCHW images as kernels take them that read a caller's array."""
    n, c, h, w = x.shape
    return Planes(np.array([x.ctypes.data]), n, h, w, c, 0)


class Example(NamedTuple):
    """Inputs of a problem and what it makes of them in float64, worked out once for all kernels."""

    inputs: list[np.ndarray]
    outputs: list[np.ndarray]
    scales: list[float]  # what errors are measured in

    @classmethod
    def of(cls, problem: Problem, rng: np.random.Generator) -> Example:
        """Random values, as the operator takes them."""
        types = [TensorType(*pair) for pair in zip(problem.inputs, problem.input_dtypes, strict=True)]
        inputs = problem.op.example_inputs(types, rng)
        exact, plain = inputs, without_activation(problem.op)
        if problem.dtypes == {"float32"}:  # a kernel that converts has the same rounded numbers to compute with
            exact = [x.astype(np.float64) for x in inputs]
        outputs = problem.op.reference(exact, problem.params)
        sums = outputs if plain == problem.op else plain.reference(exact, problem.params)
        return cls(inputs, outputs, [scale_of(y) if y.dtype.kind == "f" else 1.0 for y in sums])


def check(kernel: type[Kernel], problem: Problem, example: Example, before: int = 0, after: int = 0) -> None:
    """Assert that the kernel computes the problem in each layout it takes, and keeps to its memory."""
    wanted = kernel.layout(problem.op, problem.inputs)
    for four in [wanted] if wanted else [NHWC, ROWS]:
        check_layout(kernel, problem, example, before, after, four)


def allowed(kernel: type[Kernel], problem: Problem) -> float:
    """The largest error: that of the kernel; codes are the reference's unless an activation's formula makes them."""
    op = problem.op
    if isinstance(op, Requantization) and op.is_clip:
        return min(kernel.tolerance, Kernel.tolerance)
    return kernel.tolerance


def check_layout(
    kernel: type[Kernel], problem: Problem, example: Example, before: int, after: int, four: Layout
) -> None:
    """Assert that the kernel computes the problem within its tolerance, its values of four dimensions lying so."""
    sources = [
        slice_of_wider(shape, before, after, poison(dtype), four, dtype)
        for shape, dtype in zip(problem.inputs, problem.input_dtypes, strict=True)
    ]
    targets = [
        slice_of_wider(shape, before, after, canary(dtype), four, dtype)
        for shape, dtype in zip(problem.outputs, problem.output_dtypes, strict=True)
    ]
    for (_, fm), x in zip(sources, example.inputs, strict=True):
        fm.logical(x.shape)[...] = x
    held = [memory.copy() for memory, _ in sources]

    instance = kernel(problem, kernel.pack(problem.layer))
    around = np.full(instance.workspace_floats + 2 * GUARD, CANARY)
    workspace = around[GUARD:-GUARD]
    workspace[:] = np.nan
    run = instance.bind([fm for _, fm in sources], [fm for _, fm in targets], workspace)
    run()
    first = [memory.copy() for memory, _ in targets]
    if instance.reads_planes:
        targets[0][1].logical(problem.outputs[0])[...] = poison(problem.output_dtypes[0])
        planes = planes_of(example.inputs[0])
        instance.bind([planes, *(fm for _, fm in sources[1:])], [fm for _, fm in targets], workspace)()
        np.testing.assert_array_equal(targets[0][0], first[0], "planes gave another result")
    run()  # a second run finds what the first left behind in workspace and outputs

    guards = np.concatenate([around[:GUARD], around[-GUARD:]])
    assert np.all(guards == CANARY), f"{kernel.op}/{kernel.name} wrote outside its workspace on {problem}"
    for (memory, _), before_run in zip(sources, held, strict=True):
        np.testing.assert_array_equal(memory, before_run, "an input was written to")
    for (memory, fm), once, y, scale in zip(targets, first, example.outputs, example.scales, strict=True):
        np.testing.assert_array_equal(memory, once, "the second run gave another result")
        found = fm.logical(y.shape).copy()
        assert found.dtype == y.dtype or problem.dtypes == {"float32"}
        error = np.max(np.abs(found.astype(np.float64) - y)) / scale
        assert error <= allowed(kernel, problem), f"{kernel.op}/{kernel.name}: error {error:.2g} on {problem}"
        untouched = canary(str(memory.dtype))
        fm.logical(y.shape)[...] = untouched
        assert np.all(memory == untouched), f"{kernel.op}/{kernel.name} wrote outside its output on {problem}"


def check_all(
    op: Op, inputs: Sequence[Shape], param_shapes: Mapping[str, Shape], threads: int, dtypes: Sequence[str] = ()
) -> int:
    """`check` every kernel of the operator that applies, contiguous and sliced; returns how many applied."""
    rng = np.random.default_rng(0)
    problem = make_problem(op, inputs, example_params(op, param_shapes, rng), threads, dtypes)
    applicable = [kernel for kernel in kernels.list(op.name) if kernel.takes(problem)]
    if applicable:
        example = Example.of(problem, rng)
    for kernel in applicable:
        check(kernel, problem, example)
        check(kernel, problem, example, before=3, after=5)
    return len(applicable)


def check_cases(op_name: str, threads: int) -> int:
    """`check_all` over the operator's own examples; returns how many times a kernel applied."""
    return sum(
        check_all(ops.create(op_name, dict(case.attrs)), case.inputs, case.params, threads, case.dtypes)
        for case in ops.get(op_name).cases()
    )


def operators_with_kernels() -> list[str]:
    """Names of all operators that have a kernel."""
    return [name for name in ops.names() if kernels.list(name)]


def main(names: Sequence[Any]) -> None:
    """Check the cases of these operators (of all, if none is named) in this process, at another vector width."""
    from tinyinfer.kernels.codegen.cpu import LANES

    counts = {name: check_cases(name, threads=1) for name in names or operators_with_kernels()}
    print(f"lanes {LANES}", *(f"{name} {count}" for name, count in counts.items()), sep="\n")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
