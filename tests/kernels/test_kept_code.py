"""Machine code from disk: what two processes compiled works together in a third."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from tinyinfer.kernels.jit import inline

CHECK = """
import sys
from kernel_harness import check_all
from tinyinfer import ops

for size in map(int, sys.argv[1:]):
    for stride in (1, 2):
        op = ops.create("conv2d", {"stride": stride, "padding": size // 2, "groups": 40})
        assert check_all(op, [(1, 40, 19, 17)], {"weight": (40, 1, size, size)}, threads=1)
print("ok")
"""


@pytest.mark.slow
def test_sisters_of_one_factory_that_were_compiled_apart(tmp_path: Path) -> None:
    folders = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]
    environment = {**os.environ, "TINYINFER_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(folders)}
    for sizes in ("3",), ("5",), ("3", "5"), ("5", "3"):
        command = [sys.executable, "-c", CHECK, *sizes]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "ok\n"), f"{sizes}: {done.stderr[-2000:]}"


ORDERS = """
import importlib, sys
for file in sys.argv[1:]:
    importlib.import_module(f"tinyinfer.kernels.{file}")
from kernel_harness import check_all
from tinyinfer import ops

for stride in (1, 2):
    op = ops.create("conv2d", {"stride": stride, "padding": 1, "groups": 10})
    assert check_all(op, [(1, 40, 9, 7)], {"weight": (40, 4, 3, 3)}, threads=1)
assert check_all(ops.create("shift", {}), [(1, 40, 9, 7)], {}, threads=1)
print("ok")
"""


@pytest.mark.slow
def test_files_that_share_a_factory_may_come_in_any_order(tmp_path: Path) -> None:
    folders = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]
    environment = {**os.environ, "TINYINFER_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(folders)}
    for files in (("narrow_groups", "shift"), ("shift", "narrow_groups")):
        command = [sys.executable, "-c", ORDERS, *files]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "ok\n"), f"{files}: {done.stderr[-2000:]}"


def test_helpers_that_a_factory_makes_have_names_of_their_own() -> None:
    def make(number: int) -> object:
        @inline
        def helper(x):  # type: ignore[no-untyped-def]
            return x + number

        return helper

    names = [make(number).py_func.__qualname__ for number in range(3)]  # type: ignore[attr-defined]
    assert len(set(names)) == 3


def test_a_helper_cannot_be_called_from_python() -> None:
    """There is no machine code that could take Python's arguments."""

    @inline
    def helper(x):  # type: ignore[no-untyped-def]
        return x + 1

    @numba.njit
    def caller(x):  # type: ignore[no-untyped-def]
        return helper(x) * 2

    assert caller(3) == 8
    with pytest.raises(TypeError, match="compiled into its callers"):
        helper(3)
