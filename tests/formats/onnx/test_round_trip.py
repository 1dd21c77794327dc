"""Networks that go out as ONNX files and come back: the same operators, costs, free sizes and values."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import tinyinfer as ti
from tinyinfer.formats.onnx.load import load
from tinyinfer.graph import Graph
from tinyinfer.models import registry
from tinyinfer.ops.normalization.scale_shift import ScaleShift
from tinyinfer.profiling.cost import cost

pytest.importorskip("onnx")

from tinyinfer.formats.onnx.exporting.export import export_onnx

IDLE = ("dropout", "identity", "adaptive_avg_pool2d", "interpolate")  # where they keep the shape
OPSETS = (13, 17, 20, 28)
SMALLEST = {
    family.name: min(family.variants, key=lambda variant: (variant.macs or 0, variant.params or 0)).name
    for family in registry.families().values()
}
IN_PARTS = ("upsampler_max_unpool",)  # whose unpooling goes out as arithmetic with places
POOLING_BINS = ("alexnet", "vgg")  # of images of any size: in ONNX that is arithmetic with sizes


def there_and_back(graph: Graph, folder: Path, opset: int, fixed: bool = False) -> tuple[Graph, dict[str, object]]:
    path = folder / "net.onnx"
    export_onnx(graph, path, graph.inputs[0].nominal if fixed else None, opset)
    return load(path, {i.name: i.nominal for i in graph.inputs})


def operators(graph: Graph) -> Counter[str]:
    """How often each operator stands in a graph, apart from what does nothing; what only cuts is a slice."""
    types, names = graph.infer_types(), Counter[str]()
    for node in graph.nodes:
        before, after = types[node.inputs[0]] if node.inputs else None, types[node.outputs[0]]
        index = getattr(node.op, "index", None)
        in_order = isinstance(index, tuple) and index == (*range(len(index)),)  # before channels have been pruned
        may_be_idle = in_order or node.op.name in IDLE or node.op == ScaleShift()
        if not (may_be_idle and before == after):
            names["slice" if in_order or node.op.name == "pad" else node.op.name] += 1
    return names


def check(name: str, graph: Graph, folder: Path, opset: int, fixed: bool) -> Graph:
    fixed = fixed or registry.find(name)[0].name in POOLING_BINS
    back, meta = there_and_back(graph, folder, opset, fixed)
    before, after = operators(graph), operators(back)
    assert not after - before
    assert set(before - after) <= {"slice"}, "a pad in front of a layer becomes the layer's own"
    assert back.outputs == graph.outputs
    assert [i.name for i in back.inputs] == [i.name for i in graph.inputs]
    if fixed:
        assert [i.shape for i in back.inputs] == [i.nominal for i in graph.inputs]
    else:
        assert [i.shape for i in back.inputs] == [i.shape for i in graph.rigid_inputs_fixed().inputs]
        assert "notes" not in meta
    ours, theirs = cost(graph), cost(back)
    assert (theirs.macs, theirs.params) == (ours.macs, ours.params)
    return back


@pytest.mark.parametrize("at", range(len(SMALLEST)), ids=list(SMALLEST))
def test_every_family_comes_back(at: int, tmp_path: Path) -> None:
    name, opset = [*SMALLEST.values()][at], OPSETS[at % len(OPSETS)]
    check(name, ti.models.build(name), tmp_path, opset, fixed=at % 3 == 0)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("at", "name"), [*enumerate(n for n in ti.models.names() if n not in IN_PARTS)])
def test_every_network_comes_back(at: int, name: str, tmp_path: Path) -> None:
    check(name, ti.models.build(name), tmp_path, OPSETS[at // 2 % len(OPSETS)], fixed=at % 2 == 0)
    (tmp_path / "net.onnx").unlink()  # all of them together would fill a disk


@pytest.mark.parametrize(
    ("name", "opset"),
    [("mobilenet_v3_small", 13), ("shufflenet_v2_x0_5", 17), ("convnext_atto", 13), ("tinynet_e", 20)],
)
def test_values_are_the_same(name: str, opset: int, tmp_path: Path) -> None:
    graph = ti.models.create(name, num_classes=5).graph
    back = check(name, graph, tmp_path, opset, fixed=False)
    x = np.random.default_rng(0).standard_normal((2, 3, 64, 96), np.float32)
    expected = ti.Model(graph)(x)
    np.testing.assert_allclose(ti.Model(back)(x), expected, atol=1e-4 * float(np.std(expected)))
