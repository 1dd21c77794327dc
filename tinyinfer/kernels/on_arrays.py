"""A fast kernel as a function of NCHW arrays: what lessons, tests and experiments call."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer import kernels
from tinyinfer.errors import InputError
from tinyinfer.graph import Shape, TensorType
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem, aligned_empty
from tinyinfer.ops import create, get


def call(kernel: type[Kernel] | str, *arrays: Any, threads: int = 1, **attrs: Any) -> Any:
    """Run a kernel, given as a class or as "operator/name": inputs, then parameters, then attributes by keyword.

    ``call("conv2d/direct", x, weight, bias, stride=2)``, as `ops.reference` takes its arguments: parameters in
    `Op.param_names` order or by keyword, None leaving one out; inputs that not every call has, such as conv2d's
    ``residual``, by keyword.  Arrays are float32, images NCHW; several outputs come as a list.

    Raises GraphError when the shapes do not fit, InputError when the kernel does not apply.
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
    problem, inputs = problem_of_arrays(kernel.op, arrays, attrs, threads)
    if not kernel.applies(problem):
        raise InputError(f"kernel {kernel.op}/{kernel.name} does not apply to {problem.op} on {problem.inputs}")
    return kernel, problem, inputs


def _not_named(kernel: str) -> type[Kernel]:
    raise InputError(f"kernel: expected 'operator/name', such as 'conv2d/direct', found {kernel!r}")


def problem_of_arrays(
    op_name: str, arrays: tuple[Any, ...], attrs: dict[str, Any], threads: int
) -> tuple[Problem, list[np.ndarray]]:
    """The arguments of `call` as a problem and its inputs."""
    cls = get(op_name)
    count = len(arrays) if cls.arity is None else cls.arity
    roles = [role for role in cls.optional_inputs if role in attrs]
    inputs = [np.asarray(a, np.float32) for a in (*arrays[:count], *(attrs[role] for role in roles))]
    given = dict(zip(cls.param_names, arrays[count:], strict=False))
    if len(arrays) > count + len(given):
        raise InputError(f"{op_name}: expected at most {count + len(cls.param_names)} arrays, found {len(arrays)}")
    given |= {role: attrs[role] for role in cls.param_names if role in attrs}
    params = {role: np.asarray(a, np.float32) for role, a in given.items() if a is not None}
    op = create(op_name, {k: v for k, v in attrs.items() if k not in (*roles, *params)})
    outputs = op.infer([TensorType(x.shape) for x in inputs], {k: TensorType(p.shape) for k, p in params.items()})
    op.check_values(params)
    shapes = tuple(x.shape for x in inputs)
    return Problem(op, shapes, tuple(t.shape for t in outputs), params, threads), inputs


def run(kernel: type[Kernel], problem: Problem, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Pack, bind and run a kernel once on NCHW arrays."""
    bound, targets = _bind(kernel, problem, inputs)
    bound()
    return [
        np.ascontiguousarray(logical(target, shape)) for target, shape in zip(targets, problem.outputs, strict=True)
    ]


def _bind(kernel: type[Kernel], problem: Problem, inputs: list[np.ndarray]) -> tuple[Bound, list[FeatureMap]]:
    sources = [empty_map(shape) for shape in problem.inputs]
    targets = [empty_map(shape) for shape in problem.outputs]
    for source, x in zip(sources, inputs, strict=True):
        logical(source, x.shape)[...] = x
    instance = kernel(problem, kernel.pack(problem))
    return instance.bind(sources, targets, aligned_empty(instance.scratch_floats)), targets


def empty_map(shape: Shape, extra_channels: int = 0) -> FeatureMap:
    """Memory for a value of this shape, its pixels ``extra_channels`` floats further apart than they need to be."""
    n, c, h, w = shape if len(shape) == 4 else (*shape, 1, 1) if len(shape) == 2 else (1, TensorType(shape).size, 1, 1)
    stride = c + extra_channels
    return FeatureMap(aligned_empty(n * h * w * stride)[: (n * h * w - 1) * stride + c], n, h, w, c, stride)


def logical(fm: FeatureMap, shape: Shape) -> np.ndarray:
    """The value in a feature map, live, in the shape that its operator knows."""
    if len(shape) == 4:
        return fm.nchw()
    return fm.nhwc()[:, 0, 0, :] if len(shape) == 2 else fm.data.reshape(shape)
