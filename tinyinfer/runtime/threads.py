"""Parallel regions and forks: one lock where Numba's threading layer needs it, errors and free locks in children.

Numba's "workqueue" layer aborts the process when two Python threads enter it at once; "omp" and "tbb" do not.
A child forked after a parallel region dies at its first one under "omp", so it gets an error instead.  A child has
one thread alone: a lock that another one held at that moment would never be free in it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import weakref
from contextlib import AbstractContextManager

from tinyinfer.errors import TinyInferError


class Lock:
    """A lock that is free in a forked child, whoever held it in its parent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _locks.add(self)

    def renew(self) -> None:
        """Forget who holds it."""
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


_locks: weakref.WeakSet[Lock] = weakref.WeakSet()
_region = Lock()
_used = False
_forked_after_use = False


def _mark_child() -> None:
    global _forked_after_use
    _forked_after_use = _used or ("numba" in sys.modules and _threading_layer() != "")
    for lock in _locks:
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mark_child)


def guard(threads: int) -> AbstractContextManager[object]:
    """What a run with this many threads has to hold; nothing for one thread.

    Raises TinyInferError in a process forked after a parallel run.
    """
    global _used
    if threads == 1:
        return contextlib.nullcontext()
    if _forked_after_use:
        raise TinyInferError(
            "this process was forked after a run with several threads, which Numba's threads do not survive; "
            "start processes with multiprocessing's 'spawn' method, or use threads=1"
        )
    _used = True
    return contextlib.nullcontext() if _threading_layer() in ("omp", "tbb") else _region


def _threading_layer() -> str:
    """Numba's threading layer; empty before the first parallel region has started, when it is not yet known."""
    import numba

    try:
        return str(numba.threading_layer())
    except (AttributeError, ValueError):  # the former while Numba is being imported
        return ""
