"""Linear layers that files have as products and sums of matrices, and biases of convolutions as sums."""

from __future__ import annotations

import numpy as np

from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.conv_transpose2d import ConvTranspose2d
from tinyinfer.ops.convolution.linear import Linear
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.matching import Match
from tinyinfer.passes.portable.recognise.patterns.pattern import Constant, Value, apply
from tinyinfer.passes.portable.recognise.patterns.rules import Made, Rule, rewrite

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
    assert isinstance(op, Conv2d | ConvTranspose2d | Linear)
    plain = op.activation is None and "bias" not in layer.params
    if not plain or given != wanted or summand.dtype != np.float32:
        return None
    return Made(op, (match["x"],), {**layer.params, "bias": summand.reshape(-1)})


RULES = (
    Rule(apply("matmul", x, Constant("matrix")), _linear),
    *(Rule(apply(name, x, name="layer") + Constant("summand"), _with_bias) for name in CHANNELS),
)


def recognise_layers(editing: Editing) -> None:
    """Make products with constant matrices linear layers, and give layers their biases."""
    rewrite(editing, RULES)
