"""The golden folder as tests read it: its records, their checkpoints as files, and how far an output is off."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

import tinyinfer as ti


def golden_fill(shared: Path) -> ModuleType:
    """The golden folder's own reader."""
    spec = importlib.util.spec_from_file_location("golden_fill", shared / "golden" / "fill.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["golden_fill"] = module
    spec.loader.exec_module(module)
    return module


def write_checkpoint(path: Path, state: dict[str, np.ndarray]) -> Path:
    """A checkpoint as its authors publish it, or plain arrays where torch is not installed."""
    try:
        import torch
    except ImportError:
        path = path.with_suffix(".npz")
        np.savez(path, **state)  # type: ignore[arg-type]
        return path
    torch.save({key: torch.from_numpy(np.array(array)) for key, array in state.items()}, path)
    return path


def error(model: ti.Model, x: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference, in standard deviations of the expected output."""
    return float(np.abs(model(x) - expected).max() / expected.std())
