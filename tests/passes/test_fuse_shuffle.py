"""Where a concat and the shuffle of its channels become one, and that the network stays the same."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import randomize, textbook

from tinyinfer import passes
from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.model import Model
from tinyinfer.passes.machine.fuse_shuffle import fuse_shuffle

X = np.random.default_rng(1).standard_normal((2, 20, 7, 9)).astype(np.float32)


def unit(groups: int = 2, wide: int = 10, twice: bool = False, half: int = 10) -> Graph:
    """A ShuffleNet V2 unit: half of the channels go through a convolution, then all are shuffled."""
    b = Builder()
    left, right = b.split(b.input(20, 8), (half, 20 - half), name="halves")
    joined = b.concat(left, b.conv2d(right, wide, 1, name="branch"), name="joined")
    y = b.channel_shuffle(joined, groups, name="shuffled")
    if twice:
        y = b.add(y, joined, name="sum")
    return randomize(b.finish(y))


def kinds(graph: Graph) -> list[str]:
    lowered = passes.lower(graph)
    return [node.op.name for node in fuse_shuffle(lowered, lowered.infer_types({graph.inputs[0].name: X.shape})).nodes]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("graph", [unit(), unit(groups=10), unit(groups=15, wide=20)], ids=["2", "10", "15"])
def test_units_compute_the_same(graph: Graph, threads: int) -> None:
    np.testing.assert_allclose(Model(graph, threads=threads)(X), textbook(graph, X), rtol=2e-5, atol=2e-5)


def test_concat_and_shuffle_become_one() -> None:
    assert kinds(unit()) == ["split", "conv2d", "interleave"]
    assert kinds(unit(groups=10)) == ["split", "conv2d", "deinterleave"]
    assert kinds(unit(groups=15, wide=20)) == ["split", "conv2d", "deinterleave"], "of unequal inputs"


@pytest.mark.parametrize(
    "graph",
    [unit(groups=5), unit(wide=30), unit(twice=True), unit(half=9, wide=9, groups=9)],
    ids=["five groups", "unequal", "joined is used twice", "odd numbers"],
)
def test_others_are_left_alone(graph: Graph) -> None:
    assert not {"interleave", "deinterleave"} & {*kinds(graph)}
    np.testing.assert_allclose(Model(graph, threads=1)(X), textbook(graph, X), rtol=2e-5, atol=2e-5)
