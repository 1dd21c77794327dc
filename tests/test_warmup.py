"""Compiling ahead: afterwards no kernel has anything left to compile."""

from __future__ import annotations

import importlib

import pytest

from tinyinfer import kernels
from tinyinfer.kernels.codegen import amx
from tinyinfer.kernels.parallel.task import Task
from tinyinfer.warmup import preparations, warm

OTHERS = ("bare.peak", "movement.borders")  # files with tasks that are no kernels
OF_TILES = {"conv2d", "tile_products", "code_tile_products"}  # what is compiled where there are any


def tasks() -> dict[str, Task]:
    """Every task of the kernels' files, by name."""
    modules = [importlib.import_module(f"tinyinfer.kernels.{name}") for name in (*kernels._MODULES, *OTHERS)]
    named = [(name, value) for module in modules for name, value in vars(module).items()]
    families = [(f"{name}[{key}]", v) for name, value in named if isinstance(value, dict) for key, v in value.items()]
    return {name: value for name, value in named + families if isinstance(value, Task)}


@pytest.mark.exhaustive
def test_nothing_is_left_to_compile() -> None:
    todo = preparations(2)
    seen: list[int] = []
    assert warm(todo, lambda done, _: seen.append(done)) > 0
    assert seen == list(range(1, len(todo) + 1))
    assert len(tasks()) > 20
    left = {name for name, task in tasks().items() if not task.store.signatures}
    assert left == (set() if amx.available() else OF_TILES)
