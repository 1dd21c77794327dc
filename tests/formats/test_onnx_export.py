"""ONNX files against the textbook reference, executed by ONNX Runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from one_operator import one_operator
from walks import each_case, names_with_cases

from tinyinfer import models, ops
from tinyinfer.errors import UnsupportedOpError
from tinyinfer.formats.onnx.exporting import export as onnx_export
from tinyinfer.formats.onnx.exporting.export import MIXING, export_onnx, to_onnx, value_shapes
from tinyinfer.formats.onnx.load import load
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.model import Model
from tinyinfer.ops.quantized.requantization import CODES

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

NAMES = [name for name in names_with_cases() if not ops.get(name).composite]


def execute(proto: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """ONNX Runtime's outputs, computed without optimizations that could hide what was written."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def reference(graph: Graph, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The outputs of the NumPy references in float64."""
    values = {name: array.astype(np.float64) for name, array in inputs.items()}
    for node in graph.topological_order():
        found = node.op.reference([values[v] for v in node.inputs], graph.param_arrays(node))
        values.update(zip(node.outputs, found, strict=True))
    return [values[name] for name in graph.outputs]


def random_inputs(graph: Graph, rng: np.random.Generator) -> dict[str, np.ndarray]:
    types, node = graph.infer_types(), graph.node("y")
    values = zip(graph.inputs, node.op.example_inputs([types[v] for v in node.inputs], rng), strict=True)
    return {i.name: value.astype(np.float32) for i, value in values}


def assert_same(graph: Graph, inputs: dict[str, np.ndarray]) -> None:
    types = graph.infer_types()
    for name, found, expected in zip(
        graph.outputs, execute(to_onnx(graph), inputs), reference(graph, inputs), strict=True
    ):
        assert found.shape == expected.shape
        if types[name].quant is not None or (
            types[name].dtype in CODES and graph.node("y").op.name in MIXING
        ):  # halves may round either way
            assert found.dtype == expected.dtype
            assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1
            continue
        assert found.dtype == (np.float32 if expected.dtype == np.float64 else expected.dtype)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-5 * max(1, float(np.std(expected))))


@each_case(NAMES)
def test_every_operator_computes_the_same_in_onnx(name: str, case: ops.base.Case, rng: np.random.Generator) -> None:
    if name == "adaptive_max_pool2d" and any(n % m for n, m in zip(case.inputs[0][2:], fixed_size(case), strict=True)):
        with pytest.raises(UnsupportedOpError, match="does not divide"):
            to_onnx(one_operator(name, case, rng))
        return
    graph = one_operator(name, case, rng)
    assert_same(graph, random_inputs(graph, rng))


def fixed_size(case: ops.base.Case) -> tuple[int, int]:
    return ops.create("adaptive_max_pool2d", case.attrs).out_size(case.inputs[0][2:])


FREE = [
    (name, attrs, shape, params)
    for name, attrs, shape, params in [
        ("conv2d", {"stride": 2, "padding": "same"}, (1, 3, 12, 13), {"weight": (6, 3, 3, 3)}),
        ("conv2d", {"padding": (0, 2, 1, 1), "activation": "silu"}, (1, 3, 12, 13), {"weight": (6, 3, 3, 3)}),
        ("conv2d", {"padding": 2, "padding_mode": "circular"}, (1, 3, 12, 13), {"weight": (6, 3, 3, 3)}),
        ("max_pool2d", {"kernel_size": 3, "stride": 2, "ceil_mode": True}, (1, 4, 13, 12), {}),
        ("avg_pool2d", {"kernel_size": 3, "stride": 2, "padding": 1}, (1, 4, 13, 12), {}),
        ("avg_pool2d", {"kernel_size": 2, "divisor_override": 3}, (1, 4, 13, 12), {}),
        ("adaptive_avg_pool2d", {"output_size": 1}, (1, 4, 13, 12), {}),
        ("adaptive_max_pool2d", {"output_size": (None, 1)}, (1, 4, 13, 12), {}),
        ("channel_shuffle", {"groups": 2}, (1, 6, 5, 7), {}),
        ("flatten", {"start_dim": 2}, (1, 6, 5, 7), {}),
        ("layer_norm", {"normalized_shape": (6,), "dim": 1}, (1, 6, 5, 7), {"weight": (6,)}),
        ("group_norm", {"num_groups": 3}, (1, 6, 5, 7), {"weight": (6,), "bias": (6,)}),
        ("shift", {}, (1, 11, 5, 7), {}),
        ("reshape", {"shape": (0, 2, 3, 0, 0), "kept": (0, 2, 3)}, (1, 6, 5, 7), {}),
        ("reshape", {"shape": (0, 0, -1), "kept": (3, 0)}, (1, 6, 5, 7), {}),
        ("irregular_conv2d", {"stride": 2, "padding": 1}, (1, 4, 5, 7), {"weight": (3, 4, 3, 3), "offset": (3, 3, 2)}),
        ("encoding", {}, (1, 6, 5, 7), {"codewords": (3, 6), "scale": (3,)}),
    ]
]


