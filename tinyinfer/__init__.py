"""tinyinfer: inference of convolutional networks in pure Python, made to be read and to be fast.

    import tinyinfer as ti
    model = ti.load("mobilenet_v2.npz")
    model.predict("photo.jpg")

Nothing heavy is imported before it is needed: Numba comes with the first kernel.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
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
    from tinyinfer import kernels, models, ops, passes, plots, profiling
    from tinyinfer.convert import convert
    from tinyinfer.formats.onnx_export import export_onnx
    from tinyinfer.graph import Graph
    from tinyinfer.load import load
    from tinyinfer.model import Model

__version__ = "0.1.0"

_MODULES = ("kernels", "models", "ops", "passes", "plots", "profiling")
_NAMES = {
    "Graph": "tinyinfer.graph",
    "Model": "tinyinfer.model",
    "convert": "tinyinfer.convert",
    "export_onnx": "tinyinfer.formats.onnx_export",
    "load": "tinyinfer.load",
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
    "export_onnx",
    "kernels",
    "load",
    "models",
    "ops",
    "passes",
    "plots",
    "profiling",
]


class _Package(ModuleType):
    """Importing ``tinyinfer/load.py`` would set ``tinyinfer.load`` to the module; here it stays the function."""

    def __setattr__(self, name: str, value: Any) -> None:
        hides = name in _NAMES and isinstance(value, ModuleType)
        super().__setattr__(name, getattr(value, name) if hides else value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"tinyinfer.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'tinyinfer' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
