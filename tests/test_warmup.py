"""Compiling ahead: afterwards no kernel has anything left to compile."""

from __future__ import annotations

import importlib

import pytest

from tinyinfer import kernels
from tinyinfer.warmup import tasks, warm


def kept_functions() -> dict[str, object]:
    """Every function of the kernels' files that Numba compiles at its first call and keeps on disk, by name."""
    from numba.core.caching import NullCache
    from numba.core.dispatcher import Dispatcher

    modules = [importlib.import_module(f"tinyinfer.kernels.{name}") for name in (*kernels._MODULES, "peak")]
    found = {name: value for module in modules for name, value in vars(module).items() if isinstance(value, Dispatcher)}
    return {name: value for name, value in found.items() if not isinstance(value._cache, NullCache)}


@pytest.mark.slow
def test_nothing_is_left_to_compile() -> None:
    todo = tasks(2)
    seen: list[int] = []
    assert warm(todo, lambda done, _: seen.append(done)) > 0
    assert seen == list(range(1, len(todo) + 1))
    functions = kept_functions()
    assert len(functions) > 20
    left = [name for name, function in functions.items() if not function.signatures]  # type: ignore[attr-defined]
    assert left == []
