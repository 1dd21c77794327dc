"""Parallel convolutions become one: the same function, fewer nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_networks import randomize, textbook

import tinyinfer as ti
from tinyinfer import passes
from tinyinfer.builder import Builder
from tinyinfer.graph import Graph

Term = Callable[[Builder, str, str], str]
X = np.random.default_rng(1).standard_normal((2, 4, 16, 13)).astype(np.float32)


def branching(*terms: Term, outputs: tuple[str, ...] = ()) -> Graph:
    """A sum of terms that all read the same value; terms are called 0, 1 ..."""
    b = Builder()
    x = b.relu(b.input(4, 16), name="x")
    y = terms[0](b, x, "0")
    for i, term in enumerate(terms[1:], start=1):
        y = b.add(y, term(b, x, f"{i}"), name=f"sum{i}")
    return randomize(b.finish([b.relu(y, name="y"), *outputs]))


def conv(kernel: int | tuple[int, int], channels: int = 4, norm: bool = False, **options: Any) -> Term:
    """A convolution, with a norm behind it if asked."""

    def term(b: Builder, x: str, name: str) -> str:
        y = b.conv2d(x, channels, kernel, name=name, **options)
        return b.batch_norm(y, name=f"{name}.norm") if norm else y

    return term


def identity(b: Builder, x: str, name: str) -> str:
    return b.batch_norm(x, name=name, eps=1e-3)


def merge(graph: Graph) -> Graph:
    return passes.merge_branches(passes.fold_batch_norm(graph))


def ops_of(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


@pytest.mark.parametrize(
    "terms",
    [
        (conv(3, norm=True, padding=1, bias=False), conv(1, norm=True, bias=False), identity),  # RepVGG
        (identity, conv(1), conv(3, padding=1)),
        (*[conv(3, norm=True, padding=1, groups=4)] * 4, conv(1, groups=4), identity),  # MobileOne, depthwise
        (conv(1, norm=True), conv(1, norm=True), identity),  # and pointwise
        (conv(3, 6, padding=1, stride=2), conv(1, 6, stride=2)),
        (conv(3, 6, padding=1, groups=2, stride=(1, 2)), conv(1, 6, groups=2, stride=(1, 2), bias=False)),
        (conv(3, padding=1), conv((1, 3), padding=(0, 1)), conv((3, 1), padding=(1, 0))),
        (conv(3, padding=1, groups=2), identity),
        (conv(5, padding=(2, 2, 3, 1)), conv((2, 1), padding=(1, 0, 0, 0)), identity),
        (conv(4, padding=(0, 3, 1, 2)), identity),
        (conv(3), conv(3)),
    ],
)
def test_merged_branches_are_the_same_function(terms: tuple[Term, ...]) -> None:
    graph = branching(*terms)
    before = ops_of(graph)
    merged = merge(graph)
    assert ops_of(merged) == ["relu", "conv2d", "relu"]
    np.testing.assert_allclose(textbook(merged, X), textbook(graph, X), rtol=2e-5, atol=2e-6)
    assert ops_of(graph) == before, "the given graph is untouched"
    assert set(merged.nodes[1].origin) == {node.name for node in graph.nodes} - {"x", "y"}
    assert not any("running" in key for key in merged.weights)


@pytest.mark.parametrize(
    "terms",
    [
        (conv((1, 3), padding=(0, 1)), conv((3, 1), padding=(1, 0))),  # one window would have 9 taps for their 6
        (conv(3, padding=1), conv(1, groups=2)),
        (conv(3, padding=1), conv(3, padding=2, dilation=2)),
        (conv(3, padding="same"), conv(1)),
        (conv(3, padding=1), conv(1, 1)),  # broadcast over the channels
        (conv(1, 1), identity),
        (conv(16), identity),  # broadcast over the pixels
        (identity, identity),
        (conv(3, padding=1), lambda b, x, name: x),
        (conv(3, padding=1), lambda b, x, name: b.conv2d(b.relu(x, name="other"), 4, 1, name=name)),
        (conv(3, padding=1), lambda b, x, name: b.relu(b.conv2d(x, 4, 1, name=name), name="other")),
        (lambda b, x, name: b.apply("conv2d", x, name=name, params={"weight": (4, 4, 3, 3)}, padding=1,
                                    padding_mode="reflect"), conv(1)),
    ],
)  # fmt: skip
def test_branches_that_are_no_one_convolution_stay(terms: tuple[Term, ...]) -> None:
    graph = branching(*terms)
    assert ops_of(passes.merge_branches(graph)) == ops_of(graph)


@pytest.mark.parametrize("output", ["0", "1"])
def test_a_branch_that_is_an_output_stays(output: str) -> None:
    graph = branching(conv(3, padding=1), conv(1), outputs=(output,))
    assert ops_of(passes.merge_branches(graph)) == ops_of(graph)


def test_a_value_added_to_itself_stays() -> None:
    b = Builder()
    x = b.conv2d(b.input(4, 16), 4, 1, name="conv")
    graph = randomize(b.finish(b.add(x, x, name="twice")))
    assert ops_of(passes.merge_branches(graph)) == ["conv2d", "add"]


@settings(max_examples=40)
@given(data=st.data())
def test_whatever_merges_is_the_same_function(data: st.DataObject) -> None:
    groups, stride = data.draw(st.sampled_from([1, 2, 4])), data.draw(st.sampled_from([1, 2, (1, 3)]))

    def branch() -> Term:
        kernel = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
        before = [data.draw(st.integers(0, k - 1)) for k in kernel]
        after = [k - 1 - b for k, b in zip(kernel, before, strict=True)]
        padding = (before[0], after[0], before[1], after[1])
        return conv(kernel, norm=data.draw(st.booleans()), padding=padding, stride=stride, groups=groups)

    graph = branching(*(branch() for _ in range(data.draw(st.integers(2, 3)))))
    np.testing.assert_allclose(textbook(merge(graph), X), textbook(graph, X), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["repvgg_a0", "mobileone_s0"])
def test_a_network_in_its_training_form_runs_as_its_deploy_form(name: str) -> None:
    trained, deployed = (
        passes.lower(ti.models.build(name, width=0.25, num_classes=7, deploy=deploy)) for deploy in (False, True)
    )
    assert [node.op for node in trained.nodes] == [node.op for node in deployed.nodes]
    shapes = [[graph.weights.shape(key) for node in graph.nodes for key in node.params.values()] for graph in
              (trained, deployed)]  # fmt: skip
    assert shapes[0] == shapes[1]
