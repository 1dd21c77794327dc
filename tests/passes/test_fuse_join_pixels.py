"""Where the pixels of maps are joined from where they lie, and that the network stays the same."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import randomize, textbook

from tinyinfer import passes
from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.model import Model
from tinyinfer.passes.machine.fuse_join_pixels import fuse_join_pixels

X = np.random.default_rng(1).standard_normal((2, 3, 9, 7)).astype(np.float32)


def heads(
    dims: tuple[int, ...] = (0, 2, 3, 1), shape: tuple[int, ...] = (0, -1, 4), dim: int = 1, shared: str = ""
) -> Graph:
    """Two maps of 8 and 12 channels, each as rows of four numbers, one after the other; ``shared`` is an output too."""
    b = Builder()
    x, rows = b.input(3, 9), []
    for i, (channels, stride) in enumerate(((8, 1), (12, 2))):
        y = b.conv2d(x, channels, 1, name=f"map {i}", stride=stride)
        y = b.apply("permute", y, name=f"permute {i}", dims=dims)
        rows.append(b.apply("reshape", y, name=f"rows {i}", shape=shape))
    joined = b.concat(*rows, name="joined", dim=dim)
    return randomize(b.finish([joined, shared] if shared else joined))


def fused(graph: Graph) -> Graph:
    lowered = passes.lower(graph)
    return fuse_join_pixels(lowered, lowered.infer_types({"input": X.shape}))


def kinds(graph: Graph) -> list[str]:
    return [node.op.name for node in fused(graph).nodes]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("images", [1, 2])
def test_heads_compute_the_same(images: int, threads: int) -> None:
    graph, x = heads(), X[:images]
    np.testing.assert_allclose(Model(graph, threads=threads)(x), textbook(graph, x), rtol=2e-5, atol=2e-6)


def test_all_becomes_one() -> None:
    found = fused(heads())
    assert [node.op.name for node in found.nodes] == ["conv2d", "conv2d", "join_pixels"]
    node = found.node("joined")
    assert node.inputs == ("map 0", "map 1")
    assert node.originals == ("permute 0", "rows 0", "permute 1", "rows 1", "joined")
    (step,) = [step for step in Model(heads(), threads=1).plan().steps if step.node.name == "joined"]
    assert step.kernel == "copy"


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (heads(shared="rows 0"), ["join_pixels", "join_pixels", "concat"]),
        (heads(shared="permute 0"), ["permute", "reshape", "join_pixels", "concat"]),
        (heads(dims=(0, 3, 2, 1)), ["permute", "reshape", "permute", "reshape", "concat"]),
        (heads(shape=(-1, 4, 1), dim=0), ["permute", "reshape", "permute", "reshape", "concat"]),
        (heads(shape=(0, -1)), ["permute", "reshape", "permute", "reshape", "concat"]),
    ],
    ids=["rows are an output", "permuted is an output", "another order", "images are mixed", "flat"],
)
def test_others_are_left_alone(graph: Graph, expected: list[str]) -> None:
    assert sorted(name for name in kinds(graph) if name != "conv2d") == sorted(expected)
    found = Model(graph, threads=1).run({"input": X})
    for name, value in Model(graph, kernels="reference").run({"input": X}).items():
        np.testing.assert_allclose(found[name], value, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("more", [False, True])
def test_rows_of_another_axis_or_beside_other_values_are_not_joined(more: bool) -> None:
    b = Builder()
    x, rows = b.input(3, 9), []
    for i in range(2):
        y = b.apply("permute", b.conv2d(x, 8, 1, name=f"map {i}"), name=f"permute {i}", dims=(0, 2, 3, 1))
        rows.append(b.apply("reshape", y, name=f"rows {i}", shape=(0, -1, 4)))
    if more:
        rows.append(b.apply("reshape", x, name="planes", shape=(0, -1, 1)))
        rows = [b.apply("reshape", row, name=f"thin {i}", shape=(0, -1, 1)) for i, row in enumerate(rows)]
    graph = randomize(b.finish(b.concat(*rows, name="wide", dim=1 if more else 2)))
    assert kinds(graph)[-1] == "concat"
    assert kinds(graph).count("join_pixels") == 2
    np.testing.assert_allclose(Model(graph, threads=1)(X), textbook(graph, X), rtol=2e-5, atol=2e-6)


def test_a_concat_of_graph_inputs_stays() -> None:
    b = Builder()
    joined = b.concat(b.input(3, 9), b.input(3, 9, name="other"), name="joined", dim=1)
    graph = b.finish(b.relu(joined, name="act"))
    assert [node.op.name for node in fuse_join_pixels(graph, graph.infer_types()).nodes] == ["concat", "relu"]


def tokens(swap: tuple[int, ...] = (0, 2, 1), size: tuple[int, ...] = (0, 6, 9, -1)) -> Graph:
    """A map whose pixels a linear layer sees as rows, and which is a map again behind it."""
    b = Builder()
    x = b.conv2d(b.input(3, (9, 7)), 8, 3, name="map", padding=1)
    rows = b.apply("permute", b.apply("flatten", x, name="planes", start_dim=2), name="rows", dims=swap)
    y = b.linear(rows, 6, name="linear")
    y = b.apply("reshape", b.apply("permute", y, name="back", dims=swap), name="images", shape=size)
    return randomize(b.finish(b.conv2d(y, 4, 1, name="last") if len(size) == 4 else y))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("swap", [(0, 2, 1), (0, -1, -2)])
def test_rows_of_pixels_and_back_are_copies(swap: tuple[int, ...], threads: int) -> None:
    graph = tokens(swap)
    assert kinds(graph) == ["conv2d", "join_pixels", "linear", "pixels_to_images", "conv2d"]
    assert fused(graph).node("rows").originals == ("planes", "rows")
    assert fused(graph).node("images").originals == ("back", "images")
    np.testing.assert_allclose(Model(graph, threads=threads)(X), textbook(graph, X), rtol=2e-5, atol=2e-6)


def test_maps_that_are_joined_as_rows_of_pixels() -> None:
    """The heads of detectors that flatten before they permute."""
    b = Builder()
    x, rows = b.input(3, (9, 7)), []
    for i, stride in enumerate((1, 2)):
        y = b.conv2d(x, 5, 1, name=f"map {i}", stride=stride)
        rows.append(
            b.apply("permute", b.apply("flatten", y, name=f"planes {i}", start_dim=2), name=f"rows {i}", dims=(0, 2, 1))
        )
    graph = randomize(b.finish(b.concat(*rows, name="joined", dim=1)))
    assert kinds(graph) == ["conv2d", "conv2d", "join_pixels"]
    np.testing.assert_allclose(Model(graph, threads=1)(X), textbook(graph, X), rtol=2e-5, atol=2e-6)


def test_other_views_keep_their_permutes() -> None:
    graph = tokens(size=(0, 3, -1))  # no images
    assert kinds(graph) == ["conv2d", "join_pixels", "linear", "permute", "reshape"]
    np.testing.assert_allclose(Model(graph, threads=1)(X), textbook(graph, X), rtol=2e-5, atol=2e-6)
    turned = tokens(size=(0, 2, 27, -1))  # other planes than those of the permute
    assert kinds(turned) == ["conv2d", "join_pixels", "linear", "permute", "reshape", "conv2d"]
    np.testing.assert_allclose(Model(turned, threads=1)(X), textbook(turned, X), rtol=2e-5, atol=2e-6)
