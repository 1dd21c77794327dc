"""Roofs of caches: their sizes, which of them a step runs into, with numbers made up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tinyinfer.models import create
from tinyinfer.profiling import caches
from tinyinfer.profiling.caches import Cache, listed_sizes, measure_caches, staircase
from tinyinfer.profiling.reuse import Traffic, scaled, traffic, working_set
from tinyinfer.profiling.roofline import Peak

K, M = 1024, 1024**2
CACHES = (Cache("L1", 32 * K, 400.0), Cache("L2", M, 100.0), Cache("L3", 16 * M, 40.0))
PEAK = Peak(gflops=200, gbytes=10, caches=CACHES)


@pytest.fixture
def sysfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four CPUs, two a core, with caches as Linux lists them."""
    monkeypatch.setattr(caches, "_cpus", lambda: [0, 1, 2, 3])
    for cpu in range(4):
        core = "0,2" if cpu % 2 == 0 else "1,3"
        levels = [(1, "Data", "48K", core), (1, "Instruction", "32K", core), (2, "Unified", "2048K", core)]
        for index, (level, kind, size, sharing) in enumerate([*levels, (3, "Unified", "32M", "0-3")]):
            folder = tmp_path / f"cpu{cpu}" / "cache" / f"index{index}"
            folder.mkdir(parents=True)
            for name, text in (("level", level), ("type", kind), ("size", size), ("shared_cpu_list", sharing)):
                (folder / name).write_text(f"{text}\n")
    return tmp_path


def test_sizes_as_listed(sysfs: Path) -> None:
    assert listed_sizes(1, sysfs) == [("L1", 48 * K), ("L2", 2 * M), ("L3", 32 * M)]
    both = [("L1", 96 * K), ("L2", 4 * M), ("L3", 32 * M)]
    assert listed_sizes(2, sysfs) == listed_sizes(4, sysfs) == both
    assert listed_sizes(1, sysfs / "nothing") == []


def speeds(*levels: tuple[int, float]) -> Callable[[int], float]:
    return lambda size: next(speed for limit, speed in levels if size <= limit)


def test_sizes_from_a_staircase() -> None:
    rate = speeds((32 * K, 400e9), (64 * K, 200e9), (M, 100e9), (8 * M, 40e9), (10**12, 10e9))
    rates = [(2**i, rate(2**i)) for i in range(14, 27)]
    assert staircase(rates) == [("L1", 32 * K), ("L2", 64 * K), ("L3", M), ("L4", 8 * M)]
    assert staircase([(size, 10e9) for size, _ in rates]) == []


def test_levels_no_faster_than_what_is_behind_them_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "listed_sizes", lambda threads: [("L1", 32 * K), ("L2", M), ("L3", 300 * M)])
    rate = speeds((32 * K, 400e9), (M, 100e9), (10**12, 10e9))
    assert measure_caches(1, rate, 10e9) == (Cache("L1", 32 * K, 400.0), Cache("L2", M, 100.0))


@pytest.mark.parametrize(
    ("parts", "bound"),
    [
        ([Traffic(10**7, 10 * K)], "L1"),
        ([Traffic(10**7, 32 * K)], "L1"),
        ([Traffic(10**7, 33 * K)], "L2"),
        ([Traffic(10**7, 2 * M)], "L3"),
        ([Traffic(10**7, 17 * M)], "memory"),
        ([Traffic(10**7, 10 * K), Traffic(10**6, 17 * M)], "memory"),  # 25 us in L1, 100 in memory
        ([Traffic(10**7, 10 * K), Traffic(10**4, 17 * M)], "L1"),
        ([], "overhead"),
        (None, "memory"),
    ],
)
def test_the_roof_is_where_most_time_goes(parts: list[Traffic] | None, bound: str) -> None:
    assert PEAK.bound(0, 10**7, 3e-5, parts=parts) == bound


def test_arithmetic_is_held_against_the_cache_and_not_memory() -> None:
    assert PEAK.bound(10**7, 10**6, 2e-4) == "compute"  # 100 us of both: arithmetic is named
    assert PEAK.bound(10**6, 10**6, 2e-4) == "memory"
    assert PEAK.bound(10**6, 10**6, 2e-5, parts=[Traffic(10**6, M)]) == "compute"


def test_roofs_in_words_and_as_json() -> None:
    assert PEAK.bandwidths == "L1 400, L2 100, L3 40, memory 10.0 GB/s"
    assert PEAK.to_dict()["caches"][1] == {"name": "L2", "bytes": M, "gbytes_per_s": 100.0}
    assert "caches" not in Peak(gflops=200, gbytes=10).to_dict()


def test_what_was_just_written_is_near_and_weights_a_run_away() -> None:
    plan = create("squeezenet1_1", num_classes=10).plan({"input": (1, 3, 64, 64)})
    whole, moved = working_set(plan), traffic(plan)
    assert sum(part.bytes for parts in moved for part in parts if part.distance == whole) > 2.9e6  # its weights
    for earlier, step, parts in zip(plan.steps, plan.steps[1:], moved[1:], strict=False):
        if step.inputs and step.inputs[0] in earlier.outputs:
            assert parts[0].distance <= 2 * parts[0].bytes
        assert all(part.distance <= whole for part in parts)


def test_scaled_keeps_the_mix() -> None:
    assert scaled([Traffic(30, 1), Traffic(10, 2)], 8) == [Traffic(6, 1), Traffic(2, 2)]
    assert scaled([], 8) == []
