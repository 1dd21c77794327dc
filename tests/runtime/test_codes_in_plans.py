"""Quantised networks in plans: all by kernels, wherever their bytes lie, with the codes of the references."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from quantized_networks import CodeGraph, mobile_network, shuffle_network

from tinyinfer.graph import Graph, TensorType
from tinyinfer.model import Model
from tinyinfer.profiling.compare import compare


def some_input(graph: Graph, shape: tuple[int, ...]) -> np.ndarray:
    rng, dtype = np.random.default_rng(2), graph.inputs[0].dtype
    if dtype == "float32":
        return rng.standard_normal(shape).astype(np.float32)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max + 1, shape).astype(dtype)


def run(graph: Graph, x: np.ndarray, kernels: str | None, threads: int = 1) -> dict[str, np.ndarray]:
    return Model(graph, kernels=kernels, threads=threads).run({"x": x})


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize(("batch", "threads"), [(1, 1), (2, 2)])
def test_codes_that_are_moved_about(dtype: str, batch: int, threads: int) -> None:
    graph = shuffle_network(dtype)
    x = some_input(graph, (batch, *graph.inputs[0].nominal[1:]))
    found, expected = run(graph, x, None, threads), run(graph, x, "reference")
    for name, y in expected.items():
        assert found[name].dtype == y.dtype == dtype
        assert np.abs(found[name].astype(int) - y).max() <= 1  # bilinear mixtures are rounded another way
        assert np.mean(found[name] != y) < 0.01


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize(("size", "threads"), [((1, 3, 17, 18), 1), ((2, 3, 33, 20), 2)])
def test_layers_of_a_mobile_network(dtype: str, size: tuple[int, ...], threads: int) -> None:
    """Of any size; logits are real numbers before they are rounded, and a sum is rounded once."""
    graph = mobile_network(dtype)
    x = some_input(graph, size)
    found, expected = run(graph, x, None, threads), run(graph, x, "reference")
    assert np.abs(found["logits"] - expected["logits"]).max() < 0.25  # the step is 0.1
    assert all(row.passed for row in compare(Model(graph, threads=threads), x).rows)


@pytest.mark.parametrize("network", [mobile_network, shuffle_network])
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_no_reference_is_needed(network: Callable[[str], Graph], dtype: str) -> None:
    steps = Model(network(dtype)).plan().steps
    assert [step.node.name for step in steps if step.kernel == "reference"] == []


def test_pixels_of_codes_do_not_lie_a_kilobyte_apart() -> None:
    """256 floats are a KiB, of codes it takes 1024."""
    for channels, stride in ((256, 256), (512, 512), (1024, 1088)):
        g = CodeGraph(TensorType((1, channels, 4, 4), "uint8"))
        graph = g.finish(g.add("y", "max_pool2d", "x", kernel_size=2, stride=1))
        assert Model(graph).plan().placements["x"].pixel_stride == stride
        x = some_input(graph, (1, channels, 4, 4))
        np.testing.assert_array_equal(run(graph, x, None)["y"], run(graph, x, "reference")["y"])
