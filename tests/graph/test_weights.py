"""Weights in memory, in their file, and derived; and that a running model does not hold them twice."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinyinfer as ti
from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.npz import extent
from tinyinfer.formats.npz import model_file as npz
from tinyinfer.formats.regular_file import open_regular
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


def stored_in(path: Path, half: bool = False, compressed: bool = False) -> None:
    """A model file as `save` writes it, or packed as other tools would."""
    ti.models.create("mobilenet_v2_cifar", seed=3).save(path, half=half)
    if compressed:
        with zipfile.ZipFile(path) as archive:
            content = {info.filename: archive.read(info) for info in archive.infolist()}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in content.items():
                archive.writestr(name, data)


@pytest.mark.parametrize(("half", "compressed"), [(False, False), (True, False), (False, True), (True, True)])
def test_every_weight_comes_back_from_where_it_lies(tmp_path: Path, half: bool, compressed: bool) -> None:
    path = tmp_path / "model.npz"
    stored_in(path, half, compressed)
    graph, _ = npz.load(path)
    expected = {key: array.copy() for key, array in graph.weights.items()}
    graph.weights.release(graph.weights)
    assert in_memory(graph) == 0
    for key, array in expected.items():
        np.testing.assert_array_equal(graph.weights[key], array)


def test_nothing_stays_open(saved: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened = []

    def watched(*args: Any, **kwargs: Any) -> Any:
        opened.append(open(*args, **kwargs))  # noqa: SIM115 - who asked for it closes it
        return opened[-1]

    def watched_regular(path: Any) -> Any:
        opened.append(open_regular(path))
        return opened[-1]

    monkeypatch.setattr(npz, "open_regular", watched_regular)
    monkeypatch.setattr(extent, "open", watched, raising=False)
    monkeypatch.chdir(saved.parent)
    graph, _ = npz.load(saved.name)
    assert len(opened) == 1
    graph.weights.release(graph.weights)
    monkeypatch.chdir(tmp_path.parent)  # a relative path stays that of when it was loaded
    for array in graph.weights.values():
        assert np.isfinite(array).all()
    assert len(opened) == 1 + len(graph.weights)
    assert all(file.closed for file in opened)


def released(path: Path) -> tuple[Graph, dict[str, np.ndarray]]:
    """The network of a file with no weight in memory, and its weights."""
    graph, _ = npz.load(path)
    expected = {key: array.copy() for key, array in graph.weights.items()}
    graph.weights.release(graph.weights)
    return graph, expected


def test_a_file_that_was_replaced_by_the_same_serves(saved: Path) -> None:
    graph, expected = released(saved)
    content = saved.read_bytes()
    saved.unlink()
    saved.write_bytes(content)
    for key, array in expected.items():
        np.testing.assert_array_equal(graph.weights[key], array)


@pytest.mark.parametrize("other", ["zeros", "shorter", "empty", "another model", "removed", "folder"])
def test_a_file_that_is_no_longer_what_was_loaded_is_noticed(saved: Path, other: str) -> None:
    graph, _ = released(saved)
    size = saved.stat().st_size
    saved.unlink()
    if other == "folder":
        saved.mkdir()
    elif other == "another model":
        ti.models.create("mobilenet_v2_cifar", seed=4).save(saved)
    elif other != "removed":
        saved.write_bytes(bytes({"zeros": size, "shorter": size // 2, "empty": 0}[other]))
    key = max(graph.weights, key=lambda key: np.prod(graph.weights.shape(key)))
    with pytest.raises(ModelFormatError, match=re.escape(f"{saved}: weight {key!r} can't be read again: ")):
        graph.weights[key]


def test_a_model_can_be_saved_over_its_own_file(saved: Path) -> None:
    content = saved.read_bytes()
    model = ti.load(saved)
    model(np.zeros((1, 3, 32, 32), np.float32))
    model.save(saved)
    assert saved.read_bytes() == content


def test_arrays_are_the_same_if_they_are_made_alike_of_the_same() -> None:
    a, b = np.ones(2, np.float32), np.ones(2, np.float32)

    def made(array: np.ndarray, *arguments: float) -> Derived:
        return Derived((2,), np.add, Weights({"x": array}), arguments)

    same = Weights({"w": made(a, 1.0)}).identity
    assert same == Weights({"w": made(a, 1.0)}).identity
    others = [made(b, 1.0), made(a, 2.0), Derived((2,), np.subtract, Weights({"x": a}), (1.0,)), a, b]
    assert len({same, *(Weights({"w": other}).identity for other in others)}) == 1 + len(others)
    assert same != Weights({"v": made(a, 1.0)}).identity


def test_folding_leaves_the_work_for_later() -> None:
    graph = ti.models.create("mobilenet_v2_cifar").graph
    folded = fold_batch_norm(graph)
    derived = [key for key in folded.weights if isinstance(folded.weights.entry(key), Derived)]
    assert len(derived) == 2 * sum(node.op.name == "conv2d" for node in folded.nodes)
    assert all(folded.weights[key].shape == folded.weights.shape(key) for key in derived)
