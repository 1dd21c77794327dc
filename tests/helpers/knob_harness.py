"""Builds a network with some knobs, verifies it and runs it: what every family's own test does."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinyinfer as ti


def check_builds_and_runs(
    name: str, shape: tuple[int, int, int, int], kernels: str | None = None, **knobs: Any
) -> None:
    """The network is well formed and gives finite logits of the asked number of classes for this input shape."""
    model = ti.models.create(name, **knobs)
    model.graph.verify()
    y = ti.Model(model.graph, kernels=kernels)(np.random.default_rng(0).standard_normal(shape, np.float32))
    assert y.shape == (shape[0], ti.models.describe(name, **knobs)["knobs"].get("num_classes", y.shape[1]))
    assert np.isfinite(y).all()
