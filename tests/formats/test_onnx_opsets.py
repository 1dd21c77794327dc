"""ONNX files for engines of other versions, of fixed sizes, and of sizes that stay free."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinyinfer import models, ops
from tinyinfer.builder import Builder
from tinyinfer.errors import InputError, UnsupportedOpError
from tinyinfer.formats.onnx.exporting.export import export_onnx, to_onnx
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.ops.base import Case

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

# one case for each operator that needs other nodes, or more of them, in some opset
NAMES = (
    "adaptive_avg_pool2d",
    "softmax",
    "interpolate",
    "max_unpool2d",
    "split",
    "group_norm",
    "encoding",
    "pad",
    "mean",
    "sum",
    "hardswish",
    "mish",
    "gelu",
    "layer_norm",
    "scale_shift",
)
CASES = [(name, case) for name in NAMES for case in ops.get(name).cases()[:6] if not case.dtypes]
NEEDS = {"deform_conv2d": ("DeformConv", 19)}


def graph_of(name: str, case: Case, free: bool) -> Graph:
    rng, op = np.random.default_rng(0), ops.create(name, case.attrs)
    weights = {role: rng.uniform(0.5, 1.5, shape).astype(np.float32) for role, shape in case.params.items()}
    inputs = [Input(f"x{i}", (*s[:2], *[None if free else n for n in s[2:]]), s) for i, s in enumerate(case.inputs)]
    types = [ops.base.TensorType(shape) for shape in case.inputs]
    outputs = op.infer(types, {role: ops.base.TensorType(w.shape) for role, w in weights.items()})
    names = tuple(f"y{i}" for i in range(len(outputs)))
    node = Node("y", op, tuple(i.name for i in inputs), names, {role: f"y.{role}" for role in weights})
    return Graph(inputs, [node], list(names), {f"y.{role}": w for role, w in weights.items()})


def assert_same(graph: Graph, opset: int) -> None:
    node, rng = graph.nodes[0], np.random.default_rng(1)
    values = [x.astype(np.float32) for x in node.op.example_inputs([i.type_for(i.nominal) for i in graph.inputs], rng)]
    proto = to_onnx(graph, opset=opset)
    assert proto.opset_import[0].version == opset
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {i.name: x for i, x in zip(graph.inputs, values, strict=True)})
    for y, expected in zip(found, node.op.reference(values, graph.param_arrays(node)), strict=True):
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("opset", [13, 14, 15, 17, 18, 21, 23])
def test_every_opset_computes_the_same(opset: int) -> None:
    done = 0
    for name, case in CASES:
        if case.attrs.get("mode") == "circular" and opset < 19:
            continue
        assert_same(graph_of(name, case, free=False), opset)
        done += 1
    assert done > len(NAMES)


@pytest.mark.parametrize("name", NEEDS)
def test_an_operator_that_came_later_is_named(name: str) -> None:
    kind, first = NEEDS[name]
    case = ops.get(name).cases()[0]
    assert_same(graph_of(name, case, free=False), first)
    with pytest.raises(
        UnsupportedOpError, match=rf"'y' \({name}\) .* {kind}.* came with opset {first}, found {first - 1}"
    ):
        to_onnx(graph_of(name, case, free=False), opset=first - 1)


@pytest.mark.parametrize("opset", [12, 0, -1, 10_000])
def test_an_opset_that_nobody_knows(opset: int) -> None:
    graph = graph_of("relu", ops.get("relu").cases()[0], free=False)
    with pytest.raises(InputError, match=f"opset: expected 13 to {onnx.defs.onnx_opset_version()}, .* found {opset}"):
        to_onnx(graph, opset=opset)


@pytest.mark.parametrize("opset", [13, 20])
@pytest.mark.parametrize("output_size", [3, (6, 7), (None, 4), (2, None)])
def test_bins_of_free_sizes(output_size: Any, opset: int) -> None:
    b = Builder()
    graph = b.finish(b.adaptive_avg_pool2d(b.input(3, 16), output_size, name="pool"))
    session = ort.InferenceSession(to_onnx(graph, opset=opset).SerializeToString())
    for size in ((16, 16), (5, 9), (1, 2), (24, 13)):
        x = np.random.default_rng(0).standard_normal((2, 3, *size)).astype(np.float32)
        expected = ops.reference("adaptive_avg_pool2d")(x, output_size=output_size)
        np.testing.assert_allclose(session.run(None, {"input": x})[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["alexnet", "vgg11"])
def test_networks_whose_bins_follow_the_image(name: str) -> None:
    model = models.create(name, num_classes=3, hidden=64)
    session = ort.InferenceSession(to_onnx(model.graph, opset=13).SerializeToString())
    for size in (224, 150):
        x = np.random.default_rng(0).standard_normal((1, 3, size, size)).astype(np.float32)
        y = session.run(None, {"input": x})[0]
        np.testing.assert_allclose(y, model(x), rtol=1e-2, atol=1e-3 * float(y.std()) + 1e-6)


def test_sizes_are_fixed_where_asked(tmp_path: Path) -> None:
    model = models.create("squeezenet1_1", num_classes=3)
    export_onnx(model, tmp_path / "net.onnx", input_shape=(2, 3, 64, 48), opset=14)
    session = ort.InferenceSession(str(tmp_path / "net.onnx"))
    assert [i.shape for i in session.get_inputs()] == [[2, 3, 64, 48]]
    assert [o.shape for o in session.get_outputs()] == [[2, 3]]
    for shape in ((1, 4, 64, 64), (1, 3, 64), (1, 3, 5, 5)):
        with pytest.raises(InputError):
            export_onnx(model, tmp_path / "other.onnx", input_shape=shape)
    assert not (tmp_path / "other.onnx").exists()
