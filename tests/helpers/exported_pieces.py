"""Networks written as exporters write them, and what becomes of them when they are recognised."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from small_networks import randomize, textbook

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.passes.portable.recognise.pipeline import recognise

X = np.random.default_rng(1).standard_normal((2, 8, 6, 4)).astype(np.float32)
Write = Callable[[Builder, str], str]


class Writer:
    """Writes arithmetic as exporters do: one node an operator, numbers as constants of their own."""

    def __init__(self, b: Builder) -> None:
        self.b, self.count = b, itertools.count()

    def __call__(self, op: str, *inputs: str | float | np.ndarray, **attrs: object) -> str:
        values = [v if isinstance(v, str) else self.constant(v) for v in inputs]
        return self.b.apply(op, *values, name=f"{op} {next(self.count)}", **attrs)

    def constant(self, value: float | np.ndarray) -> str:
        return self.b.constant(np.asarray(value, np.float32), name=f"constant {next(self.count)}")


def network(write: Callable[[Writer, str], str], channels: int = 8) -> Graph:
    """A network of free batch and image size around what ``write`` writes."""
    b = Builder()
    x = b.input(channels, (6, 4))
    return b.finish(b.relu(write(Writer(b), b.conv2d(x, channels, 1, name="first")), name="last"))


def ops_of(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


def check(graph: Graph, *expected: str, rtol: float = 1e-4) -> Graph:
    """Between the first convolution and the last relu are these operators alone, and all values are the same."""
    randomize(graph)
    found = recognise(graph)
    assert ops_of(found) == ["conv2d", *expected, "relu"]
    np.testing.assert_allclose(textbook(found, X), textbook(graph, X), rtol=rtol, atol=1e-5)
    found.verify()
    assert found.symbolic_types()[found.outputs[0]] == graph.symbolic_types()[graph.outputs[0]]
    return found


def conv_network(write: Callable[[Writer, str], str], size: tuple[int, int] = (6, 4)) -> Graph:
    b = Builder()
    x = b.input(8, size)
    return b.finish(write(Writer(b), x))


def layer_norm_parts(w: Writer, x: str, dim: tuple[int, ...], by_product: bool = False) -> str:
    difference = w("sub", x, w("mean", x, dim=dim, keepdim=True))
    square = w("mul", difference, difference) if by_product else w("pow", difference, 2)
    deviation = w("sqrt", w("add", w("mean", square, dim=dim, keepdim=True), 1e-5))
    return w("mul", difference, w("reciprocal", deviation)) if by_product else w("div", difference, deviation)
