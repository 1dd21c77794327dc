"""Quantised ONNX files of every form, computed with their integers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from onnx_nodes import Known, expected, one_node, operators
from small_quantized_network import small_quantized_network

from tinyinfer.errors import GraphError, TinyInferError
from tinyinfer.formats.onnx.exporting.export import export_onnx
from tinyinfer.formats.onnx.load import load
from tinyinfer.graph import Graph
from tinyinfer.model import Model

onnx = pytest.importorskip("onnx")
helper = onnx.helper

RNG = np.random.default_rng(5)
MICROSOFT = "com.microsoft"


def known(value: object, dtype: str = "float32") -> Known:
    return Known(np.asarray(value, dtype))


def codes(*shape: int, dtype: str = "uint8") -> np.ndarray:
    """Signed ones of 7 bits: without VNNI, ONNX Runtime adds pairs of products in 16 bits, which saturate above."""
    least, most = (0, 255) if dtype == "uint8" else (-63, 63)
    return RNG.integers(least, most, shape, dtype, endpoint=True)


@pytest.mark.parametrize("kind", ["uint8", "int8"])
def test_a_network_comes_back_as_it_was(kind: str, tmp_path: Path, rng: np.random.Generator) -> None:
    graph = small_quantized_network(rng, kind)
    export_onnx(graph, tmp_path / "small.onnx")
    found, meta = load(tmp_path / "small.onnx")
    quantized = [node for node in graph.nodes if node.op.name.startswith("quantized")]
    again = [node for node in found.nodes if node.op.name.startswith("quantized") and "pool" not in node.op.name]
    assert [node.op for node in again] == [node.op for node in quantized]
    for old, new in zip(quantized, again, strict=True):
        for role, array in graph.param_arrays(old).items():
            np.testing.assert_array_equal(found.param_arrays(new)[role], array)
            assert found.param_arrays(new)[role].dtype == array.dtype
    assert {"stem.weight", "stem.bias", "classifier.weight"} <= set(found.weights)
    x = {"input": rng.normal(size=(2, 3, 17, 19)).astype(np.float32)}
    first, second = (Model(g, kernels="reference").run(x) for g in (graph, found))
    np.testing.assert_array_equal(first["gated"], second["gated"])
    assert "notes" not in meta
    real, _ = load(tmp_path / "small.onnx", dequantize=True)
    assert not any(node.op.name.startswith("quantized") for node in real.nodes)
    third = Model(real, kernels="reference").run(x)
    assert np.abs(third["gated"].astype(int) - first["gated"].astype(int)).max() <= 1


def microsoft_node(
    op_type: str, values: Sequence[np.ndarray | Known | None], dtype: str, **attributes: object
) -> onnx.ModelProto:
    """A model of one of ONNX Runtime's own nodes, whose output is of this dtype."""
    model = one_node(op_type, values, 17)
    model.graph.node[0].domain = MICROSOFT
    model.graph.node[0].attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    model.graph.output[0].type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return model


def compared(model: onnx.ModelProto, values: Sequence[object], folder: Path, tolerance: float = 1) -> Graph:
    """The graph, whose results are ONNX Runtime's, to within a step."""
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    graph, _ = load(path)
    computed = [value for value in values if isinstance(value, np.ndarray)]
    feed = {i.name: array for i, array in zip(model.graph.input, computed, strict=True)}
    (found,) = Model(graph, kernels="reference").run(feed).values()
    (y,) = expected(model, feed, "ort")
    assert (found.shape, found.dtype) == (y.shape, y.dtype)
    assert np.abs(found.astype(np.float64) - y).max() <= tolerance
    return graph


