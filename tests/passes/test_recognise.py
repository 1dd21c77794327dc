"""What exporters break up becomes one operator again, with the same values; what others read too stays."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from exported_pieces import Writer, X, check, conv_network, layer_norm_parts, network, ops_of
from small_networks import randomize, textbook

from tinyinfer.builder import Builder
from tinyinfer.graph import Input
from tinyinfer.passes.portable.recognise.pipeline import recognise


def relu6(w: Writer, x: str) -> str:
    return w("clamp", x, min=0.0, max=6.0)


HARDSWISH = {
    "x (x + 3) / 6": lambda w, x: w("div", w("mul", x, relu6(w, w("add", x, 3))), 6),
    "(x + 3) x / 6": lambda w, x: w("div", w("mul", relu6(w, w("add", 3, x)), x), 6),
    "x ((x + 3) / 6)": lambda w, x: w("mul", x, w("div", relu6(w, w("add", x, 3)), 6)),
    "x ((x + 3) * 1/6)": lambda w, x: w("mul", x, w("mul", relu6(w, w("add", x, 3)), 1 / 6)),
    "(1/6 (x + 3)) x": lambda w, x: w("mul", w("mul", 1 / 6, relu6(w, w("add", x, 3))), x),
    "(x / 6) (x + 3)": lambda w, x: w("mul", w("div", x, 6), relu6(w, w("add", x, 3))),
    "x (x - -3) * 1/6": lambda w, x: w("mul", w("mul", x, relu6(w, w("sub", x, -3))), 1 / 6),
    "x relu6(x + 3) / 6": lambda w, x: w("div", w("mul", x, w("relu6", w("add", x, 3))), 6),
    "x hardsigmoid(x)": lambda w, x: w("mul", x, w("hardsigmoid", x)),
    "min(max(x + 3, 0), 6)": lambda w, x: w("div", w("mul", w("minimum", w("maximum", w("add", x, 3), 0), 6), x), 6),
    "x clamp(x / 6 + 1/2)": lambda w, x: w("mul", x, w("clamp", w("add", w("div", x, 6), 0.5), min=0.0, max=1.0)),
}


@pytest.mark.parametrize("write", HARDSWISH.values(), ids=list(HARDSWISH))
def test_hard_swish_in_any_order(write: Callable[[Writer, str], str]) -> None:
    check(network(write), "hardswish")


def gelu_cubic(w: Writer, x: str) -> str:
    inner = w("add", x, w("mul", 0.044715, w("pow", x, 3)))
    return w("mul", w("mul", 0.5, x), w("add", 1, w("tanh", w("mul", math.sqrt(2 / math.pi), inner))))


def gelu_products(w: Writer, x: str) -> str:
    inner = w("mul", x, w("add", w("mul", w("mul", x, x), 0.044715), 1))
    return w("mul", w("mul", x, w("add", w("tanh", w("mul", inner, 0.7978845608)), 1)), 0.5)


PARTS = {
    "relu, clamp": ("relu", lambda w, x: w("clamp", x, min=0.0)),
    "relu, maximum": ("relu", lambda w, x: w("maximum", 0, x)),
    "relu6, clamp": ("relu6", relu6),
    "relu6 of relu": ("relu6", lambda w, x: w("clamp", w("relu", x), max=6.0)),
    "hardsigmoid": ("hardsigmoid", lambda w, x: w("div", relu6(w, w("add", x, 3)), 6)),
    "hardsigmoid, scaled first": (
        "hardsigmoid",
        lambda w, x: w("clamp", w("add", w("mul", x, 1 / 6), 0.5), min=0.0, max=1.0),
    ),
    "sigmoid": ("sigmoid", lambda w, x: w("reciprocal", w("add", 1, w("exp", w("neg", x))))),
    "silu": ("silu", lambda w, x: w("mul", w("sigmoid", x), x)),
    "silu by division": ("silu", lambda w, x: w("div", x, w("add", w("exp", w("neg", x)), 1))),
    "softplus": ("softplus", lambda w, x: w("log", w("add", w("exp", x), 1))),
    "mish": ("mish", lambda w, x: w("mul", x, w("tanh", w("log", w("add", 1, w("exp", x)))))),
    "gelu": (
        "gelu",
        lambda w, x: w("mul", w("mul", x, w("add", w("erf", w("div", x, math.sqrt(2))), 1)), 0.5),
    ),
    "gelu, halved first": (
        "gelu",
        lambda w, x: w("mul", w("mul", x, 0.5), w("add", 1, w("erf", w("mul", x, math.sqrt(0.5))))),
    ),
    "swish of beta 1": ("silu", lambda w, x: w("mul", w("sigmoid", w("mul", x, 1)), x)),
    "gelu by tanh": ("gelu", gelu_cubic),
    "gelu by tanh, products": ("gelu", gelu_products),
    "power of two": ("mul", lambda w, x: w("pow", x, 2)),
    "leaky relu": ("leaky_relu", lambda w, x: w("maximum", w("mul", x, 0.1), x)),
    "softsign": ("softsign", lambda w, x: w("div", x, w("add", 1, w("abs", x)))),
    "tanhshrink": ("tanhshrink", lambda w, x: w("sub", x, w("tanh", x))),
    "layer norm of pixels": ("layer_norm", lambda w, x: layer_norm_parts(w, x, (1,))),
    "layer norm of rows": ("layer_norm", lambda w, x: layer_norm_parts(w, x, (1,), by_product=True)),
    "instance norm": ("instance_norm", lambda w, x: layer_norm_parts(w, x, (2, 3))),
}


@pytest.mark.parametrize(("expected", "write"), PARTS.values(), ids=list(PARTS))
def test_operators_in_pieces(expected: str, write: Callable[[Writer, str], str]) -> None:
    check(network(write), expected)


def of(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


CHANNELS = np.linspace(0.5, 1.5, 8, dtype=np.float32)
IMAGE = CHANNELS.reshape(8, 1, 1)


def conv(w: Writer, x: str, bias: bool = False) -> str:
    return w.b.conv2d(x, 8, 1, name="conv", bias=bias)


def dense_gate(w: Writer, x: str, back: tuple[int, ...] = (0, 8, 1, 1)) -> str:
    row = w("mean", x, dim=(2, 3), keepdim=False)
    few = w("relu", w.b.linear(row, 3, name="few"))
    gate = w("sigmoid", w.b.linear(few, 8, name="many", bias=False))
    return w("mul", x, w("reshape", gate, shape=back))


def group_norm(w: Writer, x: str) -> str:
    rows = w("reshape", x, shape=(0, 4, -1))
    y = w.b.apply("instance_norm", rows, name="norm", params={"weight": (4,), "bias": (4,)})
    y = w("reshape", y, shape=(-1, 8, 6, 4))
    return w("add", w("mul", y, IMAGE), IMAGE)


LAYERS = {
    "layer norm with factors": (
        ("layer_norm",),
        lambda w, x: w("add", w("mul", IMAGE, layer_norm_parts(w, x, (1,))), -IMAGE),
    ),
    "instance norm with factors": (
        ("instance_norm",),
        lambda w, x: w("add", w("mul", layer_norm_parts(w, x, (2, 3)), IMAGE[None]), IMAGE),
    ),
    "layer norm between permutes": (
        ("layer_norm",),
        lambda w, x: w("permute", layer_norm_parts(w, w("permute", x, dims=(0, 2, 3, 1)), (-1,)), dims=(0, 3, 1, 2)),
    ),
    "permutes that cancel": (
        ("relu",),
        lambda w, x: w(
            "relu", w("permute", w("permute", w("permute", x, dims=(0, 2, 3, 1)), dims=(0, 3, 1, 2)), dims=(0, 1, 2, 3))
        ),
    ),
    "reshapes one after the other": (
        ("flatten", "relu"),
        lambda w, x: w("relu", w("reshape", w("reshape", x, shape=(0, 8, -1)), shape=(0, -1))),
    ),
    "slices and pads of nothing": (
        ("relu",),
        lambda w, x: w("relu", w("pad", w("slice", x, dim=1, start=0, end=8), pad=(0, 0, 0, 0))),
    ),
    "squeezed pooling": (
        ("adaptive_avg_pool2d", "flatten", "relu"),
        lambda w, x: w("relu", w("squeeze", w("mean", x, dim=(3, 2), keepdim=True), dim=(2, 3))),
    ),
    "mean of images": (("adaptive_avg_pool2d", "flatten"), lambda w, x: w("mean", x, dim=(2, 3), keepdim=False)),
    "mean of columns and rows": (
        ("adaptive_avg_pool2d",),
        lambda w, x: w("mean", w("mean", x, dim=3, keepdim=True), dim=(2,), keepdim=True),
    ),
    "mean of columns and then of rows": (
        ("adaptive_avg_pool2d", "flatten"),
        lambda w, x: w("mean", w("mean", x, dim=-1, keepdim=False), dim=(2,), keepdim=False),
    ),
    "mean of pixels in a row": (
        ("adaptive_avg_pool2d", "flatten"),
        lambda w, x: w("mean", w("flatten", x, start_dim=2), dim=2, keepdim=False),
    ),
    "mean of pixels, channels last": (
        ("adaptive_avg_pool2d", "flatten"),
        lambda w, x: w("mean", w("permute", x, dims=(0, 2, 3, 1)), dim=(1, 2), keepdim=False),
    ),
    "mean of pixels in a column, and images again": (
        ("adaptive_avg_pool2d",),
        lambda w, x: w(
            "unsqueeze",
            w("mean", w("permute", w("reshape", x, shape=(0, 8, -1)), dims=(0, 2, 1)), dim=1, keepdim=False),
            dim=(2, 3),
        ),
    ),
    "maximum of images": (("adaptive_max_pool2d", "flatten"), lambda w, x: w("amax", x, dim=(2, 3), keepdim=False)),
    "global maximum": (("adaptive_max_pool2d",), lambda w, x: w("amax", x, dim=(2, -1), keepdim=True)),
    "windows of one pixel": (("relu",), lambda w, x: w("relu", w("avg_pool2d", x, kernel_size=1))),
    "bias of a convolution": (("conv2d",), lambda w, x: w("add", IMAGE, conv(w, x))),
    "matrix product and sum": (
        ("flatten", "linear"),
        lambda w, x: w("add", w("matmul", w("reshape", x, shape=(0, -1)), np.ones((192, 5))), of(1, 2, 3, 4, 5)),
    ),
    "matrix product of rows": (
        ("flatten", "linear"),
        lambda w, x: w("add", w("matmul", w("flatten", x, start_dim=2), np.ones((24, 3))), of(1, 2, 3)),
    ),
    "factors of channels": (("relu", "layer_scale"), lambda w, x: w("mul", IMAGE, w("relu", x))),
    "preparation of pictures": (("scale_shift",), lambda w, x: w("div", w("sub", x, IMAGE), IMAGE[None])),
    "a number for all": (("relu", "scale_shift"), lambda w, x: w("mul", w("relu", x), 0.17)),
    "a hard sigmoid of another slope": (
        ("relu", "scale_shift", "hardsigmoid"),
        lambda w, x: w("clamp", w("add", w("mul", w("relu", x), 0.2), 0.5), min=0.0, max=1.0),
    ),
    "a hard sigmoid of another slope, divided": (
        ("relu", "scale_shift", "hardsigmoid"),
        lambda w, x: w("clamp", w("add", 0.25, w("div", w("relu", x), 4)), min=0.0, max=1.0),
    ),
    "ONNX's hard sigmoid": (
        ("relu", "scale_shift", "hardsigmoid"),
        lambda w, x: w("clamp", w("scale_shift", w("relu", x), scale=0.2, shift=0.5), min=0.0, max=1.0),
    ),
    "layers of a gate": (
        ("adaptive_avg_pool2d", "conv2d", "relu", "conv2d", "sigmoid", "mul"),
        lambda w, x: dense_gate(w, x),
    ),
    "power of three": (("mul", "mul"), lambda w, x: w("pow", x, 3)),
    "power of a half": (("exp", "sqrt"), lambda w, x: w("pow", w("exp", x), 0.5)),
    "power of minus one": (("exp", "reciprocal"), lambda w, x: w("pow", w("exp", x), -1)),
    "one over": (("exp", "reciprocal"), lambda w, x: w("div", 1, w("exp", x))),
    "nothing added": (("relu", "sigmoid"), lambda w, x: w("sigmoid", w("add", w("mul", w("relu", x), 1), 0))),
    "one minus": (("relu", "scale_shift"), lambda w, x: w("sub", 1, w("relu", x))),
    "batch norm in four steps": (
        ("relu", "batch_norm"),
        lambda w, x: w("add", w("mul", w("div", w("sub", w("relu", x), IMAGE), IMAGE * 2), IMAGE), -IMAGE),
    ),
    "pad and convolution": (
        ("conv2d",),
        lambda w, x: w.b.conv2d(w("pad", x, pad=(0, 1, 2, 1)), 4, 3, name="conv", stride=2, padding=1),
    ),
    "pad and average": (
        ("avg_pool2d",),
        lambda w, x: w("avg_pool2d", w("pad", x, pad=(0, 1, 1, 0)), kernel_size=3, stride=2, count_include_pad=False),
    ),
    "windows of one pixel before a convolution": (
        ("conv2d",),
        lambda w, x: conv(w, w("avg_pool2d", x, kernel_size=1, stride=2)),
    ),
    "every second pixel before a convolution": (
        ("conv2d",),
        lambda w, x: conv(w, w("slice", x, dim=(2, 3), step=2), bias=True),
    ),
    "pixels from the second on": (
        ("slice", "conv2d"),
        lambda w, x: conv(w, w("slice", x, dim=(2, 3), start=1, step=2)),
    ),
    "pad and maximum": (
        ("relu", "max_pool2d"),
        lambda w, x: w("max_pool2d", w("pad", w("relu", x), pad=(0, 1, 0, 1)), kernel_size=3, stride=2),
    ),
}


@pytest.mark.parametrize(("expected", "write"), LAYERS.values(), ids=list(LAYERS))
def test_layers_in_pieces(expected: tuple[str, ...], write: Callable[[Writer, str], str]) -> None:
    graph = randomize(conv_network(write))
    found = recognise(graph)
    assert ops_of(found) == list(expected)
    np.testing.assert_allclose(textbook(found, X), textbook(graph, X), rtol=1e-4, atol=1e-5)
    assert found.symbolic_types()[found.outputs[0]] == graph.symbolic_types()[graph.outputs[0]]


def test_a_norm_of_rows_has_the_factors_of_features() -> None:
    features = np.linspace(0.5, 1.5, 24, dtype=np.float32)

    def write(w: Writer, x: str) -> str:
        rows = w("reshape", x, shape=(0, 8, 24))
        return w("add", w("mul", layer_norm_parts(w, rows, (2,)), features), -features)

    graph = conv_network(write)
    graph.inputs[0] = Input("input", (None, 8, 6, 4), (1, 8, 6, 4))
    found = recognise(graph)
    assert ops_of(found) == ["reshape", "layer_norm"]
    np.testing.assert_allclose(textbook(found, X), textbook(graph, X), rtol=1e-4, atol=1e-5)


def test_group_norm_as_an_instance_norm_of_rows() -> None:
    graph = conv_network(group_norm)
    for role, value in (("weight", 1.0), ("bias", 0.0)):
        graph.weights[f"norm.{role}"] = np.full(4, value, np.float32)
    graph.inputs[0] = Input("input", (None, 8, 6, 4), (1, 8, 6, 4))
    found = recognise(graph)
    assert ops_of(found) == ["group_norm"]
    np.testing.assert_allclose(textbook(found, X), textbook(graph, X), rtol=1e-4, atol=1e-5)
    graph.weights["norm.weight"] = of(1, 1, 1, 2)
    assert "instance_norm" in ops_of(recognise(graph)), "groups have factors of their own"


UNLIKE = {
    "another offset": lambda w, x: w("div", w("mul", x, relu6(w, w("add", x, 2))), 6),
    "another divisor": lambda w, x: w("div", w("mul", x, relu6(w, w("add", x, 3))), 5),
    "another input": lambda w, x: w("div", w("mul", w("abs", x), relu6(w, w("add", x, 3))), 6),
    "another root": lambda w, x: w("mul", w("mul", x, w("add", w("erf", w("div", x, 1.5)), 1)), 0.5),
    "a sigmoid of twice the value": lambda w, x: w("mul", w("sigmoid", w("mul", x, 2)), x),
    "a clip to other bounds": lambda w, x: w("clamp", w("add", w("mul", x, 0.2), 0.5), min=0.0, max=2.0),
    "a clip alone": lambda w, x: w("clamp", x, min=0.0, max=1.0),
    "slope above one": lambda w, x: w("maximum", w("mul", x, 1.5), x),
    "means of different dimensions": lambda w, x: w(
        "div",
        w("sub", x, w("mean", x, dim=(1,), keepdim=True)),
        w("sqrt", w("add", w("mean", w("pow", x, 2), dim=(1,), keepdim=True), 1e-5)),
    ),
    "pad of ones": lambda w, x: w.b.conv2d(w("pad", x, pad=(1, 1, 1, 1), value=1.0), 8, 3, name="conv"),
    "pad before the largest of any sign": lambda w, x: w(
        "max_pool2d", w("pad", x, pad=(1, 1, 1, 1)), kernel_size=3, stride=1
    ),
}
NAMES = {"hardswish", "gelu", "leaky_relu", "layer_norm", "silu", "hardsigmoid"}


@pytest.mark.parametrize("write", UNLIKE.values(), ids=list(UNLIKE))
def test_what_only_looks_alike_is_something_else(write: Callable[[Writer, str], str]) -> None:
    graph = randomize(network(write))
    found = recognise(graph)
    assert not NAMES.intersection(ops_of(found))
    assert ops_of(found).count("pad") == ops_of(graph).count("pad")
    np.testing.assert_allclose(textbook(found, X), textbook(graph, X), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("as_output", [True, False])
def test_a_part_that_others_read_is_not_eaten(as_output: bool) -> None:
    b = Builder()
    w = Writer(b)
    x = b.input(8, (6, 4))
    gate = w("exp", w("neg", x))
    y = w("div", x, w("add", gate, 1))
    graph = b.finish([y, gate] if as_output else w("sub", y, gate))
    found = recognise(graph)
    assert "exp" in ops_of(found)
    assert "silu" not in ops_of(found)
    assert found.outputs == graph.outputs


def test_an_idle_output_gives_its_name_to_what_it_hands_on() -> None:
    graph = conv_network(lambda w, x: w("flatten", w("flatten", x, start_dim=1), start_dim=0, end_dim=0))
    found = recognise(graph)
    assert ops_of(found) == ["flatten"]
    assert found.outputs == graph.outputs
    b = Builder()
    x = b.input(8, (6, 4))
    same = b.permute(x, (0, 1, 2, 3), name="same")
    assert ops_of(recognise(b.finish(same))) == ["permute"], "an input can't be called so"


def test_the_given_graph_is_untouched() -> None:
    graph = randomize(network(HARDSWISH["x (x + 3) / 6"]))
    before, keys = ops_of(graph), list(graph.weights)
    recognise(graph)
    assert ops_of(graph) == before
    assert list(graph.weights) == keys
