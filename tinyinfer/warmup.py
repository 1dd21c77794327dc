"""Compile every kernel ahead of its first use."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np

from tinyinfer import kernels, ops
from tinyinfer.errors import GraphError, InputError, WeightsError
from tinyinfer.graph import Shape
from tinyinfer.kernels.base import FeatureMap, Kernel
from tinyinfer.ops.base import Case, Op
from tinyinfer.profiling.roofline import machine_peak
from tinyinfer.runtime.options import make_options

LARGE = 256 * 1024  # floats: enough for every kernel to take the threads it is given


def preparations(threads: int | None = None) -> list[Callable[[], object]]:
    """Calls that compile all there is to compile, one a kernel, for ``threads`` (None: all cores) or fewer."""
    counts = sorted({1, make_options(threads).threads})
    operators = map(ops.get, ops.names())
    found = [partial(_prepare, kernel, cls, counts) for cls in operators for kernel in kernels.list(cls.name)]
    return [*found, *_strips(), _cross_border, *(partial(machine_peak, count, codes=True) for count in counts)]


def warm(todo: Sequence[Callable[[], object]], progress: Callable[[int, int], None] | None = None) -> float:
    """Make the calls, which compile what is not yet compiled; returns the seconds it took."""
    start = time.perf_counter()
    for done, call in enumerate(todo, 1):
        call()
        if progress:
            progress(done, len(todo))
    return time.perf_counter() - start


def _prepare(kernel: type[Kernel], cls: type[Op], counts: Sequence[int]) -> None:
    """Bind the kernel to all examples of its operator, as it may have several functions where sizes or zeros decide."""
    cases = [*cls.cases(), *_of_codes(kernel, cls)]
    for case, threads, least, weight in product(cases, counts, (1, LARGE), (1, 0)):
        if threads > 1 or least == 1:
            _bind(kernel, cls, case, threads, least, weight)


def _of_codes(kernel: type[Kernel], cls: type[Op]) -> list[Case]:
    """The examples on float32 with 8-bit codes instead, for a kernel that takes both."""
    both = "uint8" in kernel.dtypes and "uint8" in cls.dtypes
    return [replace(case, dtypes=("uint8",) * len(case.inputs)) for case in cls.cases() if both and not case.dtypes]


def _bind(kernel: type[Kernel], cls: type[Op], case: Case, threads: int, least: int, weight: float) -> None:
    """To an example, all of whose weights are ``weight``, its batch enlarged to ``least`` floats, if it applies."""
    dtypes = [t.dtype for t in case.input_types]
    inputs = [np.ones(*each) for each in zip(_enlarged(case.inputs, least), dtypes, strict=True)]
    plain = len(inputs) if cls.arity is None else cls.arity
    named = dict(zip(cls.optional_inputs, inputs[plain:], strict=False))
    kinds = cls(**case.attrs).param_types(case.params)
    params = {role: np.full(kind.shape, weight, kind.dtype) for role, kind in kinds.items()}
    with contextlib.suppress(InputError, GraphError, WeightsError):  # sizes that have grown, scales of 0
        kernels.prepare(kernel, *inputs[:plain], threads=threads, **named, **params, **case.attrs)


def _enlarged(shapes: Sequence[Shape], least: int) -> list[Shape]:
    """The same with more images, whose number is the first dimension of values of the highest rank alone."""
    factor, rank = -(-least // max(map(math.prod, shapes))), max(map(len, shapes))
    return [(shape[0] * factor, *shape[1:]) if len(shape) == rank > 0 and shape[0] > 1 else shape for shape in shapes]


def _strips() -> list[Callable[[], object]]:
    """Calls that compile what depthwise layers of codes choose from, more than examples need."""
    from tinyinfer.kernels.codegen.jit import load
    from tinyinfer.kernels.quantized.depthwise.depthwise import STRIPS

    return [partial(load, strip) for strip in STRIPS.values()]


def _cross_border() -> None:
    """The compiled functions that plans call and no kernel stands for."""
    from tinyinfer.kernels.movement.borders import bind_to_images, bind_to_planes

    for dtype in (np.float32, np.uint8):
        pixel, address = FeatureMap.place(np.empty(3, dtype), (1, 3, 1, 1), 3), np.zeros(1, np.int64)
        bind_to_images(1, address, pixel)
        bind_to_planes(1, pixel, address)
