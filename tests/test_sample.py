"""The sample picture is what its script draws."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def script(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_sample", repository / "weights" / "draw_sample.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_sample_is_the_drawn_ship(script: ModuleType, repository: Path) -> None:
    drawn = np.asarray(script.draw("ship"), float)
    stored = np.asarray(Image.open(repository / "weights" / "sample.jpg"), float)
    assert stored.shape == (256, 256, 3)
    # What JPEG loses at quality 92; the other scenes are over 40 levels away.
    assert np.abs(stored - drawn).mean() < 3


def test_blob_passes_through_its_points(script: ModuleType) -> None:
    canvas = script.Canvas(seed=0)
    circle = [(128 + 60 * np.cos(a), 128 + 60 * np.sin(a)) for a in np.arange(12) * np.pi / 6]
    inside = canvas.blob(circle)
    assert inside.sum() / canvas.n**2 * 256**2 == pytest.approx(np.pi * 60**2, rel=0.01)
    assert np.abs(inside - canvas.ellipse(128, 128, 60, 60)).mean() < 0.003
