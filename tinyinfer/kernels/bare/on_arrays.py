"""A fast kernel as a function of NCHW arrays: what lessons, tests and experiments call."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import numpy as np

from tinyinfer import kernels
from tinyinfer.errors import InputError
from tinyinfer.graph import Shape
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layout, Problem, pixel_dims, usual_layout
from tinyinfer.kernels.parallel.pages import aligned_empty
from tinyinfer.ops import read_call
from tinyinfer.tensor_type import itemsize


def call(kernel: type[Kernel] | str, *arrays: Any, threads: int = 1, **attrs: Any) -> Any:
    """Run a kernel, given as a class or as "operator/name": inputs, then parameters, then attributes by keyword.

    ``call("conv2d/direct", x, weight, bias, stride=2)``, as `ops.reference` takes its arguments: parameters in
    `Op.param_names` order or by keyword, None leaving one out; inputs that not every call has, such as conv2d's
    ``residual``, by keyword.  Arrays become float32 unless the kernel takes their own dtype; images are NCHW, and
    several outputs come as a list.

    Raises GraphError when the arguments do not fit, InputError when the kernel does not apply.
    """
    outputs = run(*_resolve(kernel, arrays, attrs, threads))
    return outputs[0] if len(outputs) == 1 else outputs


def prepare(kernel: type[Kernel] | str, *arrays: Any, threads: int = 1, **attrs: Any) -> Bound:
    """What a plan would call for these arguments of `call`: packed and bound, so that timing it times the loops alone.

    Raises as `call` does.
    """
    return _bind(*_resolve(kernel, arrays, attrs, threads))[0]


def _resolve(
    kernel: type[Kernel] | str, arrays: tuple[Any, ...], attrs: dict[str, Any], threads: int
) -> tuple[type[Kernel], Problem, list[np.ndarray]]:
    if isinstance(kernel, str):
        kernel = kernels.find(*kernel.split("/", 1)) if "/" in kernel else _not_named(kernel)
    problem, inputs = problem_of_arrays(kernel.op, arrays, attrs, threads, kernel.dtypes)
    if not kernel.takes(problem):
        raise InputError(f"kernel {kernel.op}/{kernel.name} does not apply to {problem.op} on {problem.inputs}")
    return kernel, problem, inputs


def _not_named(kernel: str) -> type[Kernel]:
    raise InputError(f"kernel: expected 'operator/name', such as 'conv2d/direct', found {kernel!r}")


def problem_of_arrays(
    op_name: str, arrays: tuple[Any, ...], attrs: dict[str, Any], threads: int, dtypes: Container[str] = ("float32",)
) -> tuple[Problem, list[np.ndarray]]:
    """The arguments of `call` as a problem and its inputs; what is of none of the ``dtypes`` becomes float32."""
    op, given, roles, outputs = read_call(op_name, arrays, attrs)
    inputs = [x if str(x.dtype) in dtypes else x.astype(np.float32) for x in given]
    params = {role: a if str(a.dtype) in op.param_dtypes(role) else a.astype(np.float32) for role, a in roles.items()}
    shapes = tuple(x.shape for x in inputs), tuple(t.shape for t in outputs)
    output_dtypes = tuple(t.dtype if t.dtype in dtypes else "float32" for t in outputs)
    return Problem(op, params, *shapes, threads, tuple(str(x.dtype) for x in inputs), output_dtypes), inputs


def run(kernel: type[Kernel], problem: Problem, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Pack, bind and run a kernel once on NCHW arrays."""
    bound, targets = _bind(kernel, problem, inputs)
    bound()
    return [np.ascontiguousarray(y.logical(shape)) for y, shape in zip(targets, problem.outputs, strict=True)]


def _bind(kernel: type[Kernel], problem: Problem, inputs: list[np.ndarray]) -> tuple[Bound, list[FeatureMap]]:
    four = kernel.layout(problem.op, problem.inputs)
    sources, targets = (
        [empty_map(shape, 0, usual_layout(shape, four), dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
        for shapes, dtypes in ((problem.inputs, problem.input_dtypes), (problem.outputs, problem.output_dtypes))
    )
    for source, x in zip(sources, inputs, strict=True):
        source.logical(x.shape)[...] = x
    instance = kernel(problem, kernel.pack(problem.layer))
    return instance.bind(sources, targets, aligned_empty(instance.workspace_floats)), targets


def empty_map(
    shape: Shape, extra_channels: int = 0, layout: Layout | None = None, dtype: str = "float32"
) -> FeatureMap:
    """Memory for a value of this shape, its pixels ``extra_channels`` elements further apart than they need to be."""
    n, c, h, w = pixel_dims(shape, layout)
    memory = aligned_empty(n * h * w * (c + extra_channels) * itemsize(dtype) // 4 + 2).view(dtype)
    return FeatureMap.place(memory, shape, c + extra_channels, layout)
