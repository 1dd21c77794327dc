"""A trained network as a model file that says what it is and how accurate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinyinfer.bench.torch_peer.graph import TorchGraph
from tinyinfer.formats.npz import model_file as npz
from tinyinfer.graph import Graph
from tinyinfer.training.augment import MEAN, STD
from tinyinfer.training.data import Pictures
from tinyinfer.training.run import top1

PREPROCESS: dict[str, Any] = {
    "resize": [32, 32],  # the whole photo: cropping would cut the object
    "crop": None,
    "interpolation": "bilinear",
    "channels": "rgb",
    "scale": 1 / 255,
    "mean": list(MEAN),
    "std": list(STD),
}


def write(out: Path, graph: Graph, known: Mapping[str, Any], test_set: Pictures, dataset: str) -> float:
    """Write the network with weights rounded to float16; returns its accuracy, measured with them so.

    ``known`` is metadata from elsewhere: the architecture, the licence, how it was trained; ``dataset`` is what the
    test set is called.
    """
    graph = graph.copy()
    for key in [key for key in graph.weights if graph.weights.dtype(key).kind == "f"]:
        graph.weights[key] = graph.weights[key].astype(np.float16).astype(np.float32)
    accuracy = top1(TorchGraph(graph).eval(), test_set)
    meta = {
        **known,
        "name": out.stem,
        "source": "trained by tinyinfer.training",
        "accuracy": {
            "dataset": dataset,
            "top1": round(accuracy, 4),
            "images": len(test_set.labels),
        },
        "labels": test_set.names,
        "preprocess": PREPROCESS,
    }
    npz.save(out, graph, meta, half=True)
    return accuracy
