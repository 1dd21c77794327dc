"""Cores this process may use: quotas of control groups of both versions, as Linux's files tell them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tinyinfer.runtime import cores
from tinyinfer.runtime.options import make_options

V2 = "30 23 0:26 {root} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
V1 = "33 31 0:30 {root} /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct"
OTHER = "34 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"


def make(root: Path, groups: str, mounts: list[str], files: dict[str, str]) -> list[float]:
    """The quotas below a folder with these files."""
    written = {"proc/self/cgroup": groups, "proc/self/mountinfo": "\n".join(mounts), **files}
    for name, text in written.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return sorted(cores.quotas(root))


def test_version_2_counts_every_group_around_this_process(tmp_path: Path) -> None:
    folder = "sys/fs/cgroup/"
    files = {
        f"{folder}a/b/cpu.max": "max 100000", f"{folder}a/cpu.max": "150000 100000", f"{folder}c/cpu.max": "1 100000",
    }  # fmt: skip
    assert make(tmp_path, "0::/a/b", [OTHER, V2.format(root="/")], files) == [1.5]


def test_version_2_in_a_container_that_sees_itself_as_the_root(tmp_path: Path) -> None:
    files = {"sys/fs/cgroup/cpu.max": "50000 100000"}
    assert make(tmp_path, "0::/", [V2.format(root="/")], files) == [0.5]
    assert make(tmp_path, "0::/../../other", [V2.format(root="/")], files) == [0.5]


def test_version_1_where_the_container_s_group_is_the_mount(tmp_path: Path) -> None:
    folder = "sys/fs/cgroup/cpu,cpuacct/"
    files = {f"{folder}cpu.cfs_quota_us": "300000", f"{folder}cpu.cfs_period_us": "100000"}
    groups = "5:memory:/docker/1\n3:cpuset:/docker/1\n4:cpu,cpuacct:/docker/1"
    assert make(tmp_path, groups, [OTHER, V1.format(root="/docker/1")], files) == [3.0]


def test_version_1_without_a_limit(tmp_path: Path) -> None:
    folder = "sys/fs/cgroup/cpu,cpuacct/"
    files = {f"{folder}a/cpu.cfs_quota_us": "-1", f"{folder}a/cpu.cfs_period_us": "100000"}
    assert make(tmp_path, "4:cpu,cpuacct:/a", [V1.format(root="/")], files) == []


@pytest.mark.parametrize("text", ["", "max", "half 100000", "100000 0x"])
def test_files_that_say_nothing_limit_nothing(tmp_path: Path, text: str) -> None:
    assert make(tmp_path, "0::/", [V2.format(root="/")], {"sys/fs/cgroup/cpu.max": text}) == []
    assert list(cores.quotas(tmp_path / "nothing here")) == []


@pytest.mark.parametrize(("quotas", "threads"), [([], 8), ([3.0, 20.0], 3), ([1.9], 1), ([0.2], 1)])
def test_threads_are_the_least_of_all_limits(
    monkeypatch: pytest.MonkeyPatch, quotas: list[float], threads: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(cores, "quotas", lambda _: iter(quotas))
    assert make_options().threads == threads
    assert make_options(5).threads == 5  # what the caller says counts
