"""The builder follows shapes, names what it makes, and says which layer does not fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tinyinfer import ops
from tinyinfer.builder import Builder
from tinyinfer.errors import GraphError, UnsupportedOpError
from tinyinfer.weights import placeholder


def test_shapes_follow_the_layers() -> None:
    b = Builder()
    x = b.input(3, (32, 48))
    x = b.conv2d(x, 8, 3, name="conv", stride=2, padding=1)
    assert b.shape(x) == (1, 8, 16, 24)
    left, right = b.split(x, (2, 6), name="split")
    assert (left, right) == ("split:0", "split:1")
    x = b.concat(right, left, name="concat")
    x = b.channel_shuffle(x, 4, name="shuffle")
    x = b.max_pool2d(x, 3, name="pool", stride=2, padding=1, ceil_mode=True)
    x = b.avg_pool2d(x, 2, name="mean")
    x = b.pad(x, (1, 1, 0, 0), name="pad")
    assert b.shape(x) == (1, 8, 6, 6)
    x = b.mul(x, b.activation(x, "leaky_relu", name="gate", negative_slope=0.2), name="mul")
    x = b.dropout(b.flatten(b.adaptive_avg_pool2d(x, name="gap")), name="drop")
    graph = b.finish(b.linear(x, 5, name="fc", bias=False))
    assert graph.verify()["fc"].shape == (1, 5)
    assert set(graph.weights) == {"conv.weight", "conv.bias", "fc.weight"}
    assert graph.output_shapes() == [("fc", (None, 5))]
    assert [node.name for node in graph.nodes][:3] == ["conv", "split", "concat"]


def test_every_operator_is_within_reach_of_apply() -> None:
    for name in ops.names():
        for case in ops.get(name).cases():
            b = Builder()
            values = [b.input(1, 1, name=f"x{i}") for i in range(len(case.inputs))]
            b._types |= dict(zip(values, case.input_types, strict=True))
            results = b.apply_all(name, *values, name="op", params=dict(case.params), **dict(case.attrs))
            assert b.finish(results).nodes[0].op.name == name


def test_placeholders_take_no_memory() -> None:
    assert placeholder((1000, 1000)).strides == (0, 0)
    assert not placeholder((3, 2)).any()


def test_layers_of_one_key_share_their_weights() -> None:
    b = Builder()
    x = b.input(4, 8)
    x = b.conv2d(x, 4, 1, name="first", key="shared")
    x = b.conv2d(x, 4, 1, name="second", key="shared")
    assert set(b.finish(x).weights) == {"shared.weight", "shared.bias"}
    with pytest.raises(GraphError, match=r"'third'.*shared\.weight"):
        b.conv2d(x, 5, 1, name="third", key="shared")


def test_an_operator_can_be_given_ready_made() -> None:
    b = Builder()
    x = b.apply(ops.get("relu6")(), b.input(3, 4), name="act")
    assert b.finish(x).nodes[0].op == ops.get("relu6")()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda b, x: b.conv2d(x, 8, 9, name="big"), "'big'.*kernel"),
        (lambda b, x: b.conv2d(x, 8, 3, name="grouped", groups=2), "'grouped'.*groups 2"),
        (lambda b, x: b.conv2d(x, 8, 3, name="none", groups=0), "'none'.*groups"),
        (lambda b, x: b.conv2d(x, 8, 3, name="still", stride=0), "stride"),
        (lambda b, x: b.add(x, b.conv2d(x, 8, 1, name="conv"), name="sum"), "'sum'"),
        (lambda b, x: b.relu("nowhere", name="act"), "'act'.*nowhere"),
        (lambda b, x: b.relu(x, name="input"), "'input' is defined twice"),
        (lambda b, x: b.finish("nothing"), "nothing"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(layer: Callable[[Builder, str], object], message: str) -> None:
    b = Builder()
    x = b.input(3, 6)
    with pytest.raises(GraphError, match=message):
        layer(b, x)


def test_unknown_operators_and_attributes() -> None:
    b = Builder()
    x = b.input(3, 6)
    with pytest.raises(UnsupportedOpError, match="relu"):
        b.activation(x, "reluu", name="act")
    with pytest.raises(GraphError, match="slope"):
        b.activation(x, "relu", name="act", slope=1)


def test_a_network_computes() -> None:
    b = Builder()
    x = b.input(2, 4)
    graph = b.finish(b.add(x, b.relu(x, name="act"), name="sum"))
    values = {"input": np.array([-1.0, 2.0]).reshape(1, 2, 1, 1)}
    for node in graph.topological_order():
        values[node.outputs[0]] = node.op.reference([values[v] for v in node.inputs], {})[0]
    np.testing.assert_array_equal(values["sum"].ravel(), [-1, 4])


def test_attention_by_hand() -> None:
    b = Builder()
    x = b.reshape(b.input(6, 4, name="x"), (0, 2, 3, -1), name="heads")  # (N, heads, channels, pixels)
    scores = b.softmax(b.matmul(b.permute(x, (0, 1, 3, 2), name="queries"), x, name="scores"), name="weights")
    y = b.matmul(x, scores, name="mixed")
    centred = b.sub(y, b.mean(y, (2, 3), keepdim=True, name="mean"), name="centred")
    last = b.slice(b.div(centred, y, name="ratio"), 3, start=-1, step=-2, name="backwards")
    assert b.shape(scores) == (1, 2, 16, 16)
    assert b.finish(last).infer_types({"x": (2, 6, 3, 3)})[last].shape == (2, 2, 3, 5)
