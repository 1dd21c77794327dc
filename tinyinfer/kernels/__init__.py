"""The hot loops: arrays in, arrays out.  Nothing here knows a graph.

Importing this package does not import Numba; `find` and `names` do, when a kernel is first needed.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from typing import Any

from tinyinfer.errors import InputError
from tinyinfer.kernels.base import Kernel

# files that define kernels; each lists its own in KERNELS
_MODULES: tuple[str, ...] = (
    "pointwise",
    "grouped_pointwise",
    "depthwise",
    "depthwise_chain",
    "direct",
    "im2col",
    "winograd",
    "pooling",
    "activation",
    "elementwise",
    "layout",
    "norms",
    "instance_norm",
    "shift",
    "deform",
    "transposed",
    "resample",
    "pixel_shuffle",
    "response_norm",
)


@functools.cache
def _all() -> dict[str, dict[str, type[Kernel]]]:
    found: dict[str, dict[str, type[Kernel]]] = {}
    for module in _MODULES:
        for kernel in importlib.import_module(f"tinyinfer.kernels.{module}").KERNELS:
            found.setdefault(kernel.op, {})[kernel.name] = kernel
    return found


def list(op: str) -> Sequence[type[Kernel]]:
    """Every fast kernel of an operator (none for most operators: the reference serves them)."""
    return tuple(_all().get(op, {}).values())


def find(op: str, name: str) -> type[Kernel]:
    """The kernel called ``name``; raises InputError naming the ones there are."""
    kernels = _all().get(op, {})
    if name not in kernels:
        raise InputError(f"no kernel {name!r} for {op}; there are: {', '.join(sorted(kernels)) or 'none'}")
    return kernels[name]


def __getattr__(name: str) -> Any:
    if name in ("call", "prepare"):  # they need the files of kernels, which need this package
        return getattr(importlib.import_module("tinyinfer.kernels.on_arrays"), name)
    raise AttributeError(f"module 'tinyinfer.kernels' has no attribute {name!r}")
