"""Quantised networks as ONNX files of QDQ form: other engines compute the same codes, within one step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from small_quantized_network import small_quantized_network

from tinyinfer import ops
from tinyinfer.formats.onnx.exporting.export import OLDEST, to_onnx
from tinyinfer.graph import Graph, Input, Node, Quant
from tinyinfer.model import Model
from tinyinfer.ops.quantized.lookup import table_of

onnx = pytest.importorskip("onnx")

Engine = Callable[["onnx.ModelProto", dict[str, np.ndarray]], list[np.ndarray]]


def onnx_runtime(proto: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """With all its optimisations, so that it computes with integers."""
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def openvino(proto: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    ov = pytest.importorskip("openvino")
    compiled = ov.Core().compile_model(ov.Core().read_model(proto.SerializeToString()), "CPU")
    found = compiled(inputs)
    return [np.asarray(found[output]) for output in compiled.outputs]


@pytest.mark.parametrize("engine", [onnx_runtime, openvino])
@pytest.mark.parametrize("codes", ["uint8", "int8"])
def test_engines_compute_the_same_codes(engine: Engine, codes: str, rng: np.random.Generator) -> None:
    graph = small_quantized_network(rng, codes)
    x = {"input": rng.normal(size=(2, 3, 17, 19)).astype(np.float32)}
    proto = to_onnx(graph)
    expected = Model(graph, kernels="reference").run(x)
    for name, found in zip(graph.outputs, engine(proto, x), strict=True):
        if expected[name].dtype == np.float32:
            assert np.abs(found - expected[name]).max() <= 3 * 0.05  # steps of the codes that it is computed from
            continue
        assert len(np.unique(found)) > 20
        assert np.abs(found.astype(int) - expected[name].astype(int)).max() <= 1


@pytest.mark.parametrize("opset", [OLDEST, 17, 21, onnx.defs.onnx_opset_version()])
def test_every_opset_can_say_it(opset: int, rng: np.random.Generator) -> None:
    graph = small_quantized_network(rng, "uint8")
    proto = to_onnx(graph, opset=opset)
    onnx.checker.check_model(proto, full_check=True)
    weights = {t.name: t.data_type for t in proto.graph.initializer}
    assert weights["stem.weight"] == onnx.TensorProto.INT8
    assert weights["stem.bias"] == onnx.TensorProto.INT32


@pytest.mark.parametrize("name", ["relu6", "hardswish", "sigmoid", None])
def test_tables_of_known_functions_are_written_as_these(name: str | None) -> None:
    """Engines know a relu6 between two steps; a table that is looked up they can only look up."""
    codes, out = Quant((0.05,), (131,)), Quant((0.03,), (-128,))
    function = (lambda x: x) if name is None else ops.reference(name)
    table = table_of(function, codes, "uint8", out, "int8")
    node = Node("y", ops.create("lookup", {"scale": 0.03, "zero_point": -128}), ("x",), ("y",), {"table": "table"})
    graph = Graph([Input("x", (256,), (256,), "uint8", codes)], [node], ["y"], {"table": table})
    proto = to_onnx(graph)
    kinds = [node.op_type for node in proto.graph.node]
    assert kinds[0] == "DequantizeLinear"
    assert kinds[-1] == "QuantizeLinear"
    assert "Gather" not in kinds
    x = np.arange(256, dtype=np.uint8)
    (found,) = onnx_runtime(proto, {"x": x})
    assert np.abs(found.astype(int) - table.astype(int)).max() <= 1


def test_movements_of_codes_are_written_over_real_numbers(rng: np.random.Generator) -> None:
    """The border of codes is the zero point, of real numbers 0; nothing changes by it."""
    codes = Quant((0.1,), (7,))
    nodes = [
        Node("turned", ops.create("permute", {"dims": (0, 1, 3, 2)}), ("x",), ("turned",)),
        Node("parts", ops.create("split", {"split_size_or_sections": 2, "dim": 1}), ("turned",), ("a", "b")),
        Node("y", ops.create("concat", {"dim": 1}), ("b", "a"), ("y",)),
    ]
    graph = Graph([Input("x", (1, 4, 3, 5), (1, 4, 3, 5), "uint8", codes)], nodes, ["y"])
    proto = to_onnx(graph)
    assert [n.op_type for n in proto.graph.node].count("DequantizeLinear") == 4
    x = rng.integers(0, 256, (1, 4, 3, 5), np.uint8)
    (found,) = onnx_runtime(proto, {"x": x})
    np.testing.assert_array_equal(found, Model(graph, kernels="reference").run({"x": x})["y"])
