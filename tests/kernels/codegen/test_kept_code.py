"""Machine code from disk: found again, never another's, and no run fails for what happens to the files."""

from __future__ import annotations

import ast
import collections
import hashlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import pytest
from python_process import printed

import tinyinfer
from tinyinfer.kernels.codegen import cpu, kept_code
from tinyinfer.kernels.codegen.jit import inline, jit, load, shared

CHECK = """
import sys
import numpy as np
from kernel_harness import Example, check, make_problem
from tinyinfer import kernels, ops

rng = np.random.default_rng(0)
for size in map(int, sys.argv[1:]):
    weight = rng.standard_normal((40, 1, size, size)).astype(np.float32)
    for stride in (1, 2):
        op = ops.create("conv2d", {"stride": stride, "padding": size // 2, "groups": 40})
        problem = make_problem(op, [(1, 40, 19, 17)], {"weight": weight}, threads=1)
        check(kernels.find("conv2d", "depthwise"), problem, Example.of(problem, rng))
print("ok")
"""


@pytest.mark.slow
def test_sisters_of_one_factory_that_were_compiled_apart(tmp_path: Path) -> None:
    for sizes in ("3",), ("5",), ("3", "5"), ("5", "3"):
        assert printed(CHECK, *sizes, TINYINFER_CACHE_DIR=str(tmp_path)) == "ok\n"


ORDERS = """
import sys
import numpy as np
from kernel_harness import Example, check, make_problem
from tinyinfer import kernels, ops

for operator in sys.argv[1:]:
    kernels.list(operator)
rng = np.random.default_rng(0)
weight = rng.standard_normal((40, 4, 3, 3)).astype(np.float32)
for stride in (1, 2):
    op = ops.create("conv2d", {"stride": stride, "padding": 1, "groups": 10})
    problem = make_problem(op, [(1, 40, 9, 7)], {"weight": weight}, threads=1)
    check(kernels.find("conv2d", "narrow_groups"), problem, Example.of(problem, rng))
problem = make_problem(ops.create("shift", {}), [(1, 40, 9, 7)], {}, threads=1)
for name in ("strips", "gather"):
    check(kernels.find("shift", name), problem, Example.of(problem, rng))
print("ok")
"""


@pytest.mark.slow
def test_files_that_share_a_factory_may_come_in_any_order(tmp_path: Path) -> None:
    for operators in (("conv2d", "shift"), ("shift", "conv2d")):
        assert printed(ORDERS, *operators, TINYINFER_CACHE_DIR=str(tmp_path)) == "ok\n"


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


def test_two_shared_functions_of_one_name_are_refused() -> None:
    def make() -> object:
        @shared(x="address")
        def twice(x):  # type: ignore[no-untyped-def]
            pass

        return twice

    load(make())
    with pytest.raises(ValueError, match=r"test_kept_code.*make\.<locals>\.twice: expected one shared function"):
        make()


# Threads bring kernels in while another one makes functions for Numba's own cache
TOGETHER = """
import sys, threading
sys.path.insert(0, sys.argv[1])
import foreign
from tinyinfer import kernels
from tinyinfer.kernels.parallel.task import Task

operators = ["linear", "max_pool2d", "relu", "add", "interleave", "concat", "channel_shuffle", "layer_norm", "shift",
             "interpolate", "max_unpool2d", "pixel_shuffle", "local_response_norm", "instance_norm"]
begin, end, made = threading.Barrier(len(operators) + 1), threading.Event(), []

def look(operator):
    begin.wait()
    kernels.list(operator)

def make():
    begin.wait()
    while not end.is_set() or len(made) < 20:
        made.append(foreign.make(len(made)))

threads = [threading.Thread(target=look, args=(operator,)) for operator in operators]
other = threading.Thread(target=make)
for thread in (*threads, other):
    thread.start()
for thread in threads:
    thread.join()
end.set()
other.join()
made[0](1)
tasks = {id(v): v for m in list(sys.modules.values()) for v in vars(m).values() if isinstance(v, Task)}
print(*{str(task.store.stats.cache_path) for task in tasks.values()})
print(*{str(function.stats.cache_path) for function in made})
"""
FOREIGN = """
import numba

def make(number):
    @numba.njit(cache=True)
    def function(x):
        return x + number
    return function
"""


