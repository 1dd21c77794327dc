"""A model's copies: pickled, copied, sent to other processes; and that what it lets go is free at once."""

from __future__ import annotations

import concurrent.futures
import copy
import gc
import multiprocessing
import pickle
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sample_model import META, small_graph
from small_networks import residual_network

import tinyinfer as ti
from tinyinfer.model import MAX_PLANS, Model
from tinyinfer.passes import simplify
from tinyinfer.runtime.executor import execute
from tinyinfer.runtime.pool import PERIOD, Pool
from tinyinfer.runtime.workspace import Workspace

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


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("kernels", [None, "reference"])
@pytest.mark.parametrize("threads", [1, 2])
def test_memory_of_plans_is_free_as_they_are_let_go(kernels: str | None, threads: int) -> None:
    model = Model(residual_network(), threads=threads, kernels=kernels)
    arenas, plans = [], []
    for size in range(8, 12 + MAX_PLANS):
        x = np.ones((1, 3, size, size), np.float32)
        plan = model.plan({"input": x.shape})
        execute(plan, {"input": x})
        arenas.append(weakref.ref(plan.workspaces.free[0].arena.memory.base))
        plans.append(weakref.ref(plan))
    del plan
    alive = [False] * 4 + [True] * MAX_PLANS
    assert [plan() is not None for plan in plans] == alive
    assert [arena() is not None for arena in arenas] == alive
    whole = weakref.ref(model)
    del model
    assert whole() is None
    assert not any(arena() is not None for arena in arenas)


@pytest.mark.usefixtures("no_collector")
def test_a_run_that_fails_leaves_nothing_behind() -> None:
    model = Model(residual_network(), threads=1)

    def hook(step: Any, call: Callable[[], None], view: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.run({"input": X}, hook=hook)
    assert len(model.plan({"input": X.shape}).workspaces.free) == 1


def test_a_burst_of_calls_leaves_no_arenas_behind() -> None:
    model = Model(residual_network(), threads=1)
    model(X)
    plan, together = model.plan({"input": X.shape}), threading.Barrier(8)

    def hook(step: Any, call: Callable[[], None], view: Any) -> None:
        if step.node.op.name == "output":
            together.wait()  # all eight calls are under way
        call()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: model.run({"input": X}, hook=hook), range(8)))
    assert len(plan.workspaces.free) == 8
    for _ in range(2 * PERIOD):
        model(X)
    assert len(plan.workspaces.free) == 1


def test_a_pool_keeps_what_is_in_use_at_once() -> None:
    pool = Pool()
    made = 0
    for _ in range(10 * PERIOD):
        taken = []
        for _ in range(5):
            workspace = pool.take()
            made += workspace is None
            taken.append(workspace or object())
        for workspace in taken:
            pool.give_back(workspace)
    assert made == 5
    assert len(pool.free) == 5


def test_a_workspace_is_reused() -> None:
    model = Model(residual_network(), threads=1)
    model(X)
    workspace = model.plan({"input": X.shape}).workspaces.free[0]
    assert isinstance(workspace, Workspace)
    model(X)
    assert model.plan({"input": X.shape}).workspaces.free == [workspace]
