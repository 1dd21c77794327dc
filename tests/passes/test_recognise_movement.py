"""Shuffles, views, slices and picked elements: one operator each where files have several."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from exported_pieces import Writer, X, check, conv_network, network, ops_of
from small_networks import randomize, textbook

from tinyinfer.graph import Input
from tinyinfer.passes.portable.recognise.pipeline import recognise


def moved(table: tuple[int, ...], order: tuple[int, ...], whole: tuple[int, ...]) -> Callable[[Writer, str], str]:
    return lambda w, x: w("reshape", w("permute", w("reshape", x, shape=table), dims=order), shape=whole)


SHUFFLES = {
    "channels": (moved((-1, 2, 4, 6, 4), (0, 2, 1, 3, 4), (-1, 8, 6, 4)), "channel_shuffle", {"groups": 2}),
    "channels of rows": (moved((0, 4, 2, -1), (0, 2, 1, 3), (-1, 8, 6, 4)), "channel_shuffle", {"groups": 4}),
    "to pixels": (
        moved((-1, 2, 2, 2, 6, 4), (0, 1, 4, 2, 5, 3), (-1, 2, 12, 8)), "pixel_shuffle", {"upscale_factor": 2}
    ),
    "from pixels": (
        moved((-1, 8, 3, 2, 2, 2), (0, 1, 3, 5, 2, 4), (-1, 32, 3, 2)), "pixel_unshuffle", {"downscale_factor": 2}
    ),
    "something else": (moved((-1, 2, 4, 6, 4), (0, 1, 2, 4, 3), (-1, 8, 6, 4)), "", {}),
    "of unequal sides": (moved((-1, 1, 4, 2, 6, 4), (0, 1, 4, 2, 5, 3), (-1, 1, 24, 8)), "", {}),
}  # fmt: skip


def branches_first(w: Writer, x: str, count: int) -> str:
    """Every so many-th channel side by side, as ShuffleNet V2's own code writes it."""
    moved = w("permute", w("reshape", x, shape=(-1, count, 0, 0)), dims=(1, 0, 2, 3))
    return w("reshape", moved, shape=(count, -1, 8 // count, 0, 0), kept=(2, 3))


def dealt(w: Writer, x: str, count: int) -> list[str]:
    """A value for each branch."""
    parts = branches_first(w, x, count)
    return [w("squeeze", w("slice", parts, dim=0, start=i, end=i + 1), dim=0) for i in range(count)]


@pytest.mark.parametrize("branches", [2, 4])
def test_channels_dealt_out_to_branches(branches: int) -> None:
    found = check(
        network(lambda w, x: w("concat", *dealt(w, x, branches)[::-1], dim=1)), "channel_shuffle", "split", "concat"
    )
    (shuffle,) = (node.op for node in found.nodes if node.op.name == "channel_shuffle")
    assert shuffle.attrs == {"groups": 8 // branches}


def test_one_branch_alone_is_a_slice() -> None:
    check(network(lambda w, x: dealt(w, x, 2)[1]), "slice")


def test_what_is_read_before_it_is_dealt_out_stays() -> None:
    def write(w: Writer, x: str) -> str:
        parts = branches_first(w, x, 2)
        first = w("squeeze", w("slice", parts, dim=0, start=0, end=1), dim=0)
        return w("mul", first, w("squeeze", w("amax", parts, dim=0, keepdim=True), dim=0))

    assert "channel_shuffle" not in ops_of(recognise(randomize(network(write))))


@pytest.mark.parametrize(("write", "name", "attrs"), SHUFFLES.values(), ids=list(SHUFFLES))
@pytest.mark.parametrize("batch", [None, 2])
def test_shuffles(write: Callable[[Writer, str], str], name: str, attrs: dict[str, int], batch: int | None) -> None:
    graph = conv_network(write)
    graph.inputs[0] = Input("input", (batch, 8, 6, 4), (2, 8, 6, 4))
    found = recognise(graph)
    assert [(node.op.name, node.op.attrs) for node in found.nodes] == [(name, attrs)] or not name
    assert len(found.nodes) == (1 if name else 3)
    np.testing.assert_array_equal(textbook(found, X), textbook(graph, X))


def test_a_row_of_known_length_is_a_flatten_where_the_image_is_fixed() -> None:
    graph = conv_network(lambda w, x: w("relu", w("reshape", x, shape=(-1, 192))))
    assert ops_of(recognise(graph)) == ["reshape", "relu"], "a larger image has several rows"
    graph.inputs[0] = Input("input", (None, 8, 6, 4), (1, 8, 6, 4))
    assert ops_of(recognise(graph)) == ["flatten", "relu"]


def test_elements_picked_in_their_order_are_a_reshape() -> None:
    def write(w: Writer, x: str, step: int = 1) -> str:
        row = w("reshape", x, shape=(-1,))
        places = w.b.constant(np.arange(192)[::step].reshape(1, 8, 6, 4), name="places")
        return w("relu", w("index", row, places, dim=0))

    fixed = [Input("input", (1, 8, 6, 4), (1, 8, 6, 4))]
    graph, turned = conv_network(write), conv_network(lambda w, x: write(w, x, -1))
    graph.inputs = turned.inputs = fixed
    assert ops_of(recognise(graph)) == ["relu"]
    assert "index" in ops_of(recognise(turned))


def test_slices_that_are_all_of_a_value_are_a_split() -> None:
    def write(w: Writer, x: str) -> str:
        parts = [w("slice", x, dim=1, start=start, end=end) for start, end in ((3, None), (0, 3))]
        return w("concat", w("relu", parts[0]), parts[1], dim=1)

    graph = conv_network(write)
    found = recognise(graph)
    assert ops_of(found) == ["split", "relu", "concat"]
    assert found.nodes[0].op.attrs == {"split_size_or_sections": (3, 5), "dim": 1}
    np.testing.assert_array_equal(textbook(found, X), textbook(graph, X))


@pytest.mark.parametrize("bounds", [((0, 3), (4, 8)), ((0, 4), (3, 8)), ((0, 4),)])
def test_slices_with_gaps_or_in_common_stay(bounds: tuple[tuple[int, int], ...]) -> None:
    graph = conv_network(lambda w, x: w("concat", *[w("slice", x, dim=1, start=s, end=e) for s, e in bounds], dim=1))
    assert ops_of(recognise(graph)) == ops_of(graph)
