"""The part of a network that some of its values need."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import residual_network

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.model import Model
from tinyinfer.passes.portable.extract import extract, matching_values


def test_a_part_computes_what_the_whole_does(rng: np.random.Generator) -> None:
    whole = Model(residual_network(), kernels="reference")
    x = rng.standard_normal((1, 3, 16, 16), np.float32)
    values = whole.run({"input": x}, capture=["one", "left"])
    part = whole.part(["left", "one"])
    assert part.graph.outputs == matching_values(whole.graph, ["left", "one"])
    assert len(part.graph.nodes) < len(whole.graph.nodes)
    assert set(part.graph.weights) < set(whole.graph.weights)
    for name, found in part.run({"input": x}).items():
        np.testing.assert_array_equal(found, values[name])
    assert whole.graph.outputs == residual_network().outputs  # what was given is left as it was


def test_inputs_that_nothing_needs_are_left_out() -> None:
    b = Builder()
    first, second = b.input(3, 4, name="first"), b.input(3, 4, name="second")
    one = b.activation(first, "relu", name="one")
    graph = b.finish([one, b.add(one, second, name="both")])
    assert [i.name for i in extract(graph, matching_values(graph, ["one"])).inputs] == ["first"]
    assert [i.name for i in extract(graph, matching_values(graph, ["both"])).inputs] == ["first", "second"]


def test_a_name_is_not_taken_for_a_pattern() -> None:
    """Other exporters' names have brackets and stars, which are no patterns where such a value stands."""
    b = Builder()
    x = b.activation(b.input(3, 4), "relu", name="a[1]")
    graph = b.finish(b.activation(x, "relu", name="a1"))
    (found,) = matching_values(graph, ["a[1]"])
    assert graph.producers()[found].name == "a[1]"
    assert len(matching_values(graph, ["a*"])) == 2
    with pytest.raises(InputError, match="outputs: no node is called 'b'"):
        matching_values(graph, ["b"])
    with pytest.raises(InputError, match="no node computes 'input'"):
        extract(graph, ["input"])
