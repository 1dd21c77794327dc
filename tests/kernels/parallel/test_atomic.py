"""What threads say to each other."""

from __future__ import annotations

import os
import re
import threading

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest
from llvmlite import ir

from tinyinfer.kernels.parallel import atomic
from tinyinfer.kernels.parallel.atomic import add, core, give_way, leave, load, pause, replace, store, ticks


@numba.njit(nogil=True)
def increase(x, times):
    """Count up, once by adding and once by replacing what is there by one more."""
    for _ in range(times):
        add(x.ctypes.data, 1)
        other = x.ctypes.data + 8
        before = load(other)
        while replace(other, before, before + 1) == 0:
            pause()
            before = load(other)


@numba.njit(nogil=True)
def wait_for(x, value):
    """Wait until a number is there; what the next one is by then."""
    while load(x.ctypes.data) != value:
        give_way()
    return x[1]


@numba.njit(nogil=True)
def tell(x, value, other):
    """Write the second number, then the first."""
    x[1] = other
    store(x.ctypes.data, value)
    return replace(x.ctypes.data + 16, 5, 6), replace(x.ctypes.data + 16, 5, 7)


@numba.njit(nogil=True)
def clock():
    """The time before and after a pause."""
    start = ticks()
    pause()
    return start, ticks()


@numba.njit(nogil=True)
def move():
    """The core before and after leaving it."""
    before = core()
    leave(before)
    return before, core()


def test_threads_count_together():
    x = np.zeros(2, np.int64)
    threads = [threading.Thread(target=increase, args=(x, 20_000)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x.tolist() == [80_000, 80_000]


def test_what_was_written_before_is_seen():
    for _ in range(50):
        x = np.array([0, 0, 5])
        found: list[int] = []
        waiting = threading.Thread(target=lambda x=x, found=found: found.append(wait_for(x, 1)))
        waiting.start()
        assert tell(x, 1, 42) == (1, 0)
        waiting.join()
        assert found == [42]
        assert x[2] == 6


def test_the_clock_goes_on():
    start, stop = clock()
    assert 0 < start < stop


def test_the_words_have_instructions_on_arm(monkeypatch):
    monkeypatch.setattr(atomic, "_ARM", True)
    monkeypatch.setattr(atomic, "_X86", False)
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    module, integer = ir.Module(), ir.IntType(64)
    function = ir.Function(module, ir.FunctionType(integer, [integer] * 3), "words")
    builder, (address, old, new) = ir.IRBuilder(function.append_basic_block()), function.args
    for word, values in (
        (ticks, ()), (pause, ()), (load, (address,)), (store, (address, old)), (add, (address, new)),
        (replace, (address, old, new)),
    ):  # fmt: skip
        last = word.emit(builder, *values)
    builder.ret(last)
    target = llvm.Target.from_triple("aarch64-unknown-linux-gnu").create_target_machine()
    code = target.emit_assembly(llvm.parse_assembly(str(module)))
    found = re.findall(r"^\t(mrs|isb|ldar|stlr|ldaxr|stlxr)\b", code, re.MULTILINE)
    assert found[:4] == ["mrs", "isb", "ldar", "stlr"]
    assert sorted(found[4:]) == ["ldaxr", "ldaxr", "stlxr", "stlxr"]
    assert "CNTVCT_EL0" in code


@pytest.mark.skipif(not atomic._CAN_MOVE, reason="threads can't choose their core here")
def test_a_thread_leaves_a_core_if_it_may():
    allowed = os.sched_getaffinity(0)
    for _ in range(20):
        before, after = move()
        assert before - 1 in allowed
        if len(allowed) > 1:
            assert after != before
        assert os.sched_getaffinity(0) == allowed
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert move() == (min(allowed) + 1,) * 2
        assert os.sched_getaffinity(0) == {min(allowed)}
    finally:
        os.sched_setaffinity(0, allowed)
