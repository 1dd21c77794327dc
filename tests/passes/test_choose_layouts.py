"""Which values lie as images and which as rows, and where plans convert between them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from kernel_harness import example_params, make_problem, operators_with_kernels
from small_networks import randomize, residual_network, textbook

from tinyinfer import kernels, models, ops
from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.kernels.base import NHWC, ROWS
from tinyinfer.model import Model
from tinyinfer.profiling.profile import profile
from tinyinfer.runtime.plan import Plan

X = np.random.default_rng(0).standard_normal((2, 8, 12, 10)).astype(np.float32)


def layouts(plan: Plan) -> dict[str, str]:
    """Of the values that steps read and write."""
    used = {value for step in plan.steps for value in (*step.inputs, *step.outputs)}
    return {value: place.layout for value, place in plan.placements.items() if value in used}


def attention(b: Builder, x: str) -> str:
    """In two heads over the pixels of images of 8 channels."""
    heads = b.apply("reshape", x, name="heads", shape=(0, 2, 4, -1))
    turned = b.apply("permute", heads, name="turned", dims=(0, 1, 3, 2))
    scores = b.apply("matmul", turned, heads, name="scores")
    scaled = b.apply("mul", scores, b.constant(np.float32(0.5), name="half"), name="scaled")
    shares = b.apply("permute", b.apply("softmax", scaled, name="shares"), name="back", dims=(0, 1, 3, 2))
    mixed = b.apply("matmul", heads, shares, name="mixed")
    return b.apply("reshape", mixed, name="images", shape=(0, 8, -1, 1))


def test_four_dimensions_make_no_image() -> None:
    b = Builder()
    x = b.conv2d(b.input(8, (12, 10)), 8, 3, name="conv", padding=1)
    graph = randomize(b.finish(b.conv2d(attention(b, x), 8, 1, name="last")))
    found = layouts(Model(graph, threads=1).plan({"input": X.shape}))
    assert {found[name] for name in ("heads", "turned", "scores", "scaled", "shares", "mixed", "images")} == {ROWS}
    assert {found[name] for name in ("conv", "images as nhwc", "last")} == {NHWC}
    np.testing.assert_allclose(Model(graph, threads=1)(X), textbook(graph, X), rtol=1e-4, atol=1e-4)


def biased_along_width(readers: int) -> Graph:
    """A bias for every column, which takes rows, between layers that take images."""
    b = Builder()
    x = b.conv2d(b.input(8, (12, 10)), 8, 3, name="conv", padding=1)
    bias = b.constant(np.arange(10, dtype=np.float32), name="bias")
    y = b.add(x, bias, name="moved")
    ends = [b.conv2d(y, 8 + i, 1, name=f"end{i}") for i in range(readers)]
    return randomize(b.finish([*ends, b.apply("sub", x, bias, name="less")]))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_conversion_is_a_step_that_can_be_seen(threads: int) -> None:
    graph = biased_along_width(readers=1)
    model = Model(graph, threads=threads)
    steps = [step for step in model.plan({"input": X.shape}).steps if step.node.op.name == "relayout"]
    assert [(step.inputs, step.outputs, step.kernel) for step in steps] == [
        (("conv",), ("conv as rows",), "copy"),
        (("moved",), ("moved as nhwc",), "copy"),
    ]
    assert steps[0].node.why == "images to rows, which the next kernel takes"
    rows = {row.name: row for row in profile(model, X, repeats=1, warmup=0).rows}
    assert rows["conv as rows"].bytes == 2 * X.nbytes
    assert rows["conv as rows"].macs == 0
    for name, y in Model(graph, kernels="reference").run({"input": X}).items():
        np.testing.assert_allclose(model.run({"input": X})[name], y, rtol=1e-4, atol=1e-4)


def test_readers_share_a_conversion_and_no_name_is_taken_twice() -> None:
    graph = biased_along_width(readers=3)
    graph.nodes = [node.replace(name="conv as rows") if node.name == "end0" else node for node in graph.nodes]
    plan = Model(graph, threads=1, kernels={"linear": "gemm"}).plan({"input": X.shape})
    names = [step.node.name for step in plan.steps if step.node.op.name == "relayout"]
    assert names == ["conv as rows'", "moved as nhwc"]


@pytest.mark.parametrize("graph", [residual_network(), models.create("shufflenet_v2_x0_5").graph])
def test_networks_of_images_need_none(graph: Graph) -> None:
    plan = Model(graph, threads=1).plan()
    assert "relayout" not in {step.node.op.name for step in plan.steps}
    assert {layout for value, layout in layouts(plan).items() if len(plan.types[value].shape) == 4} == {NHWC}


def test_a_mask_lies_as_the_image_it_was_made_of() -> None:
    b = Builder()
    x = b.conv2d(b.input(8, (12, 10)), 8, 1, name="conv")
    mask = b.apply("gt", x, b.constant(np.float32(0), name="zero"), name="mask")
    kept = b.apply("where", mask, x, b.constant(np.float32(0.1), name="small"), name="kept")
    graph = randomize(b.finish(b.conv2d(kept, 4, 1, name="last")))
    plan = Model(graph, threads=1).plan({"input": X.shape})
    assert (plan.types["mask"].dtype, plan.placements["mask"].layout) == ("bool", NHWC)
    np.testing.assert_allclose(Model(graph, threads=1)(X), textbook(graph, X), rtol=1e-4, atol=1e-4)


def test_what_only_gives_its_size_is_not_copied() -> None:
    b = Builder()
    image = b.conv2d(b.input(8, (12, 10)), 8, 3, name="image", padding=1)
    row = b.constant(np.arange(10, dtype=np.float32), name="row")
    rows = b.apply("expand", row, image, name="rows", size=(0, 0, 0, -1))
    graph = randomize(b.finish([b.apply("relu", image, name="end"), rows]))
    plan = Model(graph, threads=1).plan({"input": X.shape})
    assert [step.node.op.name for step in plan.steps].count("relayout") == 0
    found = Model(graph, threads=1).run({"input": X})
    np.testing.assert_array_equal(found["rows"], np.broadcast_to(np.arange(10, dtype=np.float32), X.shape))


def test_rows_in_another_shape_take_no_step() -> None:
    b = Builder()
    x = b.linear(b.flatten(b.input(8, (12, 10)), name="flat"), 24, name="fc")
    y = b.apply("reshape", x, name="cube", shape=(0, 2, 3, 4))
    graph = randomize(b.finish([b.apply("softmax", y, name="shares"), y]))
    plan = Model(graph, threads=1).plan({"input": X.shape})
    assert [step.node.op.name for step in plan.steps] == ["input", "linear", "softmax", "output", "output"]
    assert plan.placements["cube"].root == "fc"
    for name, y in Model(graph, kernels="reference").run({"input": X}).items():
        np.testing.assert_allclose(Model(graph, threads=1).run({"input": X})[name], y, rtol=1e-4, atol=1e-4)


def test_rows_with_gaps_between_them_are_copied_into_another_shape() -> None:
    b = Builder()
    x = b.adaptive_avg_pool2d(b.conv2d(b.input(8, (12, 10)), 256, 1, name="conv"), name="pool")
    flat = b.flatten(x, name="flat")
    graph = randomize(b.finish([b.apply("reshape", flat, name="square", shape=(0, 16, 16)), flat]))
    plan = Model(graph, threads=1).plan({"input": X.shape})
    assert plan.placements["flat"].pixel_stride > 256
    for name, y in Model(graph, kernels="reference").run({"input": X}).items():
        np.testing.assert_allclose(Model(graph, threads=1).run({"input": X})[name], y, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", operators_with_kernels())
def test_kernels_see_no_dtype_and_no_rank_that_they_do_not_name(name: str) -> None:
    for case in ops.get(name).cases():
        op = ops.create(name, dict(case.attrs))
        params = example_params(op, case.params, np.random.default_rng(0))
        problem = make_problem(op, case.inputs, params, 1, case.dtypes)
        for kernel in (k for k in kernels.list(name) if k.takes(problem)):
            for dtype in {"int8", "int64", "float16", "bool"} - set(kernel.dtypes):
                count = len(problem.inputs)
                for inputs in ((dtype,) * count, ("float32",) * (count - 1) + (dtype,)):
                    other = dataclasses.replace(problem, input_dtypes=inputs, output_dtypes=("float32",))
                    assert not kernel.takes(other)
                assert not kernel.takes(dataclasses.replace(problem, output_dtypes=(dtype,)))
            for rank in {0, 1, 3, 5, 6} - set(kernel.ranks):
                assert not kernel.takes(dataclasses.replace(problem, inputs=((2,) * rank, *problem.inputs[1:])))
