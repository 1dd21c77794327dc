"""Slimmed networks: smaller, sound, and what the whole network is with the same channels set to zero."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import networks
from small_networks import randomize

from tinyinfer import ops, passes
from tinyinfer.builder import Builder
from tinyinfer.errors import GraphError, InputError, UnsupportedOpError
from tinyinfer.graph import Graph
from tinyinfer.models import registry
from tinyinfer.passes.portable.slimming import plan_slimming
from tinyinfer.passes.portable.slimming.channels.channel_maps import BARRIERS, CHANNEL_MAPS
from tinyinfer.passes.portable.slimming.select import Rule
from tinyinfer.passes.portable.slimming.slim import Plan

FAMILIES = registry.families()


def masked(graph: Graph, plan: Plan) -> Graph:
    """The whole network in which all that computes a channel that was cut is zero, scales and shifts too."""
    whole = graph.copy()
    for key, labels in plan.found.labels.items():
        if labels.written is not None and not key.endswith("running_var"):
            array = graph.weights[key]
            whole.weights[key] = np.where(plan.kept[labels.written], array, np.zeros((), array.dtype))
    return whole


def assert_slim(graph: Graph, plan: Plan) -> None:
    """The plan's graph is sound, smaller, and gives what the masked network gives."""
    before, after = graph.verify(), plan.graph.verify()
    assert [after[name].shape for name in plan.graph.outputs] == [before[name].shape for name in graph.outputs]
    assert sum(a.size for a in plan.graph.weights.values()) < sum(a.size for a in graph.weights.values())
    shape = before[graph.inputs[0].name].shape
    x = np.random.default_rng(1).standard_normal(shape).astype(np.float64)
    wanted, found = (textbook64(g, x) for g in (masked(graph, plan), plan.graph))
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * max(float(np.abs(other).max()), 1e-6))


def textbook64(graph: Graph, x: np.ndarray) -> list[np.ndarray]:
    """Outputs in double precision, in which a deep network's own rounding is no part of the difference."""
    values = {graph.inputs[0].name: x}
    for node in graph.topological_order():
        outputs = node.op.reference([values[name] for name in node.inputs], graph.param_arrays(node))
        values.update(zip(node.outputs, outputs, strict=True))
    return [values[name] for name in graph.outputs]


def check_random(graph: Graph, ratio: float, multiple: int, score: str | None, per_layer: bool) -> None:
    try:
        plan = plan_slimming(graph, Rule(ratio, multiple, per_layer), score)
    except UnsupportedOpError:
        return
    assert_slim(graph, plan)


OPTIONS = {
    "graph": networks(),
    "ratio": st.sampled_from([0.2, 0.5, 0.9]),
    "multiple": st.sampled_from([1, 2, 4]),
    "score": st.sampled_from([None, "l1"]),
    "per_layer": st.booleans(),
}


@settings(max_examples=40)
@given(**OPTIONS)
def test_random_networks(graph: Graph, ratio: float, multiple: int, score: str | None, per_layer: bool) -> None:
    check_random(graph, ratio, multiple, score, per_layer)


@pytest.mark.exhaustive
@settings(max_examples=400)
@given(**OPTIONS)
def test_many_random_networks(graph: Graph, ratio: float, multiple: int, score: str | None, per_layer: bool) -> None:
    check_random(graph, ratio, multiple, score, per_layer)


def smallest(family: str) -> Graph:
    """The family's cheapest network at the smallest of some image sizes that it takes, with norms that differ."""
    graph = registry.build(min(FAMILIES[family].variants, key=lambda variant: variant.macs or 0).name)
    for side in (32, 64, 96, 160, 224, 299):
        small = graph.copy()
        small.inputs = [replace(i, nominal=(1, 3, side, side)) for i in graph.inputs]
        try:
            small.verify(allow_nonfinite=True)
        except GraphError:
            continue
        break
    return fill(small)


