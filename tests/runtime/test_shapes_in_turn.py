"""One model over inputs of several shapes: its plans share packed weights, which therefore may know no shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from kernel_harness import example_params
from one_model import agree
from small_networks import randomize, residual_network

from tinyinfer import kernels, ops
from tinyinfer.builder import Builder
from tinyinfer.errors import GraphError
from tinyinfer.graph import Graph, Input, Node, Shape, TensorType
from tinyinfer.kernels.base import Layer, Problem
from tinyinfer.model import Model
from tinyinfer.ops.base import Case, Op
from tinyinfer.ops.quantized.requantization import CODES
from tinyinfer.passes import pipeline
from tinyinfer.runtime import plan as plan_module

RNG = np.random.default_rng


def other_shapes(shape: Shape) -> list[Shape]:
    """More images, other sizes and, where nothing says how many there have to be, other numbers of channels."""
    if len(shape) < 2:
        return [shape, *(tuple(factor * n + more for n in shape) for factor, more in ((1, 0), (1, 3), (2, 5), (37, 2)))]
    n, c, *size = shape
    larger = tuple(s + 3 for s in size)
    return [shape, (n + 1, c, *size), (n, c, *larger), (n, 2 * c + 5, *size), (n, 37 * c + 2, *larger)]


def alone(op: Op, case: Case) -> Graph:
    """The operator as a network that takes any size."""
    inputs = [Input(f"x{i}", (None,) * len(t.shape), t.shape, t.dtype) for i, t in enumerate(case.input_types)]
    params = example_params(op, case.params, RNG(5))
    types = op.infer(case.input_types, {role: TensorType(a.shape, str(a.dtype)) for role, a in params.items()})
    values = tuple(f"y{i}" for i in range(len(types)))
    node = Node("node", op, tuple(i.name for i in inputs), values, {role: role for role in params})
    return Graph(inputs, [node], list(values), params)


def shapes_taken(graph: Graph, case: Case) -> list[tuple[Shape, ...]]:
    """Those of `other_shapes` that the operator takes."""
    taken = []
    for shapes in zip(*(other_shapes(shape) for shape in case.inputs), strict=True):
        try:
            graph.infer_types({i.name: shape for i, shape in zip(graph.inputs, shapes, strict=True)})
        except GraphError:
            continue
        taken.append(shapes)
    return taken


@pytest.mark.parametrize("name", [name for name in ops.names() if not ops.get(name).composite])
def test_an_operator_is_right_at_one_shape_after_another(name: str) -> None:
    several = 0
    for case in ops.get(name).cases():
        op = ops.create(name, dict(case.attrs))
        graph = alone(op, case)
        fast, slow, taken = Model(graph, threads=1), Model(graph, kernels="reference"), shapes_taken(graph, case)
        several += len(taken) > 1
        for shapes in [*taken, *taken[::-1]]:
            types = [i.type_for(shape) for i, shape in zip(graph.inputs, shapes, strict=True)]
            arrays = [x.astype(t.dtype) for x, t in zip(op.example_inputs(types, RNG(1)), types, strict=True)]
            given = {i.name: x for i, x in zip(graph.inputs, arrays, strict=True)}
            found = fast.run(given)
            for value, y in slow.run(given).items():
                assert (found[value].dtype, found[value].shape) == (y.dtype, y.shape)
                found_, y_ = found[value].astype(np.float64), y.astype(np.float64)  # codes would wrap around
                loose, code = 1e-4 * (y.dtype == np.float32), float(str(y.dtype) in CODES)
                np.testing.assert_allclose(found_, y_, loose, code + loose * max(1.0, float(np.abs(y_).max())))
    assert several > 0 or not kernels.list(name)


@pytest.mark.parametrize(
    "shapes",
    [
        [(1, 3, 8, 8), (1, 3, 64, 64), (2, 3, 5, 4)],
        [(1, 3, 8, 8), (1, 3, 1500, 1500), (1, 3, 8, 8)],  # so large that memory beyond is nobody's
    ],
)
def test_one_slope_serves_as_many_channels_as_there_are(shapes: Sequence[Shape]) -> None:
    b = Builder()
    x = b.flatten(b.input(3, 8))
    graph = randomize(b.finish(b.apply("prelu", x, name="prelu", params={"weight": (1,)})))
    agree(graph, shapes)


def test_what_packs_is_shown_no_shape() -> None:
    problem = Problem(ops.create("relu", {}), {}, ((1, 2),), ((1, 2),))
    assert problem.layer == Layer(problem.op, {})
    assert not hasattr(problem.layer, "inputs")


def test_a_network_is_lowered_once_and_packed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lowered = []
    monkeypatch.setattr(plan_module, "lower", lambda *asked: lowered.append(asked) or pipeline.lower(*asked))
    model = Model(residual_network(), threads=1, kernels={"conv2d": "direct"})
    plans = [model.plan({"input": (1, 3, size, size)}) for size in (16, 20, 33)]
    assert len(lowered) == 1
    for steps in zip(*(plan.steps for plan in plans), strict=True):
        packed = [step.implementation.packed for step in steps if step.implementation is not None]
        assert all(p is packed[0] for p in packed) or not packed


def test_captured_values_share_what_is_packed_alike() -> None:
    model = Model(residual_network(), threads=1, kernels={"conv2d": "direct"})
    x = np.ones((1, 3, 16, 16), np.float32)
    plain, seen = model.run({"input": x}), model.run({"input": x}, capture=["one.norm"])
    np.testing.assert_allclose(seen["fc"], plain["fc"], rtol=1e-5, atol=1e-5)
    packed = [
        {
            step.node.name: step.implementation.packed
            for step in model.plan({"input": x.shape}, capture).steps
            if step.implementation is not None
        }
        for capture in ((), ("one.norm",))
    ]
    shared = [name for name in packed[0] if packed[0][name] is not None and packed[0][name] is packed[1].get(name)]
    assert {"stem", "left", "right", "fc"} <= set(shared)
