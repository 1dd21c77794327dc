"""Key maps, and the strict fill of a network's weights."""

from __future__ import annotations

import numpy as np
import pytest
from sample_model import small_graph

from tinyinfer.errors import WeightsError
from tinyinfer.formats.state_dict import load_weights, map_keys


def test_rows_apply_in_order() -> None:
    state = {"layer1.0.conv.weight": np.zeros(1), "head.weight": np.ones(2)}
    rules = [(r"^layer(\d)\.", r"features.\1."), (r"conv", "0"), (r"^head\.", "classifier.1.")]
    mapped = map_keys(state, rules)
    assert list(mapped) == ["features.1.0.0.weight", "classifier.1.weight"]
    assert mapped["classifier.1.weight"] is state["head.weight"]


def test_keys_that_become_one_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"turns both 'a.w' and 'b.w' into 'c.w'"):
        map_keys({"a.w": np.zeros(1), "b.w": np.zeros(1)}, [(r"^[ab]", "c")])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_fill(dtype: str) -> None:
    graph, source = small_graph(), small_graph(np.random.default_rng(2)).weights
    state = {key: array.astype(dtype) for key, array in reversed(list(source.items()))}
    load_weights(
        graph, {**state, "bn.num_batches_tracked": np.array(3), "aux.weight": np.zeros(2)}, where="f", ignore=["aux"]
    )
    assert list(graph.weights) == list(source)  # the network's order, not the file's
    for key, array in graph.weights.items():
        assert array.dtype == np.dtype("=f4")
        np.testing.assert_array_equal(array, state[key].astype(np.float32))


def test_float32_is_not_copied() -> None:
    graph, state = small_graph(), dict(small_graph().weights)
    load_weights(graph, state, where="f")
    assert all(np.shares_memory(graph.weights[key], state[key]) for key in state)


def test_everything_wrong_is_listed_and_nothing_changed() -> None:
    graph = small_graph()
    before = dict(graph.weights)
    state = dict(graph.weights)
    del state["conv.weight"], state["bn.bias"]
    state |= {
        "x.weight": np.zeros(1, np.float32),
        "fc.weight": np.zeros((4, 5), np.float32),
        "fc.bias": np.zeros(5, np.int64),
    }
    with pytest.raises(WeightsError) as caught:
        load_weights(graph, state, where="file.pth")
    assert str(caught.value) == (
        "file.pth: the weights do not fit the network: 2 missing: 'conv.weight', 'bn.bias'; 1 unexpected: 'x.weight'; "
        "2 mis-shaped: 'fc.weight' (expected 5x4, found 4x5), 'fc.bias' (expected float32, found int64)"
    )
    assert all(graph.weights[key] is array for key, array in before.items())


def test_long_lists_are_cut_and_counted() -> None:
    state = {**small_graph().weights, **{f"extra.{i}": np.zeros(1, np.float32) for i in range(31)}}
    with pytest.raises(WeightsError, match=r"31 unexpected: 'extra.0', .*'extra.19' and 11 more$") as caught:
        load_weights(small_graph(), state, where="f")
    assert "extra.20" not in str(caught.value)


def test_an_ignored_pattern_does_not_hide_a_key_of_the_network() -> None:
    graph, source = small_graph(), small_graph(np.random.default_rng(3)).weights
    load_weights(graph, source, where="f", ignore=["fc"])
    np.testing.assert_array_equal(graph.weights["fc.weight"], source["fc.weight"])
