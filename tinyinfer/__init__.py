"""tinyinfer: inference of convolutional networks in pure Python, made to be read and to be fast.

    import tinyinfer as ti
    model = ti.load("mobilenet_v2.npz")
    model.predict("photo.jpg")

Nothing heavy is imported before it is needed: Numba comes with the first kernel.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tinyinfer.errors import (
    DownloadError,
    GraphError,
    ImageError,
    InputError,
    ModelFormatError,
    TinyInferError,
    UnsupportedOpError,
    WeightsError,
)

if TYPE_CHECKING:
    from tinyinfer import decomposition, kernels, models, ops, passes, plots, profiling, quantization
    from tinyinfer.checkpoints.conversion import convert
    from tinyinfer.formats.onnx.exporting.export import export_onnx
    from tinyinfer.graph import Graph
    from tinyinfer.hub import pull
    from tinyinfer.loading import load
    from tinyinfer.model import Model
    from tinyinfer.pages.explain import explain
    from tinyinfer.profiling.machine import machine

__version__ = "0.1.0"

_MODULES = ("decomposition", "kernels", "models", "ops", "passes", "plots", "profiling", "quantization")
_NAMES = {
    "Graph": "tinyinfer.graph",
    "Model": "tinyinfer.model",
    "convert": "tinyinfer.checkpoints.conversion",
    "explain": "tinyinfer.pages.explain",
    "export_onnx": "tinyinfer.formats.onnx.exporting.export",
    "load": "tinyinfer.loading",
    "machine": "tinyinfer.profiling.machine",
    "pull": "tinyinfer.hub",
}

__all__ = [
    "DownloadError",
    "Graph",
    "GraphError",
    "ImageError",
    "InputError",
    "Model",
    "ModelFormatError",
    "TinyInferError",
    "UnsupportedOpError",
    "WeightsError",
    "convert",
    "decomposition",
    "explain",
    "export_onnx",
    "kernels",
    "load",
    "machine",
    "models",
    "ops",
    "passes",
    "plots",
    "profiling",
    "pull",
    "quantization",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"tinyinfer.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'tinyinfer' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