X = codes(2, 6, 9, 8)
SCALE, ZERO = known(0.02), known(120, "uint8")
OUT = known(0.05), known(110, "uint8")
MADE = [
    ("QLinearAdd", [X, SCALE, ZERO, codes(2, 6, 9, 8), known(0.03), known(99, "uint8"), *OUT], {}, ["quantized_add"]),
    ("QLinearAdd", [X, SCALE, ZERO, codes(6, 1, 1), known(0.03), ZERO, known(0.09), ZERO], {}, ["quantized_add"]),
    ("QLinearMul", [X, SCALE, ZERO, codes(2, 6, 9, 8), known(0.03), known(99, "uint8"), *OUT], {}, ["quantized_mul"]),
    ("QLinearMul", [X, SCALE, ZERO, Known(codes(6, 1, 1)), known(0.03), known(99, "uint8"), *OUT], {},
     ["constant", "quantized_mul"]),
    ("QLinearGlobalAveragePool", [X, SCALE, ZERO, known(0.003), known(110, "uint8")], {},
     ["quantized_adaptive_avg_pool2d"]),
    ("QLinearAveragePool", [X, SCALE, ZERO, known(0.015), known(110, "uint8")],
     {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 0]}, ["quantized_avg_pool2d"]),
    ("QLinearConcat", [*OUT, X, SCALE, ZERO, codes(2, 4, 9, 8), *OUT], {"axis": 1}, ["lookup", "lookup", "concat"]),
    ("QLinearSigmoid", [X, known(0.07), ZERO, known(1 / 256), known(0, "uint8")], {}, ["lookup"]),
    ("QLinearLeakyRelu", [X, SCALE, ZERO, *OUT], {"alpha": 0.2}, ["lookup"]),
    ("QLinearSoftmax", [codes(3, 9), known(0.07), ZERO, known(1 / 256), known(0, "uint8")], {"axis": -1, "opset": 13},
     ["dequantize_linear", "softmax", "quantize_linear"]),
    ("QGemm", [codes(3, 7), SCALE, ZERO, Known(codes(7, 5, dtype="int8")), known([0.01, 0.02, 0.015, 0.01, 0.03]),
               known([0] * 5, "int8"), known([5, -700, 300, 9, 0], "int32"), *OUT], {}, ["quantized_linear"]),
    ("QGemm", [codes(3, 7), SCALE, ZERO, Known(codes(5, 7)), known(0.01), known(131, "uint8"),
               known([5, -700, 300, 9, 0], "int32"), *OUT], {"transB": 1}, ["quantized_linear"]),
]  # fmt: skip


@pytest.mark.parametrize(("op_type", "values", "attributes", "kinds"), MADE)
def test_onnx_runtimes_own_operators(op_type, values, attributes, kinds, tmp_path: Path) -> None:
    graph = compared(microsoft_node(op_type, values, "uint8", **attributes), values, tmp_path)
    assert operators(graph) == kinds


def test_a_product_without_a_scale_of_its_own_stays_real(tmp_path: Path) -> None:
    values = [codes(3, 7), SCALE, ZERO, Known(codes(7, 5, dtype="int8")), known(0.01), known(0, "int8"),
              known([5, -700, 300, 9, 0], "int32")]  # fmt: skip
    graph = compared(microsoft_node("QGemm", values, "float32", alpha=1.0), values, tmp_path, 1e-3)
    assert operators(graph) == ["quantized_linear"]


@pytest.mark.parametrize("bias", [True, False])
def test_dynamic_products(bias: bool, tmp_path: Path) -> None:
    more = [Known(RNG.normal(size=5).astype(np.float32))] if bias else []
    values = [RNG.normal(size=(3, 7)).astype(np.float32), Known(codes(7, 5, dtype="int8")), known(0.01),
              known(0, "int8"), *more]  # fmt: skip
    compared(microsoft_node("DynamicQuantizeMatMul", values, "float32"), values, tmp_path, 1e-3)
    values = [codes(3, 7), Known(codes(7, 5, dtype="int8")), SCALE, known(0.01), ZERO, known(0, "int8"), *more]
    graph = compared(microsoft_node("MatMulIntegerToFloat", values, "float32"), values, tmp_path, 1e-3)
    assert operators(graph) == ["quantized_linear"]


