"""Linear layers as products and sums of matrices, biases of convolutions as sums, global pooling as reductions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyinfer.graph import Graph
from tinyinfer.ops.convolution.linear import Linear
from tinyinfer.ops.pooling.adaptive_pooling import AdaptiveAvgPool2d, AdaptiveMaxPool2d
from tinyinfer.passes.portable.recognise.matching import Match
from tinyinfer.passes.portable.recognise.pattern import Constant, Value, apply
from tinyinfer.passes.portable.recognise.rewriting import Made, Rule, rewrite

x = Value("x")
CHANNELS = {"conv2d": 1, "conv_transpose2d": 1, "linear": -1}  # the dimension of a layer's value that its bias is for


def _linear(match: Match) -> Made | None:
    """The transpose of a constant matrix is a linear layer's weight."""
    matrix = match.array("matrix")
    if matrix.ndim != 2 or matrix.dtype != np.float32:
        return None
    return Made(Linear(), (match["x"],), {"weight": np.ascontiguousarray(matrix.T)})


def _with_bias(match: Match) -> Made | None:
    """A layer without bias, and behind it a constant for each channel."""
    layer, summand = match.node("layer"), match.array("summand")
    op, shape = layer.op, match.shape("layer")
    channels = CHANNELS[op.name] % len(shape)
    wanted = [shape[at] if at == channels else 1 for at in range(len(shape))]
    given = [1] * (len(shape) - summand.ndim) + list(summand.shape)
    plain = op.activation is None and "bias" not in layer.params  # type: ignore[attr-defined]
    if not plain or given != wanted or summand.dtype != np.float32:
        return None
    return Made(op, (match["x"],), {**layer.params, "bias": summand.reshape(-1)})


def _pooling(op: AdaptiveAvgPool2d | AdaptiveMaxPool2d) -> Callable[[Match], Made | None]:
    def make(match: Match) -> Made | None:
        reduction, rank = match.root.op, len(match.shape("x"))
        images = rank == 4 and sorted(reduction.axes(rank)) == [2, 3]  # type: ignore[attr-defined]
        return Made(op, (match["x"],)) if images and match.type("x").dtype == "float32" else None

    return make


RULES = (
    Rule(apply("matmul", x, Constant("matrix")), _linear),
    *(Rule(apply(name, x, name="layer") + Constant("summand"), _with_bias) for name in CHANNELS),
    Rule(apply("mean", x, keepdim=True), _pooling(AdaptiveAvgPool2d((1, 1)))),
    Rule(apply("amax", x, keepdim=True), _pooling(AdaptiveMaxPool2d((1, 1)))),
)


def recognise_layers(graph: Graph) -> Graph:
    """A graph in which products with constant matrices are linear layers, and layers have their biases."""
    return rewrite(graph, RULES)
