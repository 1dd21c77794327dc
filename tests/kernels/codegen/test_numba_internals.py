"""What Numba does not document: used in one file alone, and reported missing with the versions that have it."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import pytest
from numba.core import ccallback, dispatcher

import tinyinfer
from tinyinfer.errors import SetupError
from tinyinfer.kernels.codegen import numba_internals

PACKAGE = Path(tinyinfer.__file__).parent
ALLOWED = {"numba_internals.py", "threads.py"}  # the latter asks for the threading layer


def imported(source: str) -> set[str]:
    """The modules that a source imports, or imports from."""
    nodes = list(ast.walk(ast.parse(source)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}


def test_no_other_file_imports_numba() -> None:
    users = {
        path.name
        for path in PACKAGE.rglob("*.py")
        for module in imported(path.read_text(encoding="utf-8"))
        if module.partition(".")[0] == "numba"
    }
    assert users == ALLOWED


def reloaded() -> ModuleType:
    """The file, run again."""
    module = importlib.util.module_from_spec(numba_internals.__spec__)  # type: ignore[arg-type]
    numba_internals.__spec__.loader.exec_module(module)  # type: ignore[union-attr]
    return module


@pytest.mark.parametrize(("owner", "name", "reported"), [
    ("numba.core.cgutils", "alloca_once", "numba.core.cgutils.alloca_once"),
    ("numba.core.ccallback", "CFunc", "numba.core.ccallback.CFunc"),
    ("numba.np.ufunc.parallel", "_launch_threads", "numba.np.ufunc.parallel._launch_threads"),
    ("numba.core.serialize", "dumps", "numba.core.serialize.dumps"),
])  # fmt: skip
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, owner: str, name: str, reported: str) -> None:
    monkeypatch.delattr(importlib.import_module(owner), name)
    with pytest.raises(SetupError) as caught:
        reloaded()
    message = str(caught.value)
    assert message.startswith(f"{reported} is not in Numba {numba.__version__}")
    assert numba_internals.FIRST in message
    assert numba_internals.LAST in message
    assert caught.value.exit_code == 5


def test_a_dispatcher_that_keeps_its_cache_elsewhere_is_reported() -> None:
    with pytest.raises(SetupError, match=r"object\._cache is not in Numba"):
        numba_internals._with_cache(object(), None)


def test_the_bounds_of_the_project_are_the_versions_known_to_work(repository: Path) -> None:
    project: Any = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (bounds,) = [each for each in project["dependencies"] if each.startswith("numba")]
    least, below = re.fullmatch(r"numba>=([\d.]+),<([\d.]+)", bounds).groups()  # type: ignore[union-attr]
    assert numba_internals.FIRST.startswith(least)
    newest, limit = (tuple(map(int, version.split(".")[:2])) for version in (numba_internals.LAST, below))
    assert limit == (newest[0], newest[1] + 1)


def test_numba_s_own_names_stay_as_they_are() -> None:
    before = dispatcher.FunctionCache, ccallback.FunctionCache, numba.config.CACHE_DIR
    importlib.import_module("tinyinfer.kernels.matmul.gemm")
    reloaded()
    assert before == (dispatcher.FunctionCache, ccallback.FunctionCache, numba.config.CACHE_DIR)
    assert dispatcher.FunctionCache.__module__ == "numba.core.caching"