def fill(graph: Graph) -> Graph:
    """Weights that keep values about as large as they are, and norms whose scales differ."""
    rng = np.random.default_rng(0)
    for node in graph.nodes:
        for role, key in node.params.items():
            shape = graph.weights.shape(key)
            if node.op.name in ("batch_norm", "instance_norm"):
                graph.weights[key] = rng.uniform(0.2, 1.2, shape).astype(np.float32) - (role.endswith(("mean", "bias")))
            elif node.op.name != "constant":
                scale = max(1, int(np.prod(shape[1:]))) ** -0.5
                graph.weights[key] = (scale * rng.standard_normal(shape)).astype(np.float32)
    return graph


IN_THE_WAY = {  # networks that can't be cut, and the nodes that are named
    "igcv1_imagenet": "in the way are nodes 'g1.b1.igc1.conv2' .*, 'g1.b1.igc2.conv2' .* and 25 others",
}


def check_family(family: str) -> None:
    graph = smallest(family)
    before = {key: graph.weights[key].copy() for key in graph.weights}
    if family in IN_THE_WAY:
        with pytest.raises(UnsupportedOpError, match=IN_THE_WAY[family]):
            plan_slimming(graph, Rule(0.5, multiple=8))
    else:
        assert_slim(graph, plan_slimming(graph, Rule(0.5, multiple=8)))
    assert all((graph.weights[key] == array).all() for key, array in before.items()), "the given graph is untouched"


@pytest.mark.parametrize("family", ["mobilenet_v1", "resnet_cifar", "igcv1", "shufflenet_v2"])
def test_some_families(family: str) -> None:
    check_family(family)


@pytest.mark.exhaustive
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family(family: str) -> None:
    check_family(family)


def test_every_operator_has_a_map_or_is_a_barrier() -> None:
    assert not BARRIERS & CHANNEL_MAPS.keys()
    assert sorted(BARRIERS | CHANNEL_MAPS.keys()) == ops.names()


def chain(*scales: list[float], between: str = "relu") -> Graph:
    """Layers with norms of these scales one after the other, and a classifier."""
    b = Builder()
    x = b.input(3, 8)
    for i, scale in enumerate(scales):
        x = b.batch_norm(b.conv2d(x, len(scale), 3, name=f"conv{i}", padding=1), name=f"norm{i}")
        x = b.activation(x, between, name=f"act{i}")
    graph = randomize(b.finish(b.linear(b.flatten(b.adaptive_avg_pool2d(x, name="pool")), 5, name="fc")))
    for i, scale in enumerate(scales):
        graph.weights[f"norm{i}.weight"] = np.array(scale, np.float32)
    return graph


def widths(graph: Graph) -> list[int]:
    """Channels that the convolutions compute."""
    return [len(graph.weights[n.params["weight"]]) for n in graph.nodes if n.op.name == "conv2d"]


def test_the_lowest_scales_go_wherever_they_are() -> None:
    graph = chain([5, -1, 0.3, 4], [-0.2, 3, 0.1, 2])
    slim = passes.slim(graph, 0.375, multiple=1)
    slim.verify()
    assert widths(slim) == [3, 2]
    w = graph.weights
    np.testing.assert_array_equal(slim.weights["norm1.weight"], [3, 2])
    np.testing.assert_array_equal(slim.weights["conv1.weight"], w["conv1.weight"][[1, 3]][:, [0, 1, 3]])
    np.testing.assert_array_equal(slim.weights["fc.weight"], w["fc.weight"][:, [1, 3]])
    assert slim.weights["fc.bias"] is w["fc.bias"]
    assert widths(graph) == [4, 4]


def test_a_share_of_every_layer() -> None:
    graph = chain([9, 8, 7, 6], [4, 3, 2, 1])
    assert widths(passes.slim(graph, 0.5, multiple=1)) == [4, 1], "one channel has to stay"
    assert widths(passes.slim(graph, 0.5, multiple=1, per_layer=True)) == [2, 2]


def test_of_equal_scores_some_of_every_layer_go() -> None:
    assert widths(passes.slim(chain([1] * 4, [1] * 8), 0.5, multiple=1)) == [2, 4]


