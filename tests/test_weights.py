"""Weights in memory, in their file, and derived; and that a running model does not hold them twice."""

from __future__ import annotations

import gc
import os
import weakref
from pathlib import Path

import numpy as np
import pytest

import tinyinfer as ti
from tinyinfer.errors import ModelFormatError
from tinyinfer.formats import npz
from tinyinfer.graph import Graph
from tinyinfer.passes import fold_batch_norm
from tinyinfer.weights import Derived, Stored, Weights, placeholder


class Reader:
    """Counts how often an array is read."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.reads = array, 0

    def __call__(self) -> np.ndarray:
        self.reads += 1
        return self.array.copy()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "network.npz"
    ti.models.create("mobilenet_v2_cifar", seed=3).save(path)
    return path


def in_memory(graph: Graph) -> int:
    """Bytes of weights that the graph keeps in memory."""
    entries = [graph.weights.entry(key) for key in graph.weights]
    held = [entry._array if isinstance(entry, Stored) else entry for entry in entries]
    return sum(array.nbytes for array in held if isinstance(array, np.ndarray))


def test_a_stored_array_is_read_again_once_released() -> None:
    reader = Reader(np.arange(3, dtype=np.float32))
    weights = Weights({"a": Stored(reader(), reader), "b": np.ones(2, np.float32)})
    first = weights["a"]
    assert weights["a"] is first
    copy = Weights(weights)
    weights.release(weights)
    assert reader.reads == 1
    np.testing.assert_array_equal(copy["a"], first)  # copies share what they hold
    assert reader.reads == 2
    assert weights["b"].sum() == 2  # has no other place, so it stays


def test_shapes_need_no_array() -> None:
    reader = Reader(np.zeros((2, 3), np.float32))
    stored = Stored(reader(), reader)
    weights = Weights({"a": stored, "half": np.zeros(4, np.float16)})
    inputs = weights.select({"x": "a"})
    weights["twice"] = Derived((2, 3), lambda w: 2 * w["x"], inputs)
    weights.release(["twice"])
    assert [weights.shape(key) for key in weights] == [(2, 3), (4,), (2, 3)]
    assert [str(weights.dtype(key)) for key in weights] == ["float32", "float16", "float32"]
    assert weights.shapes_only()["a"].strides == placeholder((2, 3)).strides
    assert reader.reads == 1
    np.testing.assert_array_equal(weights["twice"], 2 * reader.array)
    assert reader.reads == 2


def test_a_model_from_a_file_holds_its_weights_only_as_packed(saved: Path, rng: np.random.Generator) -> None:
    model = ti.load(saved)
    total = sum(array.nbytes for array in model.graph.weights.values())
    assert in_memory(model.graph) == total
    x = rng.standard_normal((1, 3, 32, 32), np.float32)
    y = model(x)
    assert in_memory(model.graph) == 0
    assert not any(isinstance(s.implementation.problem.params.get("weight"), Stored) for s in model.plan().steps[1:-1])
    assert all(
        array.strides == placeholder(array.shape).strides
        for step in model.plan().steps
        if step.implementation is not None
        for array in step.implementation.problem.params.values()
    )
    np.testing.assert_array_equal(ti.load(saved)(x), y)


def test_what_was_let_go_comes_back(saved: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    fresh, used = ti.load(saved), ti.load(saved)
    used(rng.standard_normal((1, 3, 32, 32), np.float32))
    for key, array in fresh.graph.weights.items():
        np.testing.assert_array_equal(used.graph.weights[key], array)
    used.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == saved.read_bytes()
    other = ti.Model(used.graph, used.meta, kernels="conv2d=im2col")
    x = rng.standard_normal((2, 3, 40, 32), np.float32)
    np.testing.assert_allclose(other(x), used(x), rtol=0, atol=1e-4 * used(x).std())


@pytest.mark.skipif(os.name == "nt", reason="an open file can't be removed there")
def test_a_file_that_was_removed_or_replaced_is_still_the_one_that_was_loaded(saved: Path) -> None:
    model = ti.load(saved)
    expected = {key: array.copy() for key, array in model.graph.weights.items()}
    ti.models.create("mobilenet_v2_cifar", seed=4).save(saved)
    saved.unlink()
    model(np.zeros((1, 3, 32, 32), np.float32))
    for key, array in expected.items():
        np.testing.assert_array_equal(model.graph.weights[key], array)


def test_a_file_that_was_written_over_in_place_is_noticed(saved: Path) -> None:
    model = ti.load(saved)
    model(np.zeros((1, 3, 32, 32), np.float32))
    largest = max(model.graph.weights, key=lambda key: model.graph.weights[key].size)
    content = saved.read_bytes()
    saved.write_bytes(bytes(len(content)))
    with pytest.raises(ModelFormatError, match="is damaged"):
        model.graph.weights[largest]


def test_the_file_is_closed_with_the_model(saved: Path) -> None:
    graph, _ = npz.load(saved)
    stored = graph.weights.entry(next(iter(graph.weights)))
    assert isinstance(stored, Stored)
    archive = weakref.ref(stored._read.args[0])  # type: ignore[attr-defined]
    stream = archive()._zip.fp  # type: ignore[union-attr]
    del graph, stored
    gc.collect()
    assert archive() is None
    assert stream.closed


def test_folding_leaves_the_work_for_later() -> None:
    graph = ti.models.create("mobilenet_v2_cifar").graph
    folded = fold_batch_norm(graph)
    derived = [key for key in folded.weights if isinstance(folded.weights.entry(key), Derived)]
    assert len(derived) == 2 * sum(node.op.name == "conv2d" for node in folded.nodes)
    assert all(folded.weights[key].shape == folded.weights.shape(key) for key in derived)
