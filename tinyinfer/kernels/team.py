"""How threads share a list of tasks: all go through it, and who would wait for long takes over.

In each task a thread first does the parts that are its own by its number.  It then waits for the others', and takes a
part over that nobody has begun by then: the thread it belongs to may be asleep, or may have woken on the very core of
the one that waits.  So a thread that never comes costs time and nothing else, whatever the threading layer.

A parallel loop for each task would take 1.0 us to begin and end, and where two threads had woken on one core, as they
do on virtual machines, they made way for each other only at the end of their patience: 20 ms instead of 1.6 for
SqueezeNet.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.np.ufunc import parallel

from tinyinfer.kernels import frame
from tinyinfer.kernels.atomic import core, give_way, leave, load, pause, replace, store, ticks
from tinyinfer.kernels.frame import POINTER, RANGE, WORD
from tinyinfer.kernels.jit import inline, integer_function, jit

FUNCTION, FRAME, PARTS = range(3)  # columns of a list of tasks
# rows of what a team's members tell each other: whether a task failed; then for each part the number of the task,
# counted from 1, that it was last begun in, that it was last ended in, and the core of the member of that number
FAILED, BEGUN, ENDED, CORE = range(4)
ROWS = 3  # a part
ROW = 16  # integers, so that each row is alone on its cache lines
SHORT, LONG = 16, 1000  # pauses before a part is taken over, and before the core is given away

_PARALLEL_FOR = ir.FunctionType(ir.VoidType(), [POINTER, *RANGE.args, ir.IntType(64), ir.IntType(64), ir.IntType(32)])


def prepare(tasks: np.ndarray) -> tuple[tuple[Any, ...], Any]:
    """What `run` needs for a list of tasks [function, frame, parts], some of several parts; and what has to be kept."""
    parts = int(tasks[:, PARTS].max())
    size = min(parts, numba.config.NUMBA_NUM_THREADS)
    notes = np.zeros((1 + ROWS * parts, ROW), np.int64)
    function, address, kept = frame.fill(_store_member, (size, tasks, notes))
    parallel._launch_threads()  # does nothing where it has been called before
    return (function, address, size, llvm.address_of_symbol("numba_parallel_for"), notes), kept


@jit
def run_alone(tasks):
    """Run tasks one after the other; the first that fails is the last, and RuntimeError is raised."""
    for function, address, parts in tasks:
        if frame.run(function, address, 0, parts) != 0:
            raise RuntimeError("a kernel has failed")


@jit
def run_together(member, address, size, parallel_for, notes):
    """Run tasks with a team; as `run_alone`."""
    notes[:] = 0
    _start(parallel_for, member, address, size)
    if notes[FAILED, 0] != 0:
        raise RuntimeError("a kernel has failed")


@integer_function
def _start(builder, parallel_for, function, address, size):
    """Have Numba's threading layer run the member of each number below ``size``."""
    i64 = ir.IntType(64)
    shared = [cgutils.alloca_once_value(builder, value) for value in (POINTER(None), size, i64(1))]
    inner_sizes, addresses = i64(0), i64(1)
    builder.call(
        builder.inttoptr(parallel_for, _PARALLEL_FOR.as_pointer()),
        [builder.inttoptr(function, POINTER), *shared, builder.inttoptr(address, POINTER), inner_sizes, addresses,
         builder.trunc(size, ir.IntType(32))],
    )  # fmt: skip


def member(me, size, tasks, notes):
    """What each thread of a team does."""
    _part_company(me, size, notes)
    for number in range(len(tasks)):
        parts = tasks[number, PARTS]
        start = ticks()
        for part in range(me, parts, size):
            _try(part, number, tasks, notes)
        own = ticks() - start
        for other in range(me + 1, me + 1 + parts):
            _await(other % parts, size, number, own, tasks, notes)


_store_member = frame.storing(member)


@inline
def _part_company(me, size, notes):
    """Leave a core on which another member has come: on virtual machines Linux wakes threads there though one is idle."""
    here = core()
    store(_word(notes, CORE, me), here)
    for other in range(size):
        if other != me and load(_word(notes, CORE, other)) == here:
            leave(here)
            store(_word(notes, CORE, me), core())


@inline
def _try(part, number, tasks, notes):
    """Run a part of a task, unless another thread has begun it."""
    last = _word(notes, BEGUN, part)
    before = load(last)
    if before <= number and replace(last, before, number + 1) != 0:
        if notes[FAILED, 0] == 0 and frame.run(tasks[number, FUNCTION], tasks[number, FRAME], part, 1) != 0:
            notes[FAILED, 0] = 1
        store(_word(notes, ENDED, part), number + 1)


@inline
def _await(part, size, number, own, tasks, notes):
    """Come back when a part has ended; run it if nobody else does.

    A thread waits a quarter of the time that its own part has taken: to take over a long part from one that is merely
    late would cost more than to wait for it.
    """
    ended = _word(notes, ENDED, part)
    start, pauses = ticks(), 0
    while load(ended) <= number:
        waited = ticks() - start
        if pauses > SHORT and 4 * waited > own:
            if load(_word(notes, CORE, part % size)) == 0:
                give_way()  # to a member that has not yet come: it may wait for this core
            _try(part, number, tasks, notes)
        if pauses > LONG and waited > own:
            give_way()  # to the one that has begun it: it may wait for this core
        pause()
        pauses += 1


@inline
def _word(notes, row, part):
    """Address of what is noted about a part or a member."""
    return notes.ctypes.data + (row + ROWS * part) * (ROW * 8)
