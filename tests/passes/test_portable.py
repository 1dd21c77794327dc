"""Passes whose result can be saved: the same function, fewer nodes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from small_networks import randomize, residual_network, textbook

from tinyinfer import ops, passes
from tinyinfer.builder import Builder
from tinyinfer.graph import Graph

X = np.random.default_rng(1).standard_normal((2, 3, 16, 13)).astype(np.float32)


def ops_of(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


def test_fold_batch_norm_gives_the_same_function_without_norms() -> None:
    graph = residual_network()
    before = ops_of(graph)
    folded = passes.fold_batch_norm(graph)
    assert "batch_norm" in before
    assert "batch_norm" not in ops_of(folded)
    np.testing.assert_allclose(textbook(folded, X), textbook(graph, X), rtol=2e-5, atol=2e-6)
    assert ops_of(graph) == before, "the given graph is untouched"
    assert folded.node("stem").origin == ("stem", "norm")
    assert not any("running" in key for key in folded.weights)


def test_nodes_that_do_the_same_are_merged() -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 16), 6, 1, name="conv")
    left = b.conv2d(b.max_pool2d(b.relu(x, name="a"), 3, name="pool a"), 5, 1, name="left")
    right = b.conv2d(b.max_pool2d(b.relu(x, name="b"), 3, name="pool b"), 5, 1, name="right")
    other = b.conv2d(b.max_pool2d(b.relu(x, name="c"), 2, stride=3, name="pool c"), 5, 1, name="other")
    graph = randomize(b.finish(b.concat(left, right, other, name="all")))
    before = ops_of(graph)
    merged = passes.eliminate_common_subexpressions(graph)
    assert ops_of(graph) == before, "the given graph is untouched"
    assert Counter(ops_of(merged)) == {"conv2d": 4, "relu": 1, "max_pool2d": 2, "concat": 1}
    assert (merged.node("a").origin, merged.node("pool a").origin) == (("a", "b", "c"), ("pool a", "pool b"))
    np.testing.assert_array_equal(textbook(merged, X), textbook(graph, X))
    assert merged.node("right").inputs == merged.node("left").inputs
    assert "relu" not in ops_of(passes.lower(graph)), "it has become the epilogue of the layer before"


def test_weights_and_outputs_are_not_merged() -> None:
    b = Builder()
    x = b.input(3, 16)
    ends = [b.relu(b.conv2d(x, 4, 1, name=f"conv {i}"), name=f"relu {i}") for i in range(2)]
    more = [b.activation(x, "sigmoid", name=f"sigmoid {i}") for i in range(2)]
    graph = randomize(b.finish([*ends, *more]))
    merged = passes.eliminate_common_subexpressions(graph)
    assert sorted(ops_of(merged)) == sorted(ops_of(graph))
    assert merged.outputs == graph.outputs


def test_duplicates_with_several_outputs_in_any_order_are_merged() -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 16), 6, 1, name="conv")
    parts = [b.split(x, [2, 4], name=f"parts {i}") for i in range(2)]
    ends = [b.conv2d(b.relu(wide, name=f"relu {i}"), 5, 1, name=f"end {i}") for i, (_, wide) in enumerate(parts)]
    graph = randomize(b.finish(b.concat(*ends, parts[1][0], name="all")))
    expected = textbook(graph, X)
    graph.nodes.reverse()
    merged = passes.eliminate_common_subexpressions(graph)
    assert Counter(ops_of(merged)) == {"conv2d": 3, "split": 1, "relu": 1, "concat": 1}
    np.testing.assert_array_equal(textbook(merged, X), expected)


def test_identities_behind_each_other_are_removed() -> None:
    b = Builder()
    x = b.dropout(b.dropout(b.conv2d(b.input(3, 16), 6, 1, name="conv"), name="one"), name="two")
    graph = randomize(b.finish(b.relu(x, name="act")))
    assert ops_of(passes.remove_identity(graph)) == ["conv2d", "relu"]


@pytest.mark.parametrize("name", ops.names())
def test_equal_operators_are_known_as_such(name: str) -> None:
    for case in ops.get(name).cases():
        one, two = (ops.create(name, case.attrs) for _ in range(2))
        assert one == two
        assert hash(one) == hash(two)


@pytest.mark.parametrize("tracked", [True, False])
def test_an_instance_norm_with_running_statistics_is_a_batch_norm(tracked: bool) -> None:
    b = Builder()
    roles = ("running_mean", "running_var", "weight", "bias") if tracked else ("weight", "bias")
    x = b.conv2d(b.input(3, 16), 12, 3, name="conv")
    x = b.apply("instance_norm", x, name="norm", params=dict.fromkeys(roles, (12,)), eps=1e-2)
    graph = randomize(b.finish(b.relu(x, name="relu")))
    changed = passes.instance_norm_as_batch_norm(graph)
    assert ops_of(changed) == ["conv2d", "batch_norm" if tracked else "instance_norm", "relu"]
    assert ops_of(passes.simplify(graph))[:2] == ["conv2d", "relu" if tracked else "instance_norm"]
    for one in (changed, passes.simplify(graph)):
        np.testing.assert_allclose(textbook(one, X), textbook(graph, X), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("groups", [2, 3, 6])
def test_norms_and_activations_pass_a_shuffle_and_join_the_convolution(groups: int) -> None:
    b = Builder()
    x = b.channel_shuffle(b.conv2d(b.input(3, 16), 12, 1, name="conv"), groups, name="shuffle")
    x = b.relu(b.batch_norm(x, name="norm"), name="relu")
    graph = randomize(b.finish(b.conv2d(x, 6, 3, name="last")))
    before = ops_of(graph)
    delayed = passes.delay_shuffle(graph)
    assert ops_of(delayed) == ["conv2d", "batch_norm", "relu", "channel_shuffle", "conv2d"]
    assert ops_of(graph) == before, "the given graph is untouched"
    names = {node.op.name: node.outputs[0] for node in delayed.nodes}
    assert names["channel_shuffle"] == graph.node("relu").outputs[0]
    assert {"shuffle", "norm"}.isdisjoint(names.values()), "a name stands for what it did"
    assert ops_of(passes.lower(graph)) == ["conv2d", "channel_shuffle", "conv2d"]
    for changed in (delayed, passes.lower(graph)):
        np.testing.assert_allclose(textbook(changed, X), textbook(graph, X), rtol=2e-5, atol=2e-6)


def test_a_shuffle_stays_where_others_read_it_or_nothing_is_gained() -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 16), 6, 1, name="conv")
    y = b.batch_norm(b.channel_shuffle(x, 2, name="read twice"), name="norm")
    z = b.relu(b.channel_shuffle(b.relu(y, name="a"), 3, name="behind no layer"), name="b")
    graph = randomize(b.finish([z, "read twice"]))
    assert ops_of(passes.delay_shuffle(graph)) == ops_of(graph)


@pytest.mark.parametrize(("size", "dilation"), [(3, 1), (3, 2), (5, 1), (4, 1)])
def test_shifts_take_the_norm_behind_them(size: int, dilation: int) -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 16), 19, 1, name="first")
    x = b.apply("shift", x, name="shift", kernel_size=size, dilation=dilation)
    graph = randomize(b.finish(b.relu(b.batch_norm(x, name="norm"), name="relu")))
    assert ops_of(passes.shift_as_convolution(graph)) == ["conv2d", "conv2d", "batch_norm", "relu"]
    assert ops_of(passes.lower(graph)) == ["conv2d", "conv2d"]
    for changed in (passes.shift_as_convolution(graph), passes.lower(graph)):
        np.testing.assert_allclose(textbook(changed, X), textbook(graph, X), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(("reach", "kernel"), [(0, 3), (1, 3), (2, 5), (3, None)])
def test_learnt_shifts_take_the_norm_behind_them_if_all_are_near(
    rng: np.random.Generator, reach: int, kernel: int | None
) -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 16), 19, 1, name="first")
    x = b.apply("sparse_shift", x, name="shift", params={"offset": (19, 2)})
    graph = randomize(b.finish(b.relu(b.batch_norm(x, name="norm"), name="relu")))
    moves = rng.integers(-reach, reach + 1, (19, 2))
    moves[-1] = 0, -reach
    graph.weights["shift.offset"] = (moves + rng.uniform(-0.4, 0.4, (19, 2))).astype(np.float32)
    changed = passes.shift_as_convolution(graph)
    moved = next(node for node in changed.nodes if node.name == "shift")
    if kernel is None:
        assert moved.op.name == "sparse_shift"
    else:
        assert changed.weights.shape(moved.params["weight"]) == (19, 1, kernel, kernel)
        assert ops_of(passes.lower(graph)) == ["conv2d", "conv2d"]
    for one in (changed, passes.lower(graph)):
        np.testing.assert_allclose(textbook(one, X), textbook(graph, X), rtol=2e-5, atol=2e-6)


def test_shifts_without_a_norm_stay() -> None:
    b = Builder()
    x = b.apply("shift", b.conv2d(b.input(3, 16), 19, 1, name="first"), name="shift")
    graph = randomize(b.finish(b.relu(x, name="relu")))
    assert ops_of(passes.shift_as_convolution(graph)) == ops_of(graph)


def test_fold_batch_norm_leaves_a_value_that_others_read() -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 16), 4, 1, name="conv")
    graph = randomize(b.finish(b.add(b.batch_norm(x, name="norm"), x, name="sum")))
    assert ops_of(passes.fold_batch_norm(graph)) == ["conv2d", "batch_norm", "add"]


def test_fold_batch_norm_leaves_a_graph_output() -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 16), 4, 1, name="conv")
    graph = randomize(b.finish([b.batch_norm(x, name="norm"), x]))
    assert ops_of(passes.fold_batch_norm(graph)) == ["conv2d", "batch_norm"]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_fold_batch_norm_into_linear_and_grouped_layers(bias: bool, affine: bool) -> None:
    b = Builder()
    x = b.conv2d(b.input(4, 6), 8, 3, name="conv", groups=2, bias=bias)
    x = b.batch_norm(x, name="norm", eps=1e-2, affine=affine)
    x = b.linear(b.flatten(x), 7, name="fc", bias=bias)
    graph = randomize(b.finish(b.batch_norm(x, name="norm2", affine=affine)))
    folded = passes.fold_batch_norm(graph)
    assert ops_of(folded) == ["conv2d", "flatten", "linear"]
    x = X[:1, :1, :6, :6].repeat(4, axis=1)
    np.testing.assert_allclose(textbook(folded, x), textbook(graph, x), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_fold_batch_norm_into_transposed_convolutions(groups: int) -> None:
    b = Builder()
    params = {"weight": (4, 8 // groups, 3, 3), "bias": (8,)}
    x = b.apply("conv_transpose2d", b.input(4, 6), name="up", params=params, stride=2, groups=groups)
    graph = randomize(b.finish(b.batch_norm(x, name="norm")))
    folded = passes.fold_batch_norm(graph)
    assert ops_of(folded) == ["conv_transpose2d"]
    x = X[:1, :1, :6, :6].repeat(4, axis=1) * np.arange(1, 5).reshape(1, 4, 1, 1)
    np.testing.assert_allclose(textbook(folded, x), textbook(graph, x), rtol=2e-5, atol=2e-5)


def test_fold_batch_norm_leaves_a_norm_over_another_axis_than_the_layers() -> None:
    b = Builder()
    x = b.apply("reshape", b.input(1, 5), name="rows", shape=(0, 5, 5))
    graph = randomize(b.finish(b.batch_norm(b.linear(x, 5, name="fc"), name="norm")))
    assert ops_of(passes.fold_batch_norm(graph)) == ["reshape", "linear", "batch_norm"]


def test_remove_identity() -> None:
    graph = residual_network()
    clean = passes.remove_identity(graph)
    assert len(clean.nodes) == len(graph.nodes) - 1
    np.testing.assert_array_equal(textbook(clean, X), textbook(graph, X))


def test_remove_identity_keeps_an_output() -> None:
    b = Builder()
    graph = b.finish(b.dropout(b.input(3, 4), 0.5, name="drop"))
    assert ops_of(passes.remove_identity(graph)) == ["dropout"]


@pytest.mark.parametrize("bias", [True, False])
def test_fold_scale_shift_into_the_layer_before(bias: bool) -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 16), 4, 3, name="conv", bias=bias)
    x = b.apply("scale_shift", x, name="all", scale=0.17, shift=0.5)
    x = b.linear(b.flatten(b.adaptive_avg_pool2d(x, name="pool")), 3, name="fc", bias=bias)
    graph = randomize(b.finish(b.apply("scale_shift", x, name="each", scale=(1.0, -2.0, 0.5), shift=(0.0, 1.0, 2.0))))
    folded = passes.simplify(graph)
    assert ops_of(folded) == ["conv2d", "adaptive_avg_pool2d", "flatten", "linear"]
    assert folded.node("conv").origin == ("conv", "all")
    np.testing.assert_allclose(textbook(folded, X), textbook(graph, X), rtol=2e-5, atol=2e-6)


SCALE, SHIFT = (1.0, -2.0, 0.5, 3.0, 0.25, -1.0), (0.0, 1.0, 2.0, -0.5, 1.5, 0.3)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("scale", [0.17, SCALE], ids=["one for all", "by channel"])
@pytest.mark.parametrize(
    ("layer", "shift"),
    [
        ({"kernel_size": 1}, SHIFT),
        ({"kernel_size": 3}, 0.4),
        ({"kernel_size": 3, "groups": 3}, SHIFT),
        ({"kernel_size": 3, "groups": 6, "padding": 1}, 0.0),
        ({"kernel_size": 1, "padding": "same"}, SHIFT),
    ],
    ids=["pixels", "windows", "groups", "padded", "same"],
)
def test_fold_input_scaling(layer: dict[str, Any], shift: object, scale: object, bias: bool) -> None:
    b = Builder()
    x = b.activation(b.input(6, 8), "hardswish", name="act")
    x = b.apply("scale_shift", x, name="scaled", scale=scale, shift=shift)
    one, two = (b.conv2d(x, 12, name=name, bias=bias, **layer) for name in ("one", "two"))
    graph = randomize(b.finish(b.add(one, two, name="sum")))
    folded = passes.fold_input_scaling(graph)
    assert ops_of(folded) == ["hardswish", "conv2d", "conv2d", "add"]
    assert folded.node("one").origin == ("scaled", "one")
    image = np.random.default_rng(0).standard_normal((2, 6, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(textbook(folded, image), textbook(graph, image), rtol=2e-4, atol=2e-5)


def gated(first: bool, gate: str = "pool", shortcut: str = "x", twice: bool = False) -> Graph:
    b = Builder()
    values = {"x": b.relu(b.input(6, 8), name="relu")}
    values["pool"] = b.activation(b.adaptive_avg_pool2d(values["x"], name="pool"), "sigmoid", name="gate")
    values["abs"] = b.apply("abs", values["x"], name="abs")
    product = b.mul(values["x"], values[gate], name="product")
    operands = (values[shortcut], product) if first else (product, values[shortcut])
    y = b.add(*operands, name="sum")
    return randomize(b.finish([y, product] if twice else y))


@pytest.mark.parametrize("first", [True, False])
def test_merge_gate_shortcut(first: bool) -> None:
    graph = gated(first)
    merged = passes.merge_gate_shortcut(graph)
    merged.verify()
    assert {"add", "mul"} & {*ops_of(merged)} == {"mul"}
    image = np.random.default_rng(0).standard_normal((2, 6, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(textbook(merged, image), textbook(graph, image), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("others", [{"gate": "abs"}, {"shortcut": "abs"}, {"twice": True}, {"shortcut": "pool"}])
def test_merge_gate_shortcut_leaves_other_sums(others: dict[str, Any]) -> None:
    graph = gated(True, **others)
    assert ops_of(passes.merge_gate_shortcut(graph)) == ops_of(graph)


def test_fold_input_scaling_into_linear_layers() -> None:
    b = Builder()
    x = b.apply("layer_scale", b.flatten(b.input(6, 1)), name="scaled", params={"gamma": (6,)})
    graph = randomize(b.finish(b.linear(x, 5, name="fc")))
    folded = passes.fold_input_scaling(graph)
    assert ops_of(folded) == ["flatten", "linear"]
    image = np.random.default_rng(0).standard_normal((2, 6, 1, 1)).astype(np.float32)
    np.testing.assert_allclose(textbook(folded, image), textbook(graph, image), rtol=2e-5, atol=2e-6)


def test_fold_input_scaling_leaves_what_a_padding_or_another_reader_would_see() -> None:
    def network(read_twice: bool = False, output: bool = False, **layer: Any) -> Graph:
        b = Builder()
        x = b.apply("scale_shift", b.input(6, 8), name="scaled", scale=0.5, shift=1.0)
        y = b.conv2d(x, 6, 3, name="conv", **layer)
        outputs = [y, b.relu(x, name="relu")] if read_twice else [y, x] if output else [y]
        return randomize(b.finish(outputs))

    for graph in (network(padding=1), network(padding="same"), network(read_twice=True), network(output=True)):
        assert "scale_shift" in ops_of(passes.fold_input_scaling(graph))
    for rank in (3, 4):
        b = Builder()
        x = b.input(6, 8)
        x = b.apply("flatten", x, name="rows", start_dim=2) if rank == 3 else x
        graph = randomize(b.finish(b.linear(b.apply("scale_shift", x, name="scaled"), 5, name="fc")))
        assert "scale_shift" in ops_of(passes.fold_input_scaling(graph)), "channels are no features"


@pytest.mark.parametrize(("channels", "groups"), [(4, 1), (4, 2), (6, 1)])
def test_fold_scale_shift_into_a_transposed_convolution(channels: int, groups: int) -> None:
    """Its weight has the outputs in second place: with as many inputs the wrong ones could be scaled unseen."""
    b = Builder()
    weight = (4, channels // groups, 3, 3)
    x = b.apply("conv_transpose2d", b.input(4, 5), name="up", params={"weight": weight}, stride=2, groups=groups)
    steps = tuple(float(i + 1) for i in range(channels))
    graph = randomize(b.finish(b.apply("scale_shift", x, name="each", scale=steps, shift=steps)))
    folded = passes.fold_scale_shift(graph)
    assert ops_of(folded) == ["conv_transpose2d"]
    x = np.random.default_rng(0).standard_normal((2, 4, 5, 5)).astype(np.float32)
    np.testing.assert_allclose(textbook(folded, x), textbook(graph, x), rtol=2e-5, atol=2e-6)


def test_fold_scale_shift_leaves_what_others_read_and_what_stands_behind_no_layer() -> None:
    b = Builder()
    x = b.apply("scale_shift", b.input(3, 16), name="entry", scale=0.5)
    x = b.conv2d(x, 4, 1, name="conv")
    graph = randomize(b.finish(b.add(b.apply("scale_shift", x, name="scaled", scale=0.1), x, name="sum")))
    assert ops_of(passes.fold_scale_shift(graph)) == ["scale_shift", "conv2d", "scale_shift", "add"]


@pytest.mark.parametrize("bias", [True, False])
def test_fold_scale_shift_into_the_layer_before_a_layer_scale(bias: bool) -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 16), 4, 3, name="conv", bias=bias)
    x = b.apply("layer_scale", x, name="scale", params={"gamma": (4,)})
    x = b.linear(b.flatten(x), 5, name="fc", bias=bias)
    graph = randomize(b.finish(b.apply("layer_scale", x, name="scale2", params={"gamma": (5,)})))
    folded = passes.fold_scale_shift(graph)
    assert ops_of(folded) == ["conv2d", "flatten", "linear"]
    x = np.ascontiguousarray(np.pad(X, ((0, 0), (0, 0), (0, 0), (0, 3))))
    np.testing.assert_allclose(textbook(folded, x), textbook(graph, x), rtol=2e-5, atol=2e-6)