@pytest.mark.parametrize(
    ("count", "ratio", "multiple", "left"),
    [(40, 0.5, 16, 16), (40, 0.3, 16, 32), (40, 0.95, 16, 16), (40, 0.5, 8, 24), (33, 0.02, 16, 33)],
)
def test_counts_are_multiples_or_all(count: int, ratio: float, multiple: int, left: int) -> None:
    scales = np.linspace(1, 2, count).tolist()
    if left == count:
        with pytest.raises(UnsupportedOpError, match=f"at ratio {ratio:g} no layer .* multiple of {multiple} channels"):
            passes.slim(chain(scales), ratio, multiple=multiple)
    else:
        assert widths(passes.slim(chain(scales), ratio, multiple=multiple)) == [left]


def test_both_sides_of_a_sum_lose_the_same_channels() -> None:
    b = Builder()
    x = b.batch_norm(b.conv2d(b.input(3, 8), 6, 3, name="one"), name="norm1")
    y = b.batch_norm(b.conv2d(b.relu(x, name="relu"), 6, 1, name="two"), name="norm2")
    graph = randomize(b.finish(b.linear(b.flatten(b.add(x, y, name="sum")), 5, name="fc")))
    graph.weights["norm1.weight"] = np.float32([6, 1, 5, 0.5, 4, 3])
    graph.weights["norm2.weight"] = np.float32([0.5, 1, 3, 0.1, 4, 5])
    slim = passes.slim(graph, 0.5, multiple=1)
    for name in ("norm1", "norm2"):
        np.testing.assert_array_equal(slim.weights[f"{name}.weight"], graph.weights[f"{name}.weight"][[2, 4, 5]])
    assert slim.weights["fc.weight"].shape == (5, 3 * 36)


def test_filters_are_compared_where_there_are_no_norms() -> None:
    graph = chain([1] * 4, [1] * 4)
    sizes = np.float32([1, 3, 2, 4]).reshape(-1, 1, 1, 1)
    for key, size in (("conv0.weight", 1), ("conv1.weight", 100)):
        graph.weights[key] = np.sign(graph.weights[key]) * sizes * np.float32(size)
    folded = passes.fold_batch_norm(graph)
    for whole, options in ((graph, {"score": "l1"}), (folded, {"score": "l1"}), (folded, {})):
        slim = passes.slim(whole, 0.5, multiple=1, **options)
        assert widths(slim) == [2, 2]
        key = whole.node("conv0").params["weight"]
        np.testing.assert_array_equal(slim.weights[key], whole.weights[key][[1, 3]])


def test_shared_weights_are_cut_alike() -> None:
    b = Builder()
    x = b.batch_norm(b.conv2d(b.input(3, 8), 8, 1, name="stem"), name="norm")
    for i in range(3):
        x = b.relu(b.conv2d(x, 8, 3, name=f"conv{i}", padding=1, key="shared"), name=f"relu{i}")
    graph = randomize(b.finish(b.linear(b.flatten(x), 5, name="fc")))
    plan = plan_slimming(graph, Rule(0.5, multiple=4))
    assert plan.graph.weights["shared.weight"].shape == (4, 4, 3, 3)
    assert_slim(graph, plan)


def test_halves_of_different_size_and_channels_in_another_order() -> None:
    b = Builder()
    x = b.relu(b.batch_norm(b.conv2d(b.input(3, 8), 8, 1, name="stem"), name="norm"), name="relu")
    left, right = b.split(x, 4, name="split")
    y = b.channel_shuffle(b.concat(left, b.relu(right, name="branch"), name="join"), 2, name="shuffle")
    graph = randomize(b.finish(b.conv2d(y, 5, 1, name="last")))
    graph.weights["norm.weight"] = np.float32([1, 2, 9, 8, 7, 6, 5, 1.5])
    plan = plan_slimming(graph, Rule(0.375, multiple=1))
    assert plan.graph.node("split").op.attrs == {"split_size_or_sections": (2, 3), "dim": 1}
    assert plan.graph.node("shuffle").op.attrs == {"dim": 1, "index": (2, 3, 0, 4, 1)}
    assert_slim(graph, plan)
    graph.weights["norm.weight"] = np.float32([1, 9, 8, 7, 2, 6, 5, 4])
    plan = plan_slimming(graph, Rule(0.25, multiple=1))
    assert plan.graph.node("shuffle").op.attrs == {"groups": 2}, "the same places are left in both halves"
    assert_slim(graph, plan)


