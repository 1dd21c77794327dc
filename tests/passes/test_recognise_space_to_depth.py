"""Focus layers in all orders of their slices: a convolution with a stride, a pixel_unshuffle where there is none."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_networks import randomize, textbook

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph, Input
from tinyinfer.passes.portable.recognise.pipeline import recognise

Places = Sequence[tuple[int, int]]
YOLOX: Places = ((0, 0), (1, 0), (0, 1), (1, 1))  # of torch.cat((top_left, bottom_left, top_right, bottom_right))
ENDS = {"open": None, "large": 2**31 - 1, "exact": 8}


def focus(
    places: Places, step: int = 2, channels: int = 3, size: int = 8, one_by_one: bool = True, end: int | None = None
) -> tuple[Builder, str]:
    """Slices from each of some places on, joined."""
    b = Builder()
    x = b.input(channels, size)
    parts = []
    for k, (i, j) in enumerate(places):
        if one_by_one:
            rows = b.apply("slice", x, name=f"rows {k}", dim=2, start=i, end=end, step=step)
            parts.append(b.apply("slice", rows, name=f"part {k}", dim=3, start=j, end=end, step=step))
        else:
            ends = None if end is None else (end, end)
            parts.append(b.apply("slice", x, name=f"part {k}", dim=(2, 3), start=(i, j), end=ends, step=step))
    return b, b.concat(*parts, name="focus")


def kinds(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


def check(graph: Graph, *expected: str, size: int = 8) -> Graph:
    randomize(graph)
    found = recognise(graph)
    found.verify()
    assert kinds(found) == [*expected]
    x = np.random.default_rng(1).standard_normal((2, graph.inputs[0].nominal[1], size, size)).astype(np.float32)
    np.testing.assert_allclose(textbook(found, x), textbook(graph, x), rtol=1e-4, atol=1e-5)
    return found


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("one_by_one", [True, False])
@pytest.mark.parametrize("places", [YOLOX, ((0, 0), (0, 1), (1, 0), (1, 1))], ids=["YOLOX", "by rows"])
def test_a_focus_is_part_of_its_convolution(places: Places, one_by_one: bool, fixed: bool) -> None:
    b, value = focus(places, one_by_one=one_by_one)
    y = b.relu(b.conv2d(value, 5, 3, name="conv", padding=1, bias=True), name="act")
    graph = b.finish(b.conv2d(y, 4, 1, name="head"))
    if fixed:
        graph.inputs[0] = Input("input", (2, 3, 8, 8), (2, 3, 8, 8))
    found = check(graph, "conv2d", "relu", "conv2d")
    assert found.nodes[0].op.attrs["stride"] == (2, 2)
    assert found.nodes[0].op.attrs["padding"] == (2, 2, 2, 2)


@pytest.mark.parametrize("end", ENDS.values(), ids=list(ENDS))
def test_slices_to_the_end_are_all_of_an_image(end: int | None) -> None:
    b, value = focus(YOLOX, end=end)
    graph = b.finish(b.relu(value, name="act"))
    graph.inputs[0] = Input("input", (None, 3, 8, 8), (1, 3, 8, 8))
    check(graph, "pixel_unshuffle", "index_select", "relu")
    if end == 8:
        graph.inputs[0] = Input("input", (None, 3, None, None), (1, 3, 8, 8))
        assert "concat" in kinds(recognise(graph)), "a larger image goes on behind"


@given(
    step=st.integers(2, 3), channels=st.integers(1, 4), kernel=st.integers(1, 3), stride=st.integers(1, 2),
    padding=st.tuples(*[st.integers(0, 2)] * 4), seed=st.randoms(use_true_random=False),
)  # fmt: skip
def test_any_order_of_slices(
    step: int, channels: int, kernel: int, stride: int, padding: tuple[int, ...], seed: object
) -> None:
    places = [*itertools.product(range(step), repeat=2)]
    seed.shuffle(places)  # type: ignore[attr-defined]
    b, value = focus(places, step, channels, size=12)
    graph = b.finish(b.conv2d(value, 5, kernel, name="conv", stride=stride, padding=padding))
    check(graph, "conv2d", size=12)


def test_pixels_that_others_read_too_are_moved() -> None:
    b, value = focus(YOLOX)
    graph = b.finish([b.conv2d(value, 5, 1, name="conv"), value])
    assert kinds(recognise(graph)) == ["pixel_unshuffle", "index_select", "conv2d"]


NEAR: dict[str, tuple[Places, int]] = {
    "a place twice": (((0, 0), (1, 0), (0, 0), (1, 1)), 2),
    "three places": (((0, 0), (1, 0), (0, 1)), 2),
    "another step": (YOLOX, 3),
    "from further on": (((2, 2), (3, 2), (2, 3), (3, 3)), 2),
}


@pytest.mark.parametrize(("places", "step"), NEAR.values(), ids=list(NEAR))
def test_other_slices_stay(places: Places, step: int) -> None:
    b, value = focus(places, step, size=12)
    graph = b.finish(b.conv2d(value, 5, 3, name="conv"))
    assert not {"pixel_unshuffle"} & {*kinds(recognise(graph))}
    assert "concat" in kinds(recognise(graph))


@pytest.mark.parametrize(
    "attrs",
    [{"groups": 2}, {"dilation": 2}, {"padding": "same"}],
    ids=["in groups", "dilated", "padded as TensorFlow does"],
)
def test_convolutions_that_read_other_windows_stay(attrs: dict[str, object]) -> None:
    b, value = focus(YOLOX, channels=2, size=16)
    graph = b.finish(b.conv2d(value, 6, 3, name="conv", **attrs))  # type: ignore[arg-type]
    check(graph, "pixel_unshuffle", "index_select", "conv2d", size=16)
