"""Runs kernels on memory between pages that nobody may touch: a stray read, which leaves no trace, ends the process.

Inputs, outputs and workspace all end right before such a page, or begin right after one.
"""

from __future__ import annotations

import ctypes
import dataclasses
import math
import mmap
import sys
from collections.abc import Iterator, Sequence

import numpy as np
from kernel_harness import (
    Example,
    allowed,
    example_params,
    make_problem,
    one_tap_a_channel,
    operators_with_kernels,
    planes_of,
)

from tinyinfer import kernels, ops
from tinyinfer.graph import Shape
from tinyinfer.kernels.base import FeatureMap, Kernel, Problem, pixel_dims, usual_layout
from tinyinfer.kernels.depthwise import depthwise_chain
from tinyinfer.ops.base import Case
from tinyinfer.tensor_type import itemsize

PROT_NONE = 0
PAGE = mmap.PAGESIZE
# larger than the operators' own examples: several strips, bands, blocks and slices
MORE = {
    "conv2d": [
        Case({"padding": 1, "stride": 2, "groups": 40}, ((1, 40, 33, 30),), {"weight": (40, 1, 3, 3)}),
        Case({"padding": 2, "groups": 37}, ((2, 37, 19, 23),), {"weight": (37, 1, 5, 5)}),
        Case({"padding": 4, "dilation": 2, "groups": 37}, ((2, 37, 19, 22),), {"weight": (37, 1, 5, 5)}),
        Case({"padding": 3, "stride": 2, "groups": 19}, ((1, 19, 18, 17),), {"weight": (19, 1, 7, 7)}),
        Case({"padding": 1, "stride": 2}, ((1, 260, 9, 9),), {"weight": (33, 260, 3, 3)}),
        Case({"padding": 1}, ((1, 33, 30, 31),), {"weight": (50, 33, 3, 3)}),
        Case({}, ((1, 70, 20, 21),), {"weight": (130, 70, 1, 1)}),
        Case({"padding": 3, "stride": 2}, ((2, 3, 33, 31),), {"weight": (40, 3, 7, 7)}),
        Case({"padding": 1, "stride": 2}, ((2, 37, 17, 15),), {"weight": (35, 37, 3, 3)}),
        Case({"stride": 2}, ((2, 40, 13, 15),), {"weight": (33, 40, 1, 1)}),
        Case({}, ((2, 33, 11, 13),), {"weight": (17, 33, 1, 1)}),
        Case({"padding": 4, "dilation": 2}, ((1, 24, 13, 9),), {"weight": (20, 24, 5, 5)}),
    ],
    "gated_conv2d": [Case({}, ((2, 40, 9, 11), (2, 40, 1, 1)), {"weight": (33, 40, 1, 1)})],
    "depthwise_chain": [
        Case(
            {"padding": k // 2, "stride": stride},
            ((2, c, 33, 30),),
            {"expand_weight": (96, c, 1, 1), "depthwise_weight": (96, 1, k, k), "project_weight": (24, 96, 1, 1)},
        )
        for c, stride, k in ((16, 1, 3), (16, 2, 3), (32, 1, 3), (32, 2, 3), (16, 1, 5), (16, 2, 5))
    ],
    "adaptive_avg_pool2d": [Case({"output_size": 1}, ((1, 40, 30, 29),))],
    "quantized_conv2d": [
        Case(
            {"input_scale": 0.02, "input_zero_point": 3, "scale": 0.1, "padding": k // 2, **attrs},
            (x,),
            {"weight": (m, x[1] // attrs.get("groups", 1), k, k), "weight_scale": (m,), "bias": (m,)},
            ("uint8",),
        )
        for x, m, k, attrs in (
            ((1, 70, 20, 21), 130, 1, {}),
            ((2, 33, 11, 13), 17, 1, {"weight_zero_point": 5}),
            ((1, 3, 7, 9), 20, 1, {}),
            ((2, 3, 33, 31), 40, 7, {"stride": 2}),
            ((1, 33, 30, 31), 50, 3, {}),
            ((1, 260, 9, 9), 33, 3, {"stride": 2}),
            ((2, 40, 13, 15), 33, 1, {"stride": 2}),
            ((1, 24, 13, 9), 20, 5, {"dilation": 2}),
            ((1, 1, 1, 1), 1, 1, {}),
        )
    ],
    "quantized_linear": [
        Case(
            {"input_scale": 0.02, "input_zero_point": 3, "scale": 0.1},
            ((rows, k),),
            {"weight": (m, k), "weight_scale": (m,), "bias": (m,)},
            ("uint8",),
        )
        for rows, k, m in ((1, 1283, 70), (50, 97, 33), (3, 5, 7), (300, 1, 2))
    ],
}


def fenced(count: int, at_end: bool, keep: list[mmap.mmap], dtype: str = "float32") -> np.ndarray:
    """Memory for that many numbers with a forbidden page right behind (or before) it."""
    size = max(count, 1) * itemsize(dtype)
    inner = -(-size // PAGE) * PAGE
    keep.append(mmap.mmap(-1, inner + 2 * PAGE))
    start = ctypes.addressof(ctypes.c_char.from_buffer(keep[-1]))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    for page in (start, start + PAGE + inner):
        if protect(ctypes.c_void_p(page), ctypes.c_size_t(PAGE), PROT_NONE):
            raise OSError(ctypes.get_errno(), "mprotect")
    offset = PAGE + (inner - count * itemsize(dtype) if at_end else 0)
    return np.frombuffer(keep[-1], dtype, count, offset)


def run(kernel: type[Kernel], problem: Problem, at_end: bool, example: Example) -> None:
    """Run a kernel between fences and compare what it computes."""
    keep: list[mmap.mmap] = []

    def place(shape: Shape, dtype: str) -> FeatureMap:
        layout = usual_layout(shape, kernel.layout(problem.op, problem.inputs))
        n, c, h, w = pixel_dims(shape, layout)
        return FeatureMap.place(fenced(n * c * h * w, at_end, keep, dtype), shape, c, layout)

    sources = [*map(place, problem.inputs, problem.input_dtypes)]
    targets = [*map(place, problem.outputs, problem.output_dtypes)]
    for fm, x in zip(sources, example.inputs, strict=True):
        fm.logical(x.shape)[...] = x
    instance = kernel(problem, kernel.pack(problem.layer))
    workspace = fenced(instance.workspace_floats, at_end, keep)
    instance.bind(sources, targets, workspace)()
    if instance.reads_planes:
        image = example.inputs[0]
        planes = fenced(image.size, at_end, keep).reshape(image.shape)
        planes[...] = image
        instance.bind([planes_of(planes), *sources[1:]], targets, workspace)()
    for fm, y, scale in zip(targets, example.outputs, example.scales, strict=True):
        error = np.max(np.abs(fm.logical(y.shape).astype(np.float64) - y)) / scale
        assert error <= allowed(kernel, problem), f"{kernel.op}/{kernel.name}: error {error:.2g} on {problem}"


def problems(name: str, rng: np.random.Generator) -> Iterator[Problem]:
    """The operator's own examples, and larger ones."""
    for case in [*ops.get(name).cases(), *MORE.get(name, [])]:
        op = ops.create(name, dict(case.attrs))
        params = example_params(op, case.params, rng)
        yield make_problem(op, case.inputs, params, 1, case.dtypes)
        if name == "depthwise_chain":
            e, _, *kernel = case.params["depthwise_weight"]
            taps = np.arange(e) % 3 * (math.prod(kernel) // 2)  # the first, the middle and the last
            yield make_problem(op, case.inputs, one_tap_a_channel(params, "depthwise_weight", taps), 1)


def run_all(name: str, rng: np.random.Generator) -> None:
    """Every kernel of an operator on all its problems, at one thread and two."""
    for alone in problems(name, rng):
        example = Example.of(alone, rng)
        for problem in (alone, dataclasses.replace(alone, threads=2)):
            for kernel in (k for k in kernels.list(name) if k.takes(problem)):
                for at_end in (True, False):
                    print(name, kernel.name, problem.inputs, problem.op, "threads", problem.threads, at_end, flush=True)
                    run(kernel, problem, at_end, example)


def main(names: Sequence[str]) -> None:
    """Run all kernels of these operators (of all, if none is named); the last line says what a crash was about."""
    rng = np.random.default_rng(0)
    for name in names or operators_with_kernels():
        run_all(name, rng)
    if "depthwise_chain" in (names or operators_with_kernels()):
        depthwise_chain.L2_FLOATS = 0  # bands of one row, which come round to the start of the ring soonest
        run_all("depthwise_chain", rng)
    print("done")


if __name__ == "__main__":
    main(sys.argv[1:])
