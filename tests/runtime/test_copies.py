"""A model's copies: pickled, copied, sent to other processes."""

from __future__ import annotations

import concurrent.futures
import copy
import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sample_model import META, small_graph
from small_networks import residual_network

import tinyinfer as ti
from tinyinfer.model import Model
from tinyinfer.passes import simplify

X = np.random.default_rng(0).standard_normal((1, 3, 16, 16)).astype(np.float32)


def in_memory(path: Path) -> Model:
    return Model(residual_network(), {"name": "some", "labels": ["a"]}, threads=1, kernels="conv2d=direct")


def simplified(path: Path) -> Model:
    return Model(simplify(residual_network()), threads=1)


def from_a_file(path: Path) -> Model:
    in_memory(path).save(path)
    return ti.load(path, threads=1)


def for_numpy(path: Path) -> Model:
    return Model(residual_network(), kernels="reference")


@pytest.mark.parametrize("make", [in_memory, simplified, from_a_file, for_numpy])
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize("used", [False, True])
def test_a_copy_computes_the_same(
    make: Callable[[Path], Model], again: Callable[[Model], Model], used: bool, tmp_path: Path
) -> None:
    model = make(tmp_path / "model.npz")
    y = model(X)
    model = model if used else make(tmp_path / "model.npz")
    other = again(model)
    if again is not copy.copy:  # which shares the weights, wherever they are
        (tmp_path / "model.npz").unlink(missing_ok=True)
    assert other is not model
    assert (other.meta, other.options, other.inputs) == (model.meta, model.options, model.inputs)
    np.testing.assert_array_equal(other(X), y)
    assert other(np.ones((2, 3, 40, 24), np.float32)).shape == (2, 5)


def test_a_deep_copy_has_weights_of_its_own() -> None:
    model = Model(residual_network(), threads=1)
    other = copy.deepcopy(model)
    for array in other.graph.weights.values():
        array[...] = 0
    assert other(X).any() != model(X).any()


def test_all_cores_are_those_where_it_is_unpickled(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pickle.dumps(Model(residual_network()))
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(7)), raising=False)
    assert pickle.loads(data).options.threads == 7


def test_a_spawned_pool_predicts(tmp_path: Path) -> None:
    Model(small_graph(), META).save(tmp_path / "small.npz")
    model = ti.load(tmp_path / "small.npz", threads=1, kernels="reference")  # else the time goes into importing Numba
    images = [np.random.default_rng(i).integers(0, 256, (8, 8, 3), dtype=np.uint8) for i in range(3)]
    expected = [model.predict(image) for image in images]
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(model.predict, images)) == expected
