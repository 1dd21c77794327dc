"""Permutes to channels last and back around what could be computed without; near misses keep theirs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_networks import randomize, textbook

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph, Input
from tinyinfer.passes.portable.recognise.pipeline import recognise

Write = Callable[[Builder, str], str]
X = np.random.default_rng(1).standard_normal((2, 8, 6, 4)).astype(np.float32)
LAST, FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
FEATURES = np.linspace(0.5, 1.5, 8, dtype=np.float32)


def network(write: Write, fixed: bool = False) -> Graph:
    b = Builder()
    x = b.input(8, (6, 4))
    graph = b.finish(write(b, x))
    if fixed:
        graph.inputs[0] = Input("input", (2, 8, 6, 4), (2, 8, 6, 4))
    return randomize(graph)


def kinds(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


def check(graph: Graph, *expected: str) -> None:
    found = recognise(graph)
    found.verify()
    assert kinds(found) == [*expected]
    np.testing.assert_allclose(textbook(found, X), textbook(graph, X), rtol=1e-4, atol=1e-5)
    assert found.symbolic_types()[found.outputs[0]] == graph.symbolic_types()[graph.outputs[0]]


def last(b: Builder, x: str, name: str = "last") -> str:
    return b.permute(x, LAST, name=name)


def first(b: Builder, x: str, name: str = "first") -> str:
    return b.permute(x, FIRST, name=name)


def convnext(b: Builder, x: str) -> str:
    """torchvision's block: depthwise, norm, two linear layers with a GELU in between, channels last."""
    y = last(b, b.conv2d(x, 8, 3, name="dw", padding=1, groups=8))
    y = b.apply("layer_norm", y, name="norm", params={"weight": (8,), "bias": (8,)}, normalized_shape=(8,))
    y = b.linear(b.apply("gelu", b.linear(y, 32, name="wide"), name="act"), 8, name="narrow")
    return b.add(first(b, y), x, name="sum")


def with_constants(b: Builder, x: str) -> str:
    y = b.apply("mul", last(b, x), b.constant(FEATURES, name="scale"), name="scaled")
    return first(b, b.apply("sub", b.constant(FEATURES, name="shift"), y, name="shifted"))


def of_two(b: Builder, x: str) -> str:
    one, two = last(b, b.relu(x, name="relu"), "one"), last(b, b.apply("abs", x, name="abs"), "two")
    return first(b, b.concat(b.add(one, two, name="sum"), dim=3, name="joined"))


BLOCKS: dict[str, tuple[Write, tuple[str, ...]]] = {
    "ConvNeXt": (convnext, ("conv2d", "layer_norm", "conv2d", "gelu", "conv2d", "add")),
    "constants of features": (with_constants, ("constant", "mul", "constant", "sub")),
    "sum of two": (of_two, ("relu", "abs", "add", "concat")),
    "softmax": (lambda b, x: first(b, b.softmax(last(b, x), -1, name="softmax")), ("softmax",)),
    "clip and sigmoid": (
        lambda b, x: first(
            b, b.apply("clamp", b.apply("sigmoid", last(b, x), name="gate"), name="clip", min=0.2, max=0.7)
        ),
        ("sigmoid", "clamp"),
    ),
}


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize(("write", "expected"), BLOCKS.values(), ids=list(BLOCKS))
def test_permutes_meet_their_opposite(write: Write, expected: tuple[str, ...], fixed: bool) -> None:
    graph = network(write, fixed)
    if "constant" in expected:
        found = recognise(graph)
        assert "permute" not in kinds(found)
        np.testing.assert_allclose(textbook(found, X), textbook(graph, X), rtol=1e-4, atol=1e-5)
    else:
        check(graph, *expected)


def test_a_permute_that_others_read_stays_where_it_is() -> None:
    b = Builder()
    y = last(b, b.input(8, (6, 4)))
    graph = randomize(b.finish([b.relu(y, name="act"), b.apply("abs", y, name="abs")]))
    assert kinds(recognise(graph)) == ["permute", "relu", "abs"]
    b = Builder()
    y = last(b, b.input(8, (6, 4)))
    graph = randomize(b.finish([b.relu(y, name="act"), y]))
    assert kinds(recognise(graph)) == ["permute", "relu"]


def test_inputs_in_different_orders_stay() -> None:
    def write(b: Builder, x: str) -> str:
        x = b.apply("reshape", x, name="square", shape=(0, 8, 8, 3))
        y = b.permute(b.relu(x, name="relu"), (0, 2, 1, 3), name="turned")
        return b.add(y, x, name="sum")

    graph = network(write, fixed=True)
    check(graph, "reshape", "relu", "permute", "add")


def test_linear_layers_of_other_orders_stay() -> None:
    graph = network(lambda b, x: b.linear(b.permute(x, (0, 3, 2, 1), name="turned"), 5, name="fc"), fixed=True)
    check(graph, "permute", "linear")


@given(
    order=st.permutations(range(4)), seed=st.integers(0, 9), shape=st.sampled_from([(8,), (1, 8), (4, 1, 8), (1,)]),
    kind=st.sampled_from(["add", "sub", "mul", "minimum", "maximum"]), swapped=st.booleans(),
)  # fmt: skip
def test_constants_of_any_shape_are_permuted(
    order: tuple[int, ...], seed: int, shape: tuple[int, ...], kind: str, swapped: bool
) -> None:
    """All that broadcasts over a permuted value gives the same sums, differences and products before."""
    rng = np.random.default_rng(seed)
    b = Builder()
    x = b.permute(b.input(8, (6, 4)), tuple(order), name="turned")
    sizes = [(2, 8, 6, 4)[i] for i in order]
    fitting = tuple(sizes[4 - len(shape) + at] if size > 1 else 1 for at, size in enumerate(shape))
    constant = b.constant(rng.standard_normal(fitting).astype(np.float32), name="constant")
    operands = (constant, x) if swapped else (x, constant)
    if 2 in fitting and fitting[0] == 2:
        return
    graph = b.finish(b.apply("relu", b.apply(kind, *operands, name="y"), name="last"))
    found = recognise(graph)
    np.testing.assert_allclose(textbook(found, X), textbook(graph, X), rtol=1e-5, atol=1e-6)