def test_other_operators_of_their_domain_are_named(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(microsoft_node("QLinearReduceMean", [X, SCALE, ZERO, *OUT], "uint8").SerializeToString())
    with pytest.raises(TinyInferError, match=r"QLinearReduceMean.*domain .com\.microsoft. are not known"):
        load(path)


LAYERS = [
    ("QLinearConv", codes(1, 3, 8, 9), codes(4, 3, 3, 3, dtype="int8"), {"pads": [1, 1, 1, 1], "strides": [2, 1]}),
    ("QLinearConv", codes(1, 3, 8, 9), codes(4, 3, 3, 3), {"dilations": [2, 1]}),
    ("QLinearConv", codes(2, 6, 8, 9, dtype="int8"), codes(6, 1, 3, 3, dtype="int8"), {"group": 6}),
    ("QLinearConv", codes(2, 6, 11), codes(4, 6, 3, dtype="int8"), {}),
    ("QLinearMatMul", codes(2, 5, 7), codes(7, 4, dtype="int8"), {}),
    ("QLinearMatMul", codes(5, 7), codes(7, 4), {}),
]


@pytest.mark.parametrize("by_axis", [True, False])
@pytest.mark.parametrize(("op_type", "x", "weight", "attributes"), LAYERS)
def test_layers_become_one_operator(op_type, x, weight, attributes, by_axis: bool, tmp_path: Path) -> None:
    outputs = weight.shape[0 if op_type == "QLinearConv" else -1]
    steps = RNG.uniform(0.005, 0.02, outputs).astype(np.float32) if by_axis else np.float32(0.01)
    middle = 131 if weight.dtype == np.uint8 else 0
    zeros = np.full(np.shape(steps), middle, weight.dtype)
    zero, out_zero = (119, 128) if x.dtype == np.uint8 else (-9, 3)
    values = [x, known(0.02), known(zero, str(x.dtype)), Known(weight), Known(steps), Known(zeros), known(0.4),
              known(out_zero, str(x.dtype))]  # fmt: skip
    if op_type == "QLinearConv":
        values.append(Known(RNG.integers(-3000, 3000, outputs, np.int32)))
    model = one_node(op_type, values, 13, **attributes)
    model.graph.output[0].type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(x.dtype)
    if by_axis and (weight.dtype == np.uint8 or op_type == "QLinearMatMul" or x.dtype == np.int8):
        values = None  # ONNX Runtime has these only for some types
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    graph, _ = load(path)
    moves = {"unsqueeze", "squeeze"}
    assert [k for k in operators(graph) if k not in moves] == [
        "quantized_linear" if op_type == "QLinearMatMul" else "quantized_conv2d"
    ]
    real, _ = load(path, dequantize=True)
    feed = {i.name: x for i in graph.inputs}
    (found,), (other,) = (Model(g, kernels="reference").run(feed).values() for g in (graph, real))
    assert np.abs(found.astype(int) - other.astype(int)).max() <= 1
    assert len(np.unique(found)) > 10
    if values is not None:
        compared(model, values, tmp_path)


@pytest.mark.parametrize("scale", [0.0, -0.5, np.nan, np.inf])
@pytest.mark.parametrize("at", [1, 4, 6])
def test_scales_that_mean_nothing_are_refused(scale: float, at: int, tmp_path: Path) -> None:
    values = [codes(5, 7), known(0.02), ZERO, Known(codes(7, 4)), known(0.01), known(131, "uint8"), known(0.4), ZERO]
    values[at] = known(scale)
    path = tmp_path / "model.onnx"
    model = one_node("QLinearMatMul", values, 13)
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    path.write_bytes(model.SerializeToString())
    with pytest.raises(TinyInferError, match="scale: expected finite numbers above 0, found"):
        load(path)


def test_a_zero_point_of_another_type_is_refused(tmp_path: Path) -> None:
    values = [codes(5, 7), known(0.02), known(-3, "int8")]
    path = tmp_path / "model.onnx"
    path.write_bytes(one_node("DequantizeLinear", values, 13).SerializeToString())
    with pytest.raises(GraphError, match="zero_point: expected 0 to 255 for uint8, found -3"):
        load(path)


def test_a_value_that_others_read_stays_real(tmp_path: Path) -> None:
    """A layer whose real results are an output too is not rounded for it."""

    def node(kind: str, *names: str, **attrs: object) -> onnx.NodeProto:
        return helper.make_node(kind, list(names[:-1]), [names[-1]], **attrs)

    arrays = {"w": codes(4, 3, 1, 1, dtype="int8"), "s": np.float32(0.02), "z": np.uint8(120), "sw": np.float32(0.01),
              "zw": np.int8(0)}  # fmt: skip
    nodes = [
        node("DequantizeLinear", "x", "s", "z", "real"), node("DequantizeLinear", "w", "sw", "zw", "weight"),
        node("Conv", "real", "weight", "y"), node("Relu", "y", "r"), node("QuantizeLinear", "r", "s", "z", "q"),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, [1, 3, 4, 5])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None),
         helper.make_tensor_value_info("q", onnx.TensorProto.UINT8, None)],
        [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in arrays.items()],
    )  # fmt: skip
    path = tmp_path / "model.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]).SerializeToString())
    found, _ = load(path)
    assert operators(found) == ["quantized_conv2d", "relu", "quantize_linear"]
    assert found.nodes[0].op.dtype == "float32"