@pytest.mark.parametrize(("name", "attrs", "shape", "params"), FREE)
def test_free_sizes_stay_free(name, attrs, shape, params, rng: np.random.Generator) -> None:
    graph = one_operator(name, ops.base.Case(attrs, (shape,), params), rng, free=(0, 2, 3))
    proto = to_onnx(graph)
    assert [d.dim_param for d in proto.graph.input[0].type.tensor_type.shape.dim] == ["batch", "", "height", "width"]
    for size in (shape, (3, shape[1], 17, 15), (2, shape[1], 11, 14)):
        x = {"x0": rng.normal(size=size).astype(np.float32)}
        np.testing.assert_allclose(execute(proto, x)[0], reference(graph, x)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "attrs"),
    [
        ("adaptive_max_pool2d", {"output_size": 4}),
        ("avg_pool2d", {"kernel_size": 3, "stride": 2, "ceil_mode": True, "divisor_override": 2}),
    ],
)
def test_what_a_free_size_leaves_open_is_refused_by_name(name: str, attrs: dict, rng: np.random.Generator) -> None:
    graph = one_operator(name, ops.base.Case(attrs, ((1, 4, 8, 8),)), rng, free=(2, 3))
    with pytest.raises(UnsupportedOpError, match=rf"node 'y' \({name}\)"):
        to_onnx(graph)


def test_sizes_that_a_network_cannot_vary_are_fixed(rng: np.random.Generator) -> None:
    graph = one_operator(
        "split", ops.base.Case({"split_size_or_sections": 3, "dim": 2}, ((1, 4, 8, 8),)), rng, (0, 2, 3)
    )
    dims = to_onnx(graph).graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dims] == ["batch", 4, 8, 8]
    assert graph.inputs[0].shape == (None, 4, None, None)


def test_sizes_that_follow_the_input_say_how(rng: np.random.Generator) -> None:
    case = ops.base.Case({"kernel_size": 3, "stride": 2, "padding": 1}, ((1, 4, 8, 8),))
    dims = to_onnx(one_operator("max_pool2d", case, rng, (0, 2, 3))).graph.output[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dims] == ["batch", 4, "(height+1)//2", "(width+1)//2"]


def test_constants_and_dtypes() -> None:
    """Values that are no float32 images: ONNX Runtime and the textbook engine agree on them bit by bit."""
    nodes = [
        Node("table", ops.create("constant", {}), (), ("table",), {"value": "table"}),
        Node("both", ops.create("concat", {"dim": 0}), ("ids", "table"), ("both",)),
        Node("sizes", ops.create("shape", {}), ("both",), ("sizes",)),
    ]
    weights = {"table": np.array([[1, 2**62 + 1], [3, 4]])}
    graph = Graph([Input("ids", (None, 2), (1, 2), "int64")], nodes, ["both", "table", "sizes"], weights)
    proto = to_onnx(graph)
    assert [d.dim_param or d.dim_value for d in proto.graph.output[0].type.tensor_type.shape.dim] == ["batch+2", 2]
    ids = np.arange(6).reshape(3, 2)
    expected = Model(graph, kernels="reference").run({"ids": ids})
    for name, found in zip(graph.outputs, execute(proto, {"ids": ids}), strict=True):
        assert found.dtype == expected[name].dtype
        np.testing.assert_array_equal(found, expected[name])


