"""How threads share a list of tasks: all of them go through it, and who would wait for long takes over.

In each task a thread of the team first runs the parts that are its own, by its number.  Then it waits for those of the
others, and takes over what nobody has begun by then, as the thread it belongs to may be asleep.  So a thread that comes
late, or never, costs time and nothing else, whatever the threading layer does.

Two sync flags of each part say how far it is; they count up with the tasks.  In task number n, counted from 0:

    BEGUN     ENDED     the part        a thread that comes to it
    <= n      <= n      waits           swaps BEGUN for n + 1 and runs it; another thread that loses the swap waits
    n + 1     <= n      is running      waits, after a while with its core given away
    n + 1     n + 1     has ended       goes on, and sees all that the part has written
    > n + 1   > n       is in a later   goes on: it is late, and the others did its parts of task n
                        task

Memory orders: flags are read with acquire and written with release, so that a part's results are seen before its ENDED
is; the swap of BEGUN is both, and the only thing for which threads compete.

A parallel loop for each task, which OpenMP offers, takes time to begin and end and cannot go on without a thread that
is late: the first call after a pause would take several times as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from tinyinfer.kernels.codegen.jit import inline, integer_function, jit
from tinyinfer.kernels.codegen.numba_internals import cgutils, config, launch_threads
from tinyinfer.kernels.parallel import argument_struct
from tinyinfer.kernels.parallel.argument_struct import POINTER, RANGE
from tinyinfer.kernels.parallel.atomic import add, core, give_way, leave, load, pause, replace, store, ticks

FUNCTION, STRUCT, PARTS = range(3)  # columns of a list of tasks

# Sync flags, [kind, number, LINE].  Of the whole team, with number 0: whether a task has failed, and how many teams
# were at work before.  Of a part: the last task, counted from 1, in which it was begun, and ended.  Of a thread: the
# core it came on, counted from 1, or 0 while it has not come.
FAILED, OTHERS, BEGUN, ENDED, CORE = range(5)
LINE = 16  # integers, so that each flag is alone on its cache line, and on the one the CPU fetches with it

SHORT, LONG = 16, 1000  # pauses before a part is taken over, and before the core is given away

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_PARALLEL_FOR = ir.FunctionType(ir.VoidType(), [POINTER, *RANGE.args, _I64, _I64, _I32])
_teams = np.zeros(LINE, np.int64)  # how many are at work in this process


@jit
def run_alone(tasks):
    """Run tasks one after the other: at the first that fails RuntimeError is raised."""
    for function, address, parts in tasks:
        if argument_struct.run(function, address, 0, parts) != 0:
            raise RuntimeError("a kernel has failed")


@jit
def run_together(run_parts, address, size, parallel_for, teams, flags):
    """As `run_alone`, by a team; the arguments are from `gather`, and serve one call at a time."""
    flags[:] = 0
    flags[OTHERS, 0, 0] = add(teams, 1)
    _start(parallel_for, run_parts, address, size)
    add(teams, -1)
    if flags[FAILED, 0, 0] != 0:
        raise RuntimeError("a kernel has failed")


def gather(tasks: np.ndarray) -> tuple[tuple[Any, ...], Any]:
    """What `run_together` needs for tasks [function, struct, parts] of several parts, and what is to be kept for it."""
    parallel_for = launch_threads()
    parts = int(tasks[:, PARTS].max())
    size = min(parts, config.NUMBA_NUM_THREADS)
    flags = np.zeros((CORE + 1, parts, LINE), np.int64)
    function, address, kept = argument_struct.fill(_store_thread, (size, tasks, flags))
    return (function, address, size, parallel_for, _teams.ctypes.data, flags), kept


@integer_function
def _start(builder, parallel_for, function, address, size):
    """Have Numba's threading layer run threads 0 to ``size`` - 1 of the team, side by side if it has so many."""
    shared = [cgutils.alloca_once_value(builder, value) for value in (POINTER(None), size, _I64(1))]
    inner_sizes, addresses = _I64(0), _I64(1)
    builder.call(
        builder.inttoptr(parallel_for, _PARALLEL_FOR.as_pointer()),
        [builder.inttoptr(function, POINTER), *shared, builder.inttoptr(address, POINTER),
         inner_sizes, addresses, builder.trunc(size, _I32)],
    )  # fmt: skip


def thread(me, size, tasks, flags):
    """What each thread of a team does."""
    store(_flag(flags, CORE, me), core())
    if flags[OTHERS, 0, 0] == 0:  # else threads of several teams would drive each other from core to core
        _part_company(me, size, flags)
    for number in range(len(tasks)):
        parts = tasks[number, PARTS]
        start = ticks()
        for part in range(me, parts, size):
            _try(part, number, tasks, flags)
        own = ticks() - start
        for other in range(me + 1, me + 1 + parts):
            _await(other % parts, size, number, own, tasks, flags)


_store_thread = argument_struct.storing(inline(thread), {})


@inline
def _part_company(me, size, flags):
    """Leave a core on which another thread has come.

    Linux keeps threads that wait for each other on one core for many milliseconds, though another is idle, where it
    takes idle virtual cores for busy ones.
    """
    here = load(_flag(flags, CORE, me))
    for other in range(size):
        if other != me and load(_flag(flags, CORE, other)) == here:
            leave(here)
            store(_flag(flags, CORE, me), core())
            return


@inline
def _try(part, number, tasks, flags):
    """Run a part of a task, unless another thread has begun it."""
    begun = load(_flag(flags, BEGUN, part))
    if begun <= number and replace(_flag(flags, BEGUN, part), begun, number + 1) != 0:
        function, address = tasks[number, FUNCTION], tasks[number, STRUCT]
        if flags[FAILED, 0, 0] == 0 and argument_struct.run(function, address, part, 1) != 0:
            flags[FAILED, 0, 0] = 1
        store(_flag(flags, ENDED, part), number + 1)


@inline
def _await(part, size, number, own, tasks, flags):
    """Return when a part of a task has ended; run it if nobody else does.

    A thread waits a quarter of the time that its own parts have taken, since to take over a long part from one that is
    merely late would cost more than to wait.
    """
    start, pauses = ticks(), 0
    while load(_flag(flags, ENDED, part)) <= number:
        waited = ticks() - start
        if pauses > SHORT and 4 * waited > own:
            if load(_flag(flags, CORE, part % size)) == 0 and flags[OTHERS, 0, 0] == 0:
                give_way()  # to a thread that has not come yet: it may wait for this core
            _try(part, number, tasks, flags)
        if pauses > LONG and waited > own:
            give_way()  # to the thread that has begun it: it may wait for this core
        pause()
        pauses += 1


@inline
def _flag(flags, kind, number):
    """Address of a flag."""
    return flags[kind, number].ctypes.data
