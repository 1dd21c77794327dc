"""Model files of version 1, written without the package's own writer, so that what reads them can't drift with it."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np

from tinyinfer.graph import Graph


def version_1(graph: Graph, meta: dict[str, Any]) -> bytes:
    """The file of a float32 graph as the first releases wrote it."""
    nodes = [
        {
            "name": node.name,
            "op": node.op.name,
            "inputs": list(node.inputs),
            "outputs": list(node.outputs),
            "attrs": node.op.attrs,  # type: ignore[attr-defined]
            "params": dict(node.params),
            "origin": list(node.origin),
        }
        for node in graph.nodes
    ]
    document = {
        "format_version": 1,
        "graph": {
            "inputs": [{"name": i.name, "shape": i.shape, "nominal": i.nominal} for i in graph.inputs],
            "outputs": graph.outputs,
            "nodes": nodes,
            "weights": {key: list(array.shape) for key, array in graph.weights.items()},
        },
        "meta": meta,
    }
    arrays = {"__tinyinfer__": np.frombuffer(json.dumps(document).encode(), np.uint8), **graph.weights}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for key, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array)
            archive.writestr(f"{key}.npy", content.getvalue())
    return file.getvalue()