def test_threads_that_look_kernels_up_first_beside_another_library_s_cache(tmp_path: Path) -> None:
    (tmp_path / "foreign.py").write_text(FOREIGN)
    ours = tmp_path / "ours"
    for _ in range(2):  # cold, then warm
        lines = printed(TOGETHER, tmp_path, TINYINFER_CACHE_DIR=str(ours)).splitlines()
        assert all(path.startswith(str(ours)) for path in lines[0].split())
        assert lines[1].split() == [str(tmp_path / "__pycache__")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of this test's own for compiled functions."""
    kept_code._warn.cache_clear()
    monkeypatch.setattr(kept_code, "cache_folder", lambda: tmp_path / "kernels" / "key")
    return tmp_path / "kernels" / "key"


def plus_one(x):  # type: ignore[no-untyped-def]
    """What is compiled here."""
    return x + 1


def misses(function: Callable[..., Any] = plus_one, argument: object = 1) -> int:
    """How often a new dispatcher of the function had to compile."""
    dispatcher: Any = jit(function)
    assert dispatcher(argument) == function(argument)
    return sum(dispatcher.stats.cache_misses.values())


def test_a_function_is_compiled_once_for_each_type(folder: Path) -> None:
    assert [misses(), misses(), misses(argument=1.5), misses(argument=1.5), misses()] == [1, 0, 1, 0, 0]
    assert len(list(folder.iterdir())) == 2


def test_what_a_function_closes_over_is_part_of_it(folder: Path) -> None:
    def make(number: int) -> Callable[[int], int]:
        return lambda x: x + number

    assert [misses(make(number)) for number in (1, 10, 1, 10)] == [1, 1, 0, 0]


def test_the_fields_of_named_tuples_are_part_of_a_type(folder: Path) -> None:
    def difference(pair: Any) -> Any:
        return pair.a - pair.b

    one, other = collections.namedtuple("Pair", "a b"), collections.namedtuple("Pair", "b a")
    assert [misses(difference, pair(5, 3)) for pair in (one, other, one, other)] == [1, 1, 0, 0]
    nested = [(one(5, 3), 1), (other(5, 3), 1)]
    assert [misses(lambda x: x[0].a + x[1], pair) for pair in nested] == [1, 1]


def damaged(content: bytes) -> dict[str, bytes]:
    """What may become of a file."""
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
    other = b"another program's"
    return {
        "emptied": b"", "cut": content[:middle], "cut at the start": content[:40], "garbage": os.urandom(len(content)),
        "one bit": flipped, "longer": content + b"\0", "not ours": hashlib.sha256(other).digest() + other,
    }  # fmt: skip


@pytest.mark.parametrize("damage", damaged(b"0123456789"))
def test_a_damaged_file_is_compiled_anew_and_replaced(folder: Path, damage: str) -> None:
    misses()
    (path,) = folder.iterdir()
    content = path.read_bytes()
    path.write_bytes(damaged(content)[damage])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert [misses(), misses()] == [1, 0]
    hints = [str(warning.message) for warning in caught]
    assert all(f"delete the folder {folder}" in hint for hint in hints)
    assert len(hints) == (damage == "not ours")  # the checksum tells all else


def test_what_can_t_be_replaced_costs_time_and_a_hint(folder: Path) -> None:
    misses()
    (path,) = folder.iterdir()
    path.unlink()
    path.mkdir()
    with pytest.warns(UserWarning, match=f"can't be kept .*{folder.parent} may be deleted"):
        assert misses() == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # once is enough
        assert misses() == 1


def test_the_folder_may_be_a_file(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "kernels").write_text("")
    with pytest.warns(UserWarning, match="can't be kept"):
        assert misses() == 1


def test_without_a_home_nothing_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(kept_code, "cache_folder", homeless)
    with pytest.warns(UserWarning, match="home directory.*TINYINFER_CACHE_DIR"):
        assert misses() == 1


def test_code_without_a_source_file_is_not_kept(folder: Path) -> None:
    names: dict[str, Any] = {}
    exec("def nowhere(x):\n    return x + 1", names)
    assert [misses(names["nowhere"]), misses(names["nowhere"])] == [1, 1]


SMALL = """
import errno, os, sys
from pathlib import Path
import numpy as np

folder, limit = Path(os.environ["TINYINFER_CACHE_DIR"]), sys.argv[1]

def read_only(event, arguments):
    writing = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if (writing or event in ("os.mkdir", "os.rename", "os.remove")) and str(folder) in str(arguments[0]):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(arguments[0]))

if limit == "read-only":
    sys.addaudithook(read_only)
elif limit == "full":
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
from tinyinfer.kernels.parallel.task import task

source = Path(sys.argv[2])
exec(compile(source.read_text(), source, "exec"))
x = np.zeros(1)
add_one.bind(1, x)()
print(x, sum(add_one.store.stats.cache_misses.values()))
"""
TASK = """
@task
def add_one(part, parts, x):
    x[part] += 1
"""


@pytest.mark.skipif(os.name == "nt", reason="limits of Unix")
def test_disks_that_are_read_only_or_full(tmp_path: Path) -> None:
    """A warm folder is read though nothing can be written; a cold one costs time and no more."""
    source = tmp_path / "small.py"
    source.write_text(TASK)
    warm, cold, full = tmp_path / "warm", tmp_path / "cold", tmp_path / "full"
    for limit, folder, expected in (
        ("full", full, 1), ("read-only", cold, 1), ("none", warm, 1), ("read-only", warm, 0),
    ):  # fmt: skip
        assert printed(SMALL, limit, source, TINYINFER_CACHE_DIR=str(folder)) == f"[1.] {expected}\n"
    assert not cold.exists()
    assert [path for path in full.rglob("*") if path.is_file()] == []


def test_the_key_knows_every_source_by_content_and_place(tmp_path: Path) -> None:
    keys = []

    def note() -> None:
        keys.append(kept_code.key_of(tmp_path))

    note()
    for name in (
        "kernels/a.py",
        "kernels/conv/b.py",
        "kernels/conv/deep/c.py",
        "ops/activation/activation_functions.py",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("X = 1")
        note()
        path.write_text("X = 2")
        note()
    (tmp_path / "kernels/conv/b.py").rename(tmp_path / "kernels/b.py")
    note()
    assert len(set(keys)) == len(keys)
    (tmp_path / "kernels/notes.txt").write_text("")
    (tmp_path / "ops/other.py").write_text("")
    note()
    assert keys[-1] == keys[-2]


def test_constants_from_outside_are_among_the_sources() -> None:
    root = Path(tinyinfer.__file__).parent
    known = {source.relative_to(root) for pattern in kept_code.COMPILED for source in root.glob(pattern)}
    for source in (root / "kernels").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and any(alias.name.isupper() for alias in node.names):
                module = str(node.module).split(".")
                if module[0] == "tinyinfer":
                    assert Path(*module[1:]).with_suffix(".py") in known, f"{source}: {node.module}"


@pytest.mark.parametrize(("setting", "value"), [
    ("BOUNDSCHECK", 1), ("OPT", 1), ("DEBUGINFO_DEFAULT", 1), ("LOOP_VECTORIZE", 0), ("SLP_VECTORIZE", 1),
    ("ENABLE_AVX", 0), ("LLVM_REFPRUNE_FLAGS", ""), ("DISABLE_INTEL_SVML", 1),
])  # fmt: skip
def test_numba_s_settings_that_change_code_are_part_of_the_key(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: object
) -> None:
    if getattr(numba.config, setting) == value:  # the tests themselves run so
        monkeypatch.setattr(numba.config, setting, None)
    before = cpu.signature()
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 1)
    assert cpu.signature() == before
    monkeypatch.setattr(numba.config, setting, value)
    assert cpu.signature() != before
