"""Layers as products of thinner ones: what is lost is what was left out, and what was asked for is reached."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_model import through_a_file
from small_networks import randomize, residual_network, textbook

import tinyinfer as ti
from tinyinfer import passes
from tinyinfer.builder import Builder
from tinyinfer.errors import GraphError, InputError
from tinyinfer.graph import Graph
from tinyinfer.models import registry
from tinyinfer.passes.portable.low_rank.factorizations import Factorization, Ranks, factorizations
from tinyinfer.passes.portable.low_rank.forms import Form, network_macs
from tinyinfer.passes.portable.low_rank.rewrite import decompose

SMALLEST = {
    family.name: min(family.variants, key=lambda variant: (variant.macs or 0, variant.params or 0)).name
    for family in registry.families().values()
}

sizes = st.integers(1, 5)
windows = st.tuples(st.integers(1, 4), st.integers(1, 4))
steps = st.tuples(st.integers(1, 3), st.integers(1, 3))
paddings = st.one_of(st.tuples(*[st.integers(0, 3)] * 4), st.sampled_from(["same", "same_lower"]))


@st.composite
def layers(draw: st.DrawFn) -> Graph:
    """A convolution called "layer" or a linear one, and "again", the same once more with that as its residual."""
    b, attrs = Builder(), {"activation": draw(st.sampled_from([None, "relu", "hardswish"]))}
    m, c = draw(sizes), draw(sizes)
    if draw(st.integers(0, 3)):
        x = b.relu(b.input(c, (11, 13)), name="x")
        window, mode = draw(windows), draw(st.sampled_from(["zeros", "zeros", "reflect"]))
        attrs |= {"stride": draw(steps), "dilation": draw(st.tuples(*[st.integers(1, 2)] * 2)), "padding_mode": mode}
        attrs |= {"padding": draw(paddings)}
        op, params = "conv2d", {"weight": (m, c, *window)}
    else:
        x = b.relu(b.input(4, (5, c)), name="x")
        x = b.flatten(x, name="rows") if draw(st.booleans()) else x
        op, params = "linear", {"weight": (m, b.shape(x)[-1])}
    if draw(st.booleans()):
        params["bias"] = (m,)
    y = b.apply(op, x, name="layer", params=params, **attrs)
    return randomize(b.finish(b.apply(op, x, y, name="again", params=params, **attrs)))


def weight_of(found: Factorization, ranks: Ranks) -> np.ndarray:
    """The weight that the parts stand for, in float64."""
    parts = [array.astype(np.float64) for array in found.weights(ranks)]
    if found.weight.ndim == 2:
        return parts[1] @ parts[0]
    if found.name == "tucker":
        return np.einsum("rcij,qrkl,mqij->mckl", *parts, optimize=True)
    if found.name == "spatial":
        return np.einsum("rcki,mrjl->mckl", *parts, optimize=True)
    return np.einsum("rckl,mrij->mckl", *parts, optimize=True)


def all_factorizations(seed: int = 0) -> list[Factorization]:
    rng = np.random.default_rng(seed)
    shapes = ((12, 7), (5, 9), (8, 6, 1, 1), (9, 4, 3, 5), (3, 10, 4, 2), (6, 5, 1, 3))
    found = []
    for shape in shapes:
        op = ti.ops.create("linear" if len(shape) == 2 else "conv2d", {})
        found += factorizations(op, rng.standard_normal(shape, np.float32))
    return found


@settings(max_examples=40)
@given(graph=layers())
def test_full_ranks_are_the_same_layer(graph: Graph) -> None:
    x = np.random.default_rng(1).standard_normal(graph.inputs[0].nominal).astype(np.float32)
    expected = textbook(graph, x)
    kinds = [
        factorizations(node.op, graph.weights[node.params["weight"]])
        for node in (graph.node("layer"), graph.node("again"))
    ]
    for pair in zip(*kinds, strict=True):
        forms = [Form(one, one.full, one.error(one.full), 0) for one in pair]
        made = decompose(graph, dict(zip(("layer", "again"), forms, strict=True)))
        made.verify()
        assert len(made.nodes) == len(graph.nodes) + 2 * len(forms[0].parts) - 2
        np.testing.assert_allclose(textbook(made, x), expected, atol=1e-5 * max(1, float(np.abs(expected).max())))
        assert forms[0].error < 1e-12


@pytest.mark.parametrize("found", all_factorizations(), ids=lambda found: f"{found.name}-{found.weight.shape}")
def test_errors_are_what_is_left_out(found: Factorization) -> None:
    energy, last = float(np.square(found.weight.astype(np.float64)).sum()), 1.0
    for ranks in found.ranks(1):
        lost = float(np.square(found.weight - weight_of(found, ranks)).sum()) / energy
        assert found.error(ranks) == pytest.approx(lost, abs=1e-6)
        assert found.error(ranks) <= last + 1e-9
        assert [array.shape for array in found.weights(ranks)] == [part.shape for part in found.parts(ranks)]
        last = found.error(ranks)
    assert last < 1e-12


@pytest.mark.parametrize("found", all_factorizations(), ids=lambda found: f"{found.name}-{found.weight.shape}")
def test_errors_are_the_discarded_singular_values(found: Factorization) -> None:
    m, c = found.weight.shape[:2]
    outputs = found.weight.reshape(m, -1)
    inputs = found.weight.swapaxes(0, 1).reshape(c, -1)
    if found.name == "spatial":  # a row for each output and column of the window
        outputs = np.concatenate([found.weight[..., j].reshape(m, -1) for j in range(found.weight.shape[3])])
    for ranks in found.ranks(1):
        if found.name == "tucker":  # at most what both sides leave out
            assert found.error(ranks) <= discarded(inputs, ranks[0]) + discarded(outputs, ranks[1]) + 1e-9
        else:
            assert found.error(ranks) == pytest.approx(discarded(outputs, ranks[0]), abs=1e-6)


def discarded(matrix: np.ndarray, rank: int) -> float:
    squares = np.square(np.linalg.svd(matrix.astype(np.float64), compute_uv=False))
    return float(squares[rank:].sum() / squares.sum())


def test_factors_have_weights_of_a_size() -> None:
    for found in all_factorizations():
        if found.name != "tucker":
            first, second = found.weights(found.full)
            columns = second.swapaxes(0, 1)
            energies = [np.square(array).reshape(len(first), -1).sum(axis=1) for array in (first, columns)]
            np.testing.assert_allclose(*energies, rtol=1e-3)


def narrow(rank: int = 2) -> Graph:
    """Two layers of 16 channels whose weights are of this rank, and a depthwise one between them."""
    b = Builder()
    x = b.relu(b.conv2d(b.input(16, 9), 16, 3, name="first", padding=1), name="relu")
    x = b.conv2d(x, 16, 3, name="depthwise", padding=1, groups=16)
    graph = randomize(b.finish(b.activation(b.conv2d(x, 16, 1, name="last"), "relu6", name="end")))
    rng = np.random.default_rng(0)
    for key in ("first.weight", "last.weight"):
        shape = graph.weights.shape(key)
        low = rng.standard_normal((16, rank)) @ rng.standard_normal((rank, int(np.prod(shape[1:]))))
        graph.weights[key] = (low / 10).reshape(shape).astype(np.float32)
    return graph


def test_layers_that_are_of_low_rank_are_found_at_no_loss() -> None:
    graph = narrow()
    made = passes.low_rank(graph, energy=1, multiple=1)
    assert made.weights.shape("last.reduce.weight") == (2, 16, 1, 1)
    assert [n.name for n in made.nodes if n.op.name == "conv2d"] == [
        "first.reduce", "first", "depthwise", "last.reduce", "last",
    ]  # fmt: skip
    assert network_macs(made) < network_macs(graph) / 2
    x = np.random.default_rng(1).standard_normal((2, 16, 9, 9)).astype(np.float32)
    np.testing.assert_allclose(textbook(made, x), textbook(graph, x), atol=1e-4)


def test_ranks_are_multiples() -> None:
    for multiple in (1, 3, 16):
        made = passes.low_rank(narrow(), energy=0.9, multiple=multiple)
        ranks = [made.weights.shape(key)[0] for key in made.weights if "reduce" in key]
        assert all(rank % multiple == 0 for rank in ranks)
        assert bool(ranks) == (multiple < 16)  # 16 of 16 would be no less


def test_norms_are_folded_and_the_last_layer_has_the_rest() -> None:
    graph = residual_network(16)
    made = passes.low_rank(graph, energy=0.3, multiple=2)
    assert "batch_norm" not in {node.op.name for node in made.nodes}
    assert {"stem", "one", "left", "right", "fc"} <= {node.name for node in made.nodes}
    for node in made.nodes:
        if node.name.endswith((".reduce", ".upright", ".core")):
            assert set(node.params) == {"weight"}
    assert set(made.node("one").params) == {"weight", "bias"}
    assert "batch_norm" in {node.op.name for node in graph.nodes}, "the given graph is untouched"


@pytest.mark.parametrize("share", [0.9, 0.6, 0.35])
def test_a_budget_is_met(share: float) -> None:
    graph = passes.simplify(residual_network(16))
    made = passes.low_rank(graph, mult_adds=share, multiple=1)
    made.verify()
    assert 0.8 * share < network_macs(made) / network_macs(graph) <= share


def test_less_is_cut_first_where_it_costs_less() -> None:
    """With a large budget only the layer is cut that loses nothing."""
    graph = narrow()
    rng = np.random.default_rng(3)
    graph.weights["first.weight"] = rng.standard_normal((16, 16, 3, 3), np.float32)
    made = passes.low_rank(graph, mult_adds=0.97, multiple=1)
    assert {n.name for n in made.nodes if n.name.endswith("reduce")} == {"last.reduce"}


def test_nodes_can_be_kept() -> None:
    graph = residual_network(16)
    made = passes.low_rank(graph, energy=0.3, multiple=2, keep=["stem", "f*"])
    assert {"stem", "fc"} & {name.partition(".")[0] for n in made.nodes if "." in (name := n.name)} == set()
    assert "left.reduce" in {n.name for n in made.nodes} or "left.upright" in {n.name for n in made.nodes}
    with pytest.raises(InputError, match="no node is called 'nothing'"):
        passes.low_rank(graph, energy=0.5, keep=["nothing"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected energy or mult_adds, one of the two"),
        ({"energy": 0.5, "mult_adds": 0.5}, "expected energy or mult_adds, one of the two"),
        ({"energy": 0}, "energy: expected a share above 0 and at most 1, found 0"),
        ({"energy": 1.01}, r"energy: expected a share above 0 and at most 1, found 1\.01"),
        ({"energy": float("nan")}, "energy: expected a share above 0 and at most 1, found nan"),
        ({"mult_adds": 1}, "mult-adds: expected a share above 0 and below 1, found 1"),
        ({"mult_adds": -0.5}, "mult-adds: expected a share above 0 and below 1"),
        ({"mult_adds": 0.01}, r"mult-adds: 0\.01 can't be reached, all cuts together leave 1\.000"),
        ({"energy": 0.5, "multiple": 0}, "multiple: expected at least 1, found 0"),
    ],
)
def test_what_cannot_be_asked_for(options: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        passes.low_rank(residual_network(), **options)


def test_a_network_without_layers_to_cut() -> None:
    b = Builder()
    graph = randomize(b.finish(b.conv2d(b.input(4, 9), 8, 3, name="grouped", groups=2)))
    with pytest.raises(GraphError, match="expected a linear layer or a convolution of one group, found none"):
        passes.low_rank(graph, energy=0.5)


def test_weights_of_zeros() -> None:
    graph = narrow()
    for key in graph.weights:
        graph.weights[key] = np.zeros_like(graph.weights[key])
    made = passes.low_rank(graph, energy=0.9, multiple=1)
    assert all(np.isfinite(made.weights[key]).all() for key in made.weights)
    assert made.weights.shape("last.reduce.weight")[0] == 1


def test_names_that_are_taken() -> None:
    b = Builder()
    x = b.relu(b.input(16, 5), name="layer.reduce")
    graph = randomize(b.finish(b.conv2d(x, 16, 1, name="layer")))
    made = passes.low_rank(graph, energy=0.2, multiple=1)
    made.verify()
    assert [node.name for node in made.nodes] == ["layer.reduce", "layer.reduce'", "layer"]


@settings(max_examples=15)
@given(data=st.data())
def test_random_networks_run_in_any_form(data: st.DataObject) -> None:
    b = Builder()
    x = b.input(data.draw(st.integers(1, 4)), 12)
    for i in range(data.draw(st.integers(1, 4))):
        c, kernel = data.draw(st.integers(2, 12)), data.draw(st.sampled_from([1, 3, (1, 3), (5, 2)]))
        y = b.conv2d(x, c, kernel, name=f"conv{i}", padding="same", stride=data.draw(st.sampled_from([1, 2])))
        y = b.batch_norm(y, name=f"norm{i}") if data.draw(st.booleans()) else y
        y = b.add(y, b.conv2d(y, c, 3, name=f"side{i}", padding=1), name=f"sum{i}") if data.draw(st.booleans()) else y
        x = b.relu(y, name=f"relu{i}")
    x = b.linear(b.flatten(b.adaptive_avg_pool2d(x, name="pool"), name="flat"), 7, name="fc")
    graph = randomize(b.finish(x))
    made = passes.low_rank(graph, energy=data.draw(st.sampled_from([0.3, 0.8, 0.99])), multiple=1)
    made.verify()
    assert network_macs(made) <= network_macs(passes.simplify(graph))
    image = np.random.default_rng(0).standard_normal(graph.inputs[0].nominal).astype(np.float32)
    y = textbook(made, image)
    assert y.shape == textbook(graph, image).shape
    np.testing.assert_array_equal(textbook(through_a_file(made), image), y)


def test_made_networks_are_exported(tmp_path) -> None:
    made = passes.low_rank(residual_network(16), energy=0.5, multiple=2)
    ti.export_onnx(ti.Model(made), tmp_path / "net.onnx")
    x = np.random.default_rng(0).standard_normal((1, 3, 16, 16)).astype(np.float32)
    np.testing.assert_allclose(textbook(ti.load(tmp_path / "net.onnx").graph, x), textbook(made, x), atol=1e-4)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", SMALLEST.values())
def test_every_family_runs(name: str) -> None:
    graph = passes.simplify(ti.models.create(name).graph)
    made = passes.low_rank(graph, energy=0.4, multiple=4)
    made.verify()
    assert network_macs(made) < network_macs(graph)
    inputs = {i.name: np.zeros(i.nominal, np.float32) for i in made.inputs}
    assert all(np.isfinite(y).all() for y in ti.Model(made).run(inputs).values())