def small_network(rng: np.random.Generator) -> Graph:
    """An inverted residual with a shuffle, two branches, global pooling and a classifier; batch and space free."""

    def weight(*shape: int) -> np.ndarray:
        return rng.normal(0, np.prod(shape[1:]) ** -0.5, shape).astype(np.float32)

    conv, bn = ops.get("conv2d"), ops.get("batch_norm")
    statistics = {
        "running_mean": weight(8),
        "running_var": rng.uniform(0.5, 2, 8).astype(np.float32),
        "weight": weight(8),
    }
    nodes = [
        Node("stem", conv(stride=2, padding=1), ("input",), ("stem",), {"weight": "stem.weight"}),
        Node("bn", bn(), ("stem",), ("bn",), {role: f"bn.{role}" for role in statistics}),
        Node("relu6", ops.get("relu6")(), ("bn",), ("relu6",)),
        Node("shuffle", ops.get("channel_shuffle")(2), ("relu6",), ("shuffle",)),
        Node("halves", ops.get("split")(4, 1), ("shuffle",), ("halves:0", "halves:1")),
        Node("joined", ops.get("concat")(1), ("halves:1", "halves:0"), ("joined",)),
        Node("project", conv(activation="relu"), ("joined", "relu6"), ("project",), {"weight": "project.weight"}),
        Node("pool", ops.get("adaptive_avg_pool2d")(1), ("project",), ("pool",)),
        Node("flatten", ops.get("flatten")(1), ("pool",), ("flatten",)),
        Node("drop", ops.get("dropout")(), ("flatten",), ("drop",)),
        Node("fc", ops.get("linear")(), ("drop",), ("fc",), {"weight": "fc.weight", "bias": "fc.bias"}),
    ]
    weights = {"stem.weight": weight(8, 3, 3, 3), "project.weight": weight(8, 8, 1, 1)}
    weights |= {f"bn.{role}": array for role, array in statistics.items()}
    weights |= {"fc.weight": weight(10, 8), "fc.bias": weight(10)}
    graph = Graph([Input("input", (None, 3, None, None), (1, 3, 32, 32))], nodes, ["fc", "joined"], weights)
    graph.verify()
    return graph


def test_a_network_runs_at_every_size(rng: np.random.Generator) -> None:
    graph = small_network(rng)
    assert value_shapes(graph.symbolic_types())["project"] == (None, 8, None, None)
    proto = to_onnx(graph)
    assert [o.name for o in proto.graph.output] == ["fc", "joined"]
    for shape in ((1, 3, 32, 32), (3, 3, 33, 47)):
        x = {"input": rng.normal(size=shape).astype(np.float32)}
        for found, expected in zip(execute(proto, x), reference(graph, x), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    "name",
    [
        "mobilenet_v2_cifar",
        "mobilenet_v2",
        "squeezenet1_0",
        "resnet18",
        "resnet20",
        "upsampler_bilinear",
        "upsampler_max_unpool",
        "upsampler_pixel_shuffle",
    ],
)
def test_families_compute_the_same_in_onnx(name: str, rng: np.random.Generator) -> None:
    model = models.create(name)
    x = {model.graph.inputs[0].name: rng.normal(size=(2, 3, 61, 70)).astype(np.float32)}
    (found,) = execute(to_onnx(model.graph), x)
    (expected,) = reference(model.graph, x)
    assert np.max(np.abs(found - expected)) < 1e-4 * np.std(expected)


def test_the_file_holds_names_weights_and_metadata(rng: np.random.Generator, tmp_path: Path) -> None:
    class Model:
        graph = small_network(rng)
        meta = {"name": "tiny", "labels": ["cat", "dog"]}

    export_onnx(Model(), tmp_path / "tiny.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["tiny.onnx"]
    proto = onnx.load(tmp_path / "tiny.onnx")
    onnx.checker.check_model(proto, full_check=True)
    assert proto.graph.name == "tiny"
    assert {p.key: json.loads(p.value) for p in proto.metadata_props} == Model.meta
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in proto.graph.initializer}
    for key, array in Model.graph.weights.items():
        np.testing.assert_array_equal(stored[key], array)


@pytest.mark.parametrize(
    "task", ["classify", {"kind": "fastestdet", "overlap": 0.3}, {"kind": "mask", "threshold": 0.25}]
)
def test_what_a_network_is_for_comes_back(task: Any, rng: np.random.Generator, tmp_path: Path) -> None:
    class Model:
        graph = small_network(rng)
        meta = {"name": "tiny", "labels": ["cat", "dog"], "task": task, "preprocess": {"mean": [1.0, 2.0, 3.0]}}

    export_onnx(Model(), tmp_path / "tiny.onnx")
    assert load(tmp_path / "tiny.onnx")[1] == {**Model.meta, "source": "tiny.onnx"}


def test_a_failed_write_leaves_no_file(rng: np.random.Generator, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "net.onnx").write_bytes(b"before")

    class Unwritable:
        def SerializeToString(self) -> bytes:
            raise ValueError("too large")

    monkeypatch.setattr(onnx_export, "to_onnx", lambda *_: Unwritable())
    with pytest.raises(ValueError, match="too large"):
        export_onnx(small_network(rng), tmp_path / "net.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["net.onnx"]
    assert (tmp_path / "net.onnx").read_bytes() == b"before"


def test_without_the_onnx_package_the_extra_is_named(rng: np.random.Generator, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(UnsupportedOpError, match=r"tinyinfer\[onnx\]"):
        to_onnx(small_network(rng))
