"""Two pages that explain: of the shipped network, which runs in its page, and of one that is too large for that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from explained_page import Explained, written

from tinyinfer import models
from tinyinfer.initialize import initialize
from tinyinfer.loading import load
from tinyinfer.model import Model

WEIGHTS = Path(__file__).resolve().parents[3] / "weights"


@pytest.fixture(scope="session")
def live_page(tmp_path_factory) -> Explained:
    return written(load(WEIGHTS / "mobilenet_v2_cifar10.npz"), tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="session")
def large_page(tmp_path_factory) -> Explained:
    """MobileNet V2 at 224 with random weights, and an answer that is not the same everywhere."""
    graph = initialize(models.build("mobilenet_v2"), 3)
    graph.weights["classifier.1.bias"] = np.linspace(0, 1, 1000, dtype=np.float32)
    preprocess = {"resize": 224, "crop": 224, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    meta = {"name": "large", "preprocess": preprocess}
    return written(Model(graph, meta), tmp_path_factory.mktemp("large"))