def test_groups_lose_as_many_channels_each() -> None:
    b = Builder()
    x = b.relu(b.batch_norm(b.conv2d(b.input(3, 8), 8, 1, name="stem"), name="norm"), name="relu")
    x = b.relu(b.batch_norm(b.conv2d(x, 12, 3, name="groups", groups=2), name="norm2"), name="relu2")
    graph = randomize(b.finish(b.conv2d(x, 5, 1, name="last")))
    graph.weights["norm.weight"] = np.float32([1, 2, 3, 4, 9, 8, 7, 6])
    graph.weights["norm2.weight"] = np.arange(1, 13, dtype=np.float32)
    plan = plan_slimming(graph, Rule(0.5, multiple=1, per_layer=True))
    np.testing.assert_array_equal(plan.graph.weights["norm.weight"], [3, 4, 9, 8])
    assert plan.graph.weights["groups.weight"].shape == (6, 2, 3, 3)
    assert_slim(graph, plan)


@pytest.mark.parametrize("between", ["sigmoid", "hardsigmoid", "softplus"])
def test_what_is_not_zero_where_a_channel_is_stays_before_a_sum(between: str) -> None:
    with pytest.raises(UnsupportedOpError, match=r"in the way are nodes 'conv1' \(conv2d\), 'fc' \(linear\)"):
        passes.slim(chain([1, 2, 3, 4], [1, 2, 3, 4], between=between), 0.5, multiple=1)


def test_nodes_that_are_named_keep_their_channels() -> None:
    graph = chain([1, 2, 3, 4], [5, 6, 7, 8])
    assert widths(passes.slim(graph, 0.5, multiple=1, keep=["norm0"])) == [4, 2]
    with pytest.raises(UnsupportedOpError, match=r"in the way are nodes 'conv0' .*, 'conv1'"):
        passes.slim(graph, 0.5, multiple=1, keep=["conv*"])
    with pytest.raises(InputError, match="no node is called 'conv7'"):
        passes.slim(graph, 0.5, keep=["conv7"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": 0.0}, "ratio: expected a number between 0 and 1, found 0.0"),
        ({"ratio": 1.0}, "ratio: expected"),
        ({"ratio": float("nan")}, "ratio: expected"),
        ({"ratio": 0.5, "multiple": 0}, "multiple: expected at least 1, found 0"),
        ({"ratio": 0.5, "score": "l2"}, "score: expected one of norms, l1, found 'l2'"),
    ],
)
def test_numbers_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        passes.slim(chain([1, 2, 3, 4]), **options)


def test_the_node_in_the_way_is_named() -> None:
    b = Builder()
    x = b.batch_norm(b.conv2d(b.input(3, 8), 8, 1, name="stem"), name="norm")
    x = b.apply("layer_norm", x, name="across", normalized_shape=(8,), dim=1)
    graph = randomize(b.finish(b.conv2d(x, 5, 1, name="last")))
    with pytest.raises(UnsupportedOpError, match=r"no channel can be cut: in the way is node 'across' \(layer_norm\)"):
        passes.slim(graph, 0.5, multiple=1)


def test_quantised_networks_are_refused() -> None:
    b = Builder()
    x = b.apply("quantize_linear", b.conv2d(b.input(3, 8), 8, 1, name="stem"), name="codes", scale=0.1)
    with pytest.raises(GraphError, match="quantised already; slim it before"):
        passes.slim(randomize(b.finish(x)), 0.5)
