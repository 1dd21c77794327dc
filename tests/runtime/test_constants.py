"""Constants lie beside the arena, once for all plans and runs of a model."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import randomize

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.model import Model
from tinyinfer.runtime.execution_context import ExecutionContext

X = np.random.default_rng(0).standard_normal((1, 4, 6, 5)).astype(np.float32)
TABLE = np.random.default_rng(1).standard_normal((300, 7)).astype(np.float32)


def lookup() -> Graph:
    """Rows of a large table picked by where the largest channel is, and a constant that images are gated by."""
    b = Builder()
    x = b.input(4, (6, 5))
    gate = b.constant(np.arange(4, dtype=np.float32).reshape(1, 4, 1, 1), name="gate")
    y = b.conv2d(b.mul(x, gate, name="gated"), 4, 1, name="conv")
    most = b.apply("argmax", y, name="most", dim=1)
    table = b.constant(TABLE, name="table")
    return randomize(b.finish([b.apply("index", table, most, name="rows"), table, y]))


@pytest.mark.parametrize("kernels", [None, "reference"])
def test_constants_take_no_step_and_no_room_in_the_arena(kernels: str | None) -> None:
    plan = Model(lookup(), threads=1, kernels=kernels).plan({"input": X.shape})
    assert not {"table", "gate"} & {step.node.name for step in plan.steps}
    assert not {"table", "gate"} & {lifetime.name for lifetime in plan.lifetimes}
    assert plan.arena_bytes < TABLE.nbytes


def test_runs_and_plans_of_several_sizes_read_the_same_array() -> None:
    model = Model(lookup(), threads=1)
    plans = [model.plan({"input": shape}) for shape in (X.shape, (2, 4, 9, 8))]
    arrays = [ExecutionContext(plan).arena.view("table") for plan in (plans[0], plans[0], plans[1])]
    assert all(np.shares_memory(array, model.graph.weights["table.value"]) for array in arrays)
    assert plans[0].constants["gate"] is plans[1].constants["gate"]


def test_what_hooks_see_of_a_constant_can_not_be_written() -> None:
    seen = []
    Model(lookup(), threads=1).run({"input": X}, hook=lambda step, call, view: (call(), seen.append(view("table"))))
    assert all(np.array_equal(table, TABLE) and not table.flags.writeable for table in seen)


@pytest.mark.parametrize("threads", [1, 2])
def test_read_only_and_unaligned_arrays_serve_as_constants(threads: int) -> None:
    for shape in ((5,), (4, 1, 1), (1, 4, 6, 5)):
        size = int(np.prod(shape)) * 4
        odd = np.frombuffer(b"\0" + np.arange(size // 4, dtype=np.float32).tobytes(), np.uint8)[1:].view(np.float32)
        b = Builder()
        graph = b.finish(
            b.add(b.relu(b.input(4, (6, 5)), name="act"), b.constant(odd.reshape(shape), name="c"), name="y")
        )
        np.testing.assert_array_equal(Model(graph, threads=threads)(X), np.maximum(X, 0) + odd.reshape(shape))


@pytest.mark.parametrize("kernels", [None, "reference"])
def test_constants_may_be_joined_taken_apart_captured_and_handed_back(kernels: str | None) -> None:
    b = Builder()
    x = b.relu(b.input(4, (6, 5)), name="act")
    c = b.constant(np.arange(2 * 30, dtype=np.float32).reshape(1, 2, 6, 5), name="c")
    first, second = b.split(c, 1, name="parts")
    joined = b.concat(x, c, first, x, name="joined")
    graph = b.finish([b.conv2d(joined, 3, 1, name="conv"), b.apply("reshape", second, name="flat", shape=(3, 10)), c])
    graph = randomize(graph)
    found = Model(graph, threads=1, kernels=kernels).run({"input": X}, capture=["parts", "joined"])
    value = np.arange(60, dtype=np.float32).reshape(1, 2, 6, 5)
    np.testing.assert_array_equal(found["c"], value)
    np.testing.assert_array_equal(found["flat"], value[:, 1].reshape(3, 10))
    np.testing.assert_array_equal(found["parts:1"], value[:, 1:])
    act = np.maximum(X, 0)
    np.testing.assert_array_equal(found["joined"], np.concatenate([act, value, value[:, :1], act], axis=1))
    assert not np.shares_memory(found["c"], graph.weights["c.value"])
