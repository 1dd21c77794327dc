"""Kernels as tasks: compiled once for any number of threads, and started by a call without arguments.

A task is a function of the number of a part, the number of parts, and what it works on.  To bind it is to store these
arguments in a struct, and to start it is to call machine code that reads them there: some instructions, whatever a
kernel takes.  Numba's ``prange`` would compile every kernel twice more, and look at all arguments at every start.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from tinyinfer.kernels.base import Bound
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.structs import Kind
from tinyinfer.kernels.parallel import argument_struct, thread_team


class Task:
    """A kernel's function ``(part, parts, *args)``, each part of which writes outputs of its own."""

    def __init__(self, function: Callable[..., None], kinds: Mapping[str, Kind]) -> None:
        self._body, self._kinds = inline(function), kinds
        self.__doc__ = function.__doc__

    @functools.cached_property
    def store(self) -> Any:
        """What writes the arguments; made for the few tasks that a process binds."""
        return argument_struct.storing(self._body, self._kinds)

    def bind(self, parts: int, *args: Any) -> Bound:
        """The call that runs all parts at once, for one thread at a time.

        It raises RuntimeError where a part raises anything, as machine code does with NUMBA_BOUNDSCHECK=1.
        """
        function, address, kept = argument_struct.fill(self.store, (parts, *args))
        return _Starts.of(np.array([[function, address, parts]]), kept)


def task(function: Callable[..., None]) -> Task:
    """Make a kernel's function a task; its structs are those that its annotations name."""
    return Task(function, {})


def task_of(**kinds: Kind) -> Callable[[Callable[..., None]], Task]:
    """The same in a factory of tasks for several structs: each keyword names an argument and its struct."""
    return partial(Task, kinds=kinds)


def in_turn(calls: Sequence[Bound]) -> Bound:
    """One call for several, each of which begins when all parts of the one before have ended.

    Tasks that follow one another are started by one call of machine code, which small networks gain by most.
    """
    merged: list[Bound] = []
    for tasks, group in itertools.groupby(calls, lambda call: isinstance(call, _Starts)):
        some: list[Any] = list(group)
        merged += [_Starts.of(np.concatenate([call.tasks for call in some]), some)] if tasks else some

    def run() -> None:
        for call in merged:
            call()

    return merged[0] if len(merged) == 1 else run


class _Starts(partial[None]):
    """The call that runs tasks: [function, argument struct, parts] of each."""

    tasks: np.ndarray
    kept: Any  # structs and arguments: tasks have only their addresses

    @classmethod
    def of(cls, tasks: np.ndarray, kept: Any) -> _Starts:
        if (tasks[:, thread_team.PARTS] == 1).all():
            starts = cls(thread_team.run_alone, tasks)
        else:
            args, more = thread_team.gather(tasks)
            starts, kept = cls(thread_team.run_together, *args), (kept, more)
        starts.tasks, starts.kept = tasks, kept
        return starts
