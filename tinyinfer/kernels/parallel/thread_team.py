"""How threads share a list of tasks: all of them go through it, and who would wait for long takes over.

In each task a member of the team first runs the parts that are its own, by its number.  Then it waits for those of the
others, and takes over what nobody has begun by then, as the member it belongs to may be asleep.  So a member that comes
late, or never, costs time and nothing else, whatever the threading layer does.

A parallel loop for each task, which OpenMP offers, takes 1.0 us to begin and end and cannot go on without a thread that
is late: after a pause of 20 ms MobileNet V2 took 16 ms with two threads, instead of 3.3 here and 2.4 without a pause.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from tinyinfer.kernels.codegen.jit import inline, integer_function, jit
from tinyinfer.kernels.codegen.numba_internals import cgutils, config, launch_threads
from tinyinfer.kernels.parallel import argument_struct as frame
from tinyinfer.kernels.parallel.argument_struct import POINTER, RANGE
from tinyinfer.kernels.parallel.atomic import add, core, give_way, leave, load, pause, replace, store, ticks

FUNCTION, FRAME, PARTS = range(3)  # columns of a list of tasks

# What members tell each other, in notes [kind, number, LINE].  Of the whole team, with number 0: whether a task has
# failed, and how many teams were at work before.  Of a part: the last task, counted from 1, in which it was begun, and
# ended.  Of a member: the core it came on, counted from 1.
FAILED, OTHERS, BEGUN, ENDED, CORE = range(5)
LINE = 16  # integers, so that each note is alone on its cache line, and on the one the CPU fetches with it

SHORT, LONG = 16, 1000  # pauses before a part is taken over, and before the core is given away

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_PARALLEL_FOR = ir.FunctionType(ir.VoidType(), [POINTER, *RANGE.args, _I64, _I64, _I32])
_teams = np.zeros(LINE, np.int64)  # how many are at work in this process


@jit
def run_alone(tasks):
    """Run tasks one after the other: at the first that fails RuntimeError is raised."""
    for function, address, parts in tasks:
        if frame.run(function, address, 0, parts) != 0:
            raise RuntimeError("a kernel has failed")


@jit
def run_together(member, address, size, parallel_for, teams, notes):
    """As `run_alone`, by a team; the arguments are from `gather`, and serve one call at a time."""
    notes[:] = 0
    notes[OTHERS, 0, 0] = add(teams, 1)
    _start(parallel_for, member, address, size)
    add(teams, -1)
    if notes[FAILED, 0, 0] != 0:
        raise RuntimeError("a kernel has failed")


def gather(tasks: np.ndarray) -> tuple[tuple[Any, ...], Any]:
    """What `run_together` needs for tasks [function, frame, parts] of several parts, and what has to be kept for it."""
    parallel_for = launch_threads()
    parts = int(tasks[:, PARTS].max())
    size = min(parts, config.NUMBA_NUM_THREADS)
    notes = np.zeros((CORE + 1, parts, LINE), np.int64)
    function, address, kept = frame.fill(_store_member, (size, tasks, notes))
    return (function, address, size, parallel_for, _teams.ctypes.data, notes), kept


@integer_function
def _start(builder, parallel_for, function, address, size):
    """Have Numba's threading layer run the members 0 to ``size`` - 1, each in a thread of its own if there is one."""
    shared = [cgutils.alloca_once_value(builder, value) for value in (POINTER(None), size, _I64(1))]
    inner_sizes, addresses = _I64(0), _I64(1)
    builder.call(
        builder.inttoptr(parallel_for, _PARALLEL_FOR.as_pointer()),
        [builder.inttoptr(function, POINTER), *shared, builder.inttoptr(address, POINTER),
         inner_sizes, addresses, builder.trunc(size, _I32)],
    )  # fmt: skip


def member(me, size, tasks, notes):
    """What each thread of a team does."""
    store(_note(notes, CORE, me), core())
    if notes[OTHERS, 0, 0] == 0:  # else members of several teams would drive each other from core to core
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
    """Leave a core on which another member has come.

    Linux keeps threads that wait for each other on one core for 20 ms, though another is idle, where it takes idle
    virtual cores for busy ones: 15 ms instead of 1.6 for SqueezeNet.
    """
    here = load(_note(notes, CORE, me))
    for other in range(size):
        if other != me and load(_note(notes, CORE, other)) == here:
            leave(here)
            store(_note(notes, CORE, me), core())
            return


@inline
def _try(part, number, tasks, notes):
    """Run a part of a task, unless another member has begun it."""
    begun = load(_note(notes, BEGUN, part))
    if begun <= number and replace(_note(notes, BEGUN, part), begun, number + 1) != 0:
        if notes[FAILED, 0, 0] == 0 and frame.run(tasks[number, FUNCTION], tasks[number, FRAME], part, 1) != 0:
            notes[FAILED, 0, 0] = 1
        store(_note(notes, ENDED, part), number + 1)


@inline
def _await(part, size, number, own, tasks, notes):
    """Return when a part of a task has ended; run it if nobody else does.

    A member waits a quarter of the time that its own parts have taken, since to take over a long part from one that is
    merely late would cost more than to wait.
    """
    start, pauses = ticks(), 0
    while load(_note(notes, ENDED, part)) <= number:
        waited = ticks() - start
        if pauses > SHORT and 4 * waited > own:
            if load(_note(notes, CORE, part % size)) == 0 and notes[OTHERS, 0, 0] == 0:
                give_way()  # to a member that has not come yet: it may wait for this core
            _try(part, number, tasks, notes)
        if pauses > LONG and waited > own:
            give_way()  # to the member that has begun it: it may wait for this core
        pause()
        pauses += 1


@inline
def _note(notes, kind, number):
    """Address of a note."""
    return notes[kind, number].ctypes.data
