"""Memory of runs: free at once when a plan is let go, and no more of it kept than is in use at once."""

from __future__ import annotations

import concurrent.futures
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from small_networks import residual_network

from tinyinfer.model import MAX_PLANS, Model
from tinyinfer.runtime.execution_context import ExecutionContext
from tinyinfer.runtime.executor import execute
from tinyinfer.runtime.pool import PERIOD, Pool

X = np.random.default_rng(0).standard_normal((1, 3, 16, 16)).astype(np.float32)


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
    sizes = range(8, 12 + MAX_PLANS)
    another = Model(residual_network(), threads=threads, kernels=kernels)
    for size in sizes:  # compiles what is not kept yet, and Numba holds on to the frames in which it compiled
        another(np.ones((1, 3, size, size), np.float32))
    model = Model(residual_network(), threads=threads, kernels=kernels)
    arenas, plans = [], []
    for size in sizes:
        x = np.ones((1, 3, size, size), np.float32)
        plan = model.plan({"input": x.shape})
        execute(plan, {"input": x})
        arenas.append(weakref.ref(plan.contexts.free[0].arena.memory.base))
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
    assert len(model.plan({"input": X.shape}).contexts.free) == 1


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
    assert len(plan.contexts.free) == 8
    for _ in range(2 * PERIOD):
        model(X)
    assert len(plan.contexts.free) == 1


def test_a_pool_keeps_what_is_in_use_at_once() -> None:
    pool = Pool()
    made = 0
    for _ in range(10 * PERIOD):
        taken = []
        for _ in range(5):
            context = pool.take()
            made += context is None
            taken.append(context or object())
        for context in taken:
            pool.give_back(context)
    assert made == 5
    assert len(pool.free) == 5


def test_a_workspace_is_reused() -> None:
    model = Model(residual_network(), threads=1)
    model(X)
    context = model.plan({"input": X.shape}).contexts.free[0]
    assert isinstance(context, ExecutionContext)
    model(X)
    assert model.plan({"input": X.shape}).contexts.free == [context]
