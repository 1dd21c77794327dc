"""ONNX files of one node, imported here and run beside ONNX Runtime or the onnx package's own reference."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinyinfer.formats.onnx.load import load
from tinyinfer.graph import Graph
from tinyinfer.model import Model

onnx = pytest.importorskip("onnx")
reference = pytest.importorskip("onnx.reference")
ort = pytest.importorskip("onnxruntime")


@dataclass(frozen=True)
class Known:
    """An input that is an array of the file."""

    array: np.ndarray


Value = np.ndarray | Known | None  # computed, known, left out


def one_node(
    op_type: str, values: Sequence[Value], opset: int, outputs: int = 1, free: Sequence[int] = (), **attributes: Any
) -> onnx.ModelProto:
    """A model of one node; ``free`` are dimensions of the first input that have no size in the file."""
    names = ["" if value is None else f"v{i}" for i, value in enumerate(values)]
    node = onnx.helper.make_node(op_type, names, [f"y{i}" for i in range(outputs)], name="node", **attributes)
    inputs, initializers = [], []
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        if isinstance(value, Known):
            initializers.append(onnx.numpy_helper.from_array(value.array, name))
        elif value is not None:
            sizes = [f"d{dim}" if i == 0 and dim in free else size for dim, size in enumerate(value.shape)]
            kind = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
            inputs.append(onnx.helper.make_tensor_value_info(name, kind, sizes))
    found = [onnx.helper.make_empty_tensor_value_info(f"y{i}") for i in range(outputs)]
    graph = onnx.helper.make_graph([node], "one_node", inputs, found, initializers)
    opsets = [onnx.helper.make_opsetid("", opset)]
    return onnx.helper.make_model(
        graph, opset_imports=opsets, ir_version=min(10, onnx.helper.find_min_ir_version_for(opsets, True))
    )


def with_output_types(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same with outputs that have a type, which files need."""
    typed = onnx.shape_inference.infer_shapes(model)
    for output in typed.graph.output:
        if not output.type.WhichOneof("value"):  # of functions nothing is inferred
            output.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return typed


def imported(model: onnx.ModelProto, shape: tuple[int, ...] | None = None) -> Graph:
    """The graph of a model's file; ``shape`` is what its first input usually has."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(with_output_types(model).SerializeToString())
        return load(path, None if shape is None else {model.graph.input[0].name: shape})[0]


def expected(model: onnx.ModelProto, feed: dict[str, np.ndarray], engine: str) -> list[np.ndarray]:
    """What ONNX Runtime ("ort") or the reference of the onnx package ("onnx") makes of the inputs."""
    if engine == "onnx":
        return reference.ReferenceEvaluator(model).run(None, feed)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    typed = with_output_types(model).SerializeToString()
    return ort.InferenceSession(typed, options, providers=["CPUExecutionProvider"]).run(None, feed)


def assert_same(
    op_type: str,
    values: Sequence[Value],
    opset: int,
    *,
    outputs: int = 1,
    free: Sequence[int] = (),
    others: Sequence[Sequence[np.ndarray]] = (),
    engine: str = "ort",
    tolerance: float = 1e-4,
    **attributes: Any,
) -> Graph:
    """The node computes here what it computes there, at its sizes and for ``others``, inputs of other sizes.

    Returns the imported graph.
    """
    model = one_node(op_type, values, opset, outputs, free, **attributes)
    computed = [value for value in values if isinstance(value, np.ndarray)]
    graph = imported(model, computed[0].shape)
    engine_model = Model(graph, kernels="reference")
    for arrays in (computed, *others):
        feed = {i.name: array for i, array in zip(model.graph.input, arrays, strict=True)}
        found = engine_model.run(feed)
        for name, y in zip(graph.outputs, expected(model, feed, engine), strict=True):
            assert (found[name].shape, found[name].dtype) == (y.shape, y.dtype)
            scale = max(1.0, float(np.abs(y).max(initial=0)) if y.dtype.kind == "f" else 1.0)
            np.testing.assert_allclose(found[name], y, atol=tolerance * scale, rtol=0)
    return graph


def operators(graph: Graph) -> list[str]:
    """Names of a graph's operators in their order."""
    return [node.op.name for node in graph.nodes]


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal numbers in float32."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def weights(*shape: int, seed: int = 1) -> Known:
    """Normal numbers as an array of the file."""
    return Known(normal(*shape, seed=seed))


def ints(*values: int) -> Known:
    """Whole numbers as an array of the file."""
    return Known(np.array(values, np.int64))


def floats(*values: float) -> Known:
    """Numbers as an array of the file."""
    return Known(np.array(values, np.float32))


def scalar(value: Any, dtype: str = "float32") -> Known:
    """One number as an array of the file."""
    return Known(np.array(value, dtype))
