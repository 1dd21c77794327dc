"""Running a model: shapes, captures, hooks, inputs of every kind, several threads at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_networks import randomize, residual_network, textbook

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError, WeightsError
from tinyinfer.graph import Graph, OpCost, TensorType
from tinyinfer.model import MAX_PLANS, Model
from tinyinfer.runtime.executor import execute
from tinyinfer.runtime.plan import Step

GRAPH = residual_network(16)
X = np.random.default_rng(2).standard_normal((2, 3, 16, 13)).astype(np.float32)


@given(n=st.integers(1, 3), h=st.integers(5, 20), w=st.integers(5, 20), threads=st.integers(1, 3))
def test_fast_equals_textbook_at_any_size(n: int, h: int, w: int, threads: int) -> None:
    x = np.random.default_rng(h).standard_normal((n, 3, h, w)).astype(np.float32)
    np.testing.assert_allclose(Model(GRAPH, threads=threads)(x), textbook(GRAPH, x), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.transpose(0, 1, 3, 2).copy().transpose(0, 1, 3, 2),
        lambda x: np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
        lambda x: np.repeat(x, 2, axis=3)[..., ::2],
        lambda x: x.astype(np.float64),
        lambda x: x.astype(x.dtype.newbyteorder()),
        lambda x: x.tolist(),
    ],
    ids=["transposed", "nhwc", "strided", "float64", "byteswapped", "list"],
)
def test_layout_and_dtype_of_the_input_do_not_matter(change: Callable[[np.ndarray], np.ndarray]) -> None:
    model = Model(GRAPH)
    np.testing.assert_array_equal(model(change(X)), model(X))


def test_integers_are_taken_as_numbers() -> None:
    x = (X * 10).astype(np.int32)
    np.testing.assert_array_equal(Model(GRAPH)(x), Model(GRAPH)(x.astype(np.float32)))


def test_nothing_of_the_caller_is_changed_and_results_are_the_callers() -> None:
    x = X.copy()
    x.flags.writeable = False
    model = Model(GRAPH)
    first = model(x)
    kept = first.copy()
    model(X * 2)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(x, X)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((1, 4, 8, 8)), "expected shape \\?x3x\\?x\\?, found 1x4x8x8"),
        (np.zeros((3, 8, 8)), "expected shape \\?x3x\\?x\\?, found 3x8x8"),
        (np.zeros((0, 3, 8, 8)), "found 0x3x8x8"),
        (np.zeros((1, 3, 8, 8), complex), "expected numbers, found dtype complex128"),
        (np.array("text"), "expected numbers"),
    ],
)
def test_unfit_inputs_are_refused(x: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Model(GRAPH)(x)


def test_inputs_by_name() -> None:
    model = Model(GRAPH)
    assert model.inputs == [("input", (None, 3, None, None))]
    assert model.outputs == [("fc", (None, 5))]
    np.testing.assert_array_equal(model.run({"input": X})["fc"], model(X))
    with pytest.raises(InputError, match="expected input; found image"):
        model.run({"image": X})


def test_what_is_captured_changes_from_call_to_call() -> None:
    model = Model(GRAPH)
    plain = model.run({"input": X})
    captured = model.run({"input": X}, capture=["stem"])
    assert captured.keys() > plain.keys()
    assert model.run({"input": X}).keys() == plain.keys()
    assert model.plan({"input": list(X.shape)}) is model.plan({"input": X.shape})


def test_captured_values_are_those_of_the_textbook() -> None:
    patterns = ["stem", "add*", "norm"]
    fast, slow = (Model(GRAPH, kernels=k).run({"input": X}, capture=patterns) for k in (None, "reference"))
    assert set(fast) == {"fc", "stem", "norm", "add", "add.act"}
    for name, array in fast.items():
        np.testing.assert_allclose(array, slow[name], rtol=1e-3, atol=1e-4, err_msg=name)
    with pytest.raises(InputError, match="no node is called 'nothing'"):
        Model(GRAPH).run({"input": X}, capture=["nothing"])


def test_a_hook_sees_every_step_once_and_its_values_alive() -> None:
    model = Model(GRAPH)
    seen: list[str] = []

    def hook(step: Step, call: Callable[[], None], view: Callable[[str], np.ndarray]) -> None:
        call()
        seen.append(step.node.name)
        for value, kind in zip(step.outputs, step.output_types, strict=True):
            assert view(value).shape == kind.shape
            assert np.isfinite(view(value)).all()

    plain = model(X)
    np.testing.assert_array_equal(model.run({"input": X}, hook=hook)["fc"], plain)
    assert seen == [step.node.name for step in model.plan({"input": X.shape}).steps]


def test_an_exception_in_a_hook_leaves_the_model_usable() -> None:
    model = Model(GRAPH)
    expected = model(X)

    def hook(step: Step, call: Callable[[], None], view: Callable[[str], np.ndarray]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.run({"input": X}, hook=hook)
    np.testing.assert_array_equal(model(X), expected)


def test_plans_are_made_once_per_shape_and_bounded() -> None:
    model = Model(GRAPH)
    assert model.plan({"input": (1, 3, 9, 9)}) is model.plan({"input": (1, 3, 9, 9)})
    for size in range(8, 10 + MAX_PLANS):
        model.plan({"input": (1, 3, size, size)})
    assert len(model._plans) == MAX_PLANS


def test_every_value_lies_inside_an_aligned_arena() -> None:
    plan = Model(GRAPH).plan({"input": X.shape})
    execute(plan, {"input": X})
    arena = plan.contexts.free[0].arena
    assert arena.memory.ctypes.data % 64 == 0
    for step in plan.steps:
        for value in {*step.inputs, *step.outputs} - plan.planar:
            assert np.shares_memory(arena.view(value), arena.memory)


def stem(readers: int = 1, channels: int = 3, handed_back: bool = False) -> Graph:
    """Strided convolutions of one input, added up."""
    b = Builder()
    x = b.input(channels, 20)
    y = b.conv2d(x, 8, 3, stride=2, padding=1, name="conv")
    for i in range(1, readers):  # behind activations, else they would become one convolution
        other = b.activation(b.conv2d(x, 8, 3, stride=2, padding=1, name=f"conv{i}"), "relu", name=f"relu{i}")
        y = b.add(b.activation(y, "relu", name=f"relu.{i}"), other, name=f"add{i}")
    return randomize(b.finish([y, x] if handed_back else y))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [(1, 3, 20, 20), (3, 3, 17, 9)])
def test_a_stem_reads_the_callers_planes(threads: int, shape: tuple[int, ...]) -> None:
    graph, x = stem(), np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    model = Model(graph, threads=threads, kernels={"conv2d": "direct"})
    plan, copying = model.plan({"input": shape}), Model(stem(readers=2), threads=threads).plan({"input": shape})
    assert plan.planar == {"input"}
    assert plan.steps[0].kernel == "in place"
    assert plan.steps[0].node.op.cost([TensorType(shape)], {}, [TensorType(shape)]) == OpCost(0, 0, 0, 0)
    assert "input" not in {lifetime.name for lifetime in plan.lifetimes}
    assert "input" in {lifetime.name for lifetime in copying.lifetimes}
    expected = textbook(graph, x)
    for images in (x, x.astype(np.float64), np.asfortranarray(x), x[:, :, ::-1, ::-1].copy()[:, :, ::-1, ::-1]):
        np.testing.assert_allclose(model(images), expected, atol=1e-4)
    seen = []
    model.run({"input": x}, hook=lambda step, call, view: (call(), seen.append(view("input"))))
    assert len(seen) == len(plan.steps)
    assert all(np.array_equal(image, x) and not image.flags.writeable for image in seen)
    assert x.flags.writeable


@pytest.mark.parametrize("graph", [stem(readers=2), stem(channels=4), stem(handed_back=True)])
def test_other_inputs_are_copied(graph: Graph) -> None:
    plan = Model(graph, kernels={"conv2d": "direct"}).plan({"input": (1, *graph.inputs[0].nominal[1:])})
    assert plan.planar == frozenset()
    assert plan.steps[0].kernel == "copy"


@pytest.mark.parametrize("threads", [1, 2])
def test_many_python_threads_share_one_model(threads: int) -> None:
    model = Model(GRAPH, threads=threads)
    inputs = [X * (i + 1) for i in range(8)]
    expected = [model(x) for x in inputs]
    with ThreadPoolExecutor(8) as pool:
        for results in [pool.map(model, inputs) for _ in range(20)]:
            for result, wanted in zip(results, expected, strict=True):
                np.testing.assert_array_equal(result, wanted)


def test_an_unverified_graph_never_becomes_a_model() -> None:
    graph = residual_network()
    graph.weights["norm.running_var"] = graph.weights["norm.running_var"] - 100
    with pytest.raises(WeightsError, match="'norm' \\(batch_norm\\)"):
        Model(graph)


def test_shapes_to_count_for_are_checked() -> None:
    with pytest.raises(InputError, match=r"expected shape .*, found 3x16"):
        Model(GRAPH).cost((3, 16))


def test_a_plan_takes_no_arrays_of_another_shape() -> None:
    plan = Model(GRAPH, threads=1).plan()
    (i,) = plan.graph.inputs
    with pytest.raises(InputError, match=f"input {i.name!r}: the plan is for .*, found 1x1"):
        execute(plan, {i.name: np.zeros((1, 1), np.float32)})
    with pytest.raises(InputError, match="found none"):
        execute(plan, {})


def test_threads_and_kernels_are_checked() -> None:
    with pytest.raises(InputError, match="threads: expected an integer of at least 1, found 0"):
        Model(GRAPH, threads=0)
    with pytest.raises(InputError, match="expected 'reference' or 'conv2d=im2col"):
        Model(GRAPH, kernels="im2col")
    kernels = {n.kernel for n in Model(GRAPH, kernels="conv2d=im2col").plan().graph.nodes if n.op.name == "conv2d"}
    assert kernels == {"im2col"}
