"""Pooling and gates that files have as means, matrices and linear layers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from exported_pieces import Writer, X, conv_network, ops_of
from small_networks import textbook

from tinyinfer import ops
from tinyinfer.builder import Builder
from tinyinfer.graph import Input
from tinyinfer.passes.portable.recognise.pipeline import recognise

MEANS = {
    "of one side": lambda w, x: w("mean", x, dim=3, keepdim=True),
    "of channels": lambda w, x: w("mean", x, dim=(1, 2, 3), keepdim=True),
    "of channels among pixels": lambda w, x: w("mean", w("reshape", x, shape=(0, -1)), dim=1, keepdim=True),
    "of all images": lambda w, x: w("mean", x, dim=(0, 2, 3), keepdim=True),
    "of rows and channels, channels last": lambda w, x: w(
        "mean", w("mean", w("permute", x, dims=(0, 2, 3, 1)), dim=3, keepdim=True), dim=1, keepdim=True
    ),
}


@pytest.mark.parametrize("write", MEANS.values(), ids=list(MEANS))
def test_means_of_less_or_more_than_an_image_stay(write: Callable[[Writer, str], str]) -> None:
    graph = conv_network(lambda w, x: w("relu", write(w, x)))
    graph.inputs[0] = Input("input", (2, 8, 6, 4), (2, 8, 6, 4))
    found = recognise(graph)
    assert "adaptive_avg_pool2d" not in ops_of(found)
    np.testing.assert_allclose(textbook(found, X), textbook(graph, X), rtol=1e-4, atol=1e-5)


def test_layers_whose_row_others_read_stay_linear() -> None:
    b = Builder()
    w = Writer(b)
    x = b.input(8, (6, 4))
    row = w("mean", x, dim=(2, 3), keepdim=False)
    few = w("relu", b.linear(row, 8, name="few"))
    graph = b.finish([w("mul", x, w("reshape", few, shape=(0, 8, 1, 1))), few])
    assert "linear" in ops_of(recognise(graph))


def test_a_gate_is_not_expanded_first() -> None:
    def write(w: Writer, x: str) -> str:
        gate = w("mean", x, dim=(2, 3), keepdim=True)
        return w("mul", x, w("expand", gate, x, size=(-1, -1, 0, 0)))

    graph = conv_network(write)
    found = recognise(graph)
    assert ops_of(found) == ["adaptive_avg_pool2d", "mul"]
    np.testing.assert_allclose(textbook(found, X), textbook(graph, X), rtol=1e-4, atol=1e-5)


def test_an_expand_to_more_than_the_other_operand_has_stays() -> None:
    graph = conv_network(lambda w, x: w("add", w("expand", x, size=(2, -1, -1, -1)), 1.5))
    graph.inputs[0] = Input("input", (1, 8, 6, 4), (1, 8, 6, 4))
    found = recognise(graph)
    assert ops_of(found)[0] == "expand"
    np.testing.assert_allclose(textbook(found, X[:1]), textbook(graph, X[:1]), rtol=1e-4, atol=1e-5)


def means(size: int, count: int) -> np.ndarray:
    """The matrix by which columns of pixels have to be multiplied to become bins."""
    pool = ops.reference("adaptive_avg_pool2d")
    return np.asarray(pool(np.eye(size, dtype=np.float32)[None, None], output_size=(count, None))[0, 0])


BINS = {
    "both sides": ((4, 3), lambda w, x: w("matmul", w("matmul", means(6, 4), x), means(4, 3).T)),
    "rows": ((4, None), lambda w, x: w("matmul", means(6, 4), x)),
    "columns": ((None, 3), lambda w, x: w("matmul", x, means(4, 3).T)),
}


@pytest.mark.parametrize(("size", "write"), BINS.values(), ids=list(BINS))
def test_bins_as_products_with_matrices(size: tuple[int | None, ...], write: Callable[[Writer, str], str]) -> None:
    graph = conv_network(write)
    graph.inputs[0] = Input("input", (None, 8, 6, 4), (1, 8, 6, 4))
    found = recognise(graph)
    assert [(node.op.name, node.op.attrs) for node in found.nodes] == [("adaptive_avg_pool2d", {"output_size": size})]
    np.testing.assert_allclose(textbook(found, X), textbook(graph, X), rtol=1e-4, atol=1e-5)
