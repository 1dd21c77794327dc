"""Parallel regions and their limits: one lock where Numba's threading layer needs it, and no forks.

Numba's "workqueue" layer aborts the process when two Python threads enter it at once; "omp" and "tbb" do not.
A child forked after a parallel region dies at its first one under "omp", so it gets an error instead.
"""

from __future__ import annotations

import contextlib
import os
import threading
from contextlib import AbstractContextManager

from tinyinfer.errors import TinyInferError

_region = threading.Lock()
_used = False
_forked_after_use = False


def _mark_child() -> None:
    global _forked_after_use
    _forked_after_use = _used


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
    except ValueError:
        return ""
