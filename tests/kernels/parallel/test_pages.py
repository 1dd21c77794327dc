"""Arrays cut from one memory: each on cache lines of its own, free when the last is gone, and given back then."""

import ctypes
import gc
import itertools
import os
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer.kernels.parallel import pages


def bounds(array: np.ndarray) -> tuple[int, int]:
    return array.ctypes.data, array.ctypes.data + array.nbytes


def disjoint(arrays: list[np.ndarray]) -> bool:
    places = sorted(bounds(a) for a in arrays if a.size)
    return all(end <= start for (_, end), (start, _) in itertools.pairwise(places))


@given(st.lists(st.one_of(st.integers(0, 100), st.integers(pages.CHUNK // 3, pages.CHUNK + 1)), max_size=8))
def test_arrays_are_aligned_and_apart(counts: list[int]) -> None:
    arrays = [pages.aligned_empty(count) for count in counts]
    assert [a.size for a in arrays] == counts
    assert all(a.dtype == np.float32 and a.ctypes.data % (4 * pages.LINE) == 0 for a in arrays if a.size)
    assert disjoint(arrays)


def test_small_arrays_lie_side_by_side() -> None:
    first, second, third = (pages.aligned_empty(count) for count in (3, 2 * pages.LINE, 1))
    assert bounds(second)[0] == bounds(first)[0] + 4 * pages.LINE
    assert bounds(third)[0] == bounds(second)[1]


def test_threads_cut_from_memory_of_their_own() -> None:
    found: list[np.ndarray] = []

    def cut() -> None:
        for _ in range(200):
            found.append(pages.aligned_empty(100))

    threads = [threading.Thread(target=cut) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert disjoint(found)
    assert len({id(a.base) for a in found}) == 4


def test_memory_is_free_when_the_last_array_is_gone() -> None:
    first = pages.aligned_empty(pages.CHUNK)  # leaves less than the next one takes
    second, third = pages.aligned_empty(pages.HUGE + 1), pages.aligned_empty(1)
    assert second.base is third.base is not first.base
    memory = weakref.ref(second.base)
    del second
    gc.collect()
    assert memory() is third.base
    del third
    gc.collect()
    assert memory() is None


def test_own_pages_are_shared_with_nobody() -> None:
    before, own, after = pages.aligned_empty(1), pages.own_pages(5), pages.aligned_empty(1)
    assert own.dtype == np.uint8
    assert own.size == 5
    assert own.ctypes.data % (4 * pages.HUGE) == 0
    assert own.base is not before.base
    assert after.base is before.base


def test_a_copy_is_flat() -> None:
    given_array = np.arange(6, dtype=np.float32).reshape(2, 3).T
    copy = pages.aligned(given_array)
    assert copy.tolist() == [0, 3, 1, 4, 2, 5]
    assert copy.ctypes.data % (4 * pages.LINE) == 0


def resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library can't be told to"
)
def test_freed_memory_is_returned() -> None:
    pages.return_freed()  # what tests before this one have left
    before = resident_mib()
    small = [np.ones(16 * 1024, np.float32) for _ in range(1000)]  # 64 KiB each, all in the heap
    last = np.ones(16 * 1024, np.float32)  # without it the heap would end further down once they are gone
    del small
    kept = resident_mib() - before
    pages.return_freed()
    assert kept > 30
    assert resident_mib() - before < kept / 2
    assert last[0] == 1
