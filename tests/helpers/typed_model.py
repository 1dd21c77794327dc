"""A small network of every dtype, quantised values among them, and its file with the document edited."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from sample_model import members, npy, pack

from tinyinfer.formats.npz.model_file import save
from tinyinfer.graph import Graph, Input, Node, Quant
from tinyinfer.ops import create


def typed_graph() -> Graph:
    """Inputs of uint8 (quantised) and int64, constants of all dtypes and several ranks, outputs that move them."""
    arrays = {
        "half": np.array([[0.5, 1e-7], [-2, 3]], np.float16),
        "single": np.array(0.1, np.float32),
        "u8": np.arange(6, dtype=np.uint8).reshape(1, 2, 3),
        "i8": np.array([[-128, 127], [3, 4], [5, 6]], np.int8),
        "i32": np.array([2**31 - 1, -(2**31)], np.int32),
        "i64": np.array([2**63 - 1, -(2**63), 2**53 + 1]),
        "flags": np.array([[True, False, True]]),
    }
    quant = {"i8": {"scale": (0.5, 0.25, 3.0), "zero_point": (1, -2, 0), "axis": 0}}
    nodes = [Node(key, create("constant", quant.get(key, {})), (), (key,), {"value": f"{key}.w"}) for key in arrays]
    nodes.append(Node("rows", create("reshape", {"shape": (0, -1)}), ("pixels",), ("rows",)))
    nodes.append(Node("all", create("concat", {"dim": 0}), ("ids", "i64"), ("all",)))
    inputs = [
        Input("pixels", (None, 2, 2), (1, 2, 2), "uint8", Quant((0.25,), (128,))),
        Input("ids", (4,), (4,), "int64"),
    ]
    weights = {f"{key}.w": array for key, array in arrays.items()}
    return Graph(inputs, nodes, ["rows", "all", *arrays], weights)


def typed_bytes() -> bytes:
    file = io.BytesIO()
    save(file, typed_graph(), {"name": "typed"})
    return file.getvalue()


def edited(edit: Callable[[dict[str, Any]], object], **arrays: np.ndarray) -> bytes:
    """Its file with the graph in the document edited and some arrays exchanged."""
    content = members(typed_bytes())
    document = json.loads(np.load(io.BytesIO(content["__tinyinfer__.npy"])).tobytes())
    edit(document["graph"])
    content["__tinyinfer__.npy"] = npy(np.frombuffer(json.dumps(document).encode(), np.uint8))
    return pack({**content, **{f"{key}.w.npy": npy(array) for key, array in arrays.items()}})
