"""How many cores this process may use: those it is bound to, or fewer where a container's share of them is less."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path("/")


def available_cores() -> int:
    """Cores that the scheduler and the quotas of control groups leave to this process, at least 1.

    A quota of 1.5 cores counts as 1: threads that wait for each other would all stand still while one is held back.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([bound, *quotas(ROOT)])))


def quotas(root: Path) -> Iterator[float]:
    """Every limit on this process's share of the cores, in cores; none where Linux's files are not below ``root``."""
    for controllers, own in _groups(root):
        for folder in _folders(root, controllers, own):
            try:
                quota = _quota(folder)
            except (OSError, ValueError):  # this group has no such limit
                continue
            if quota is not None:
                yield quota


def _groups(root: Path) -> Iterator[tuple[str, PurePosixPath]]:
    """The control groups of this process that may limit it: ("", path) in version 2, ("cpu,cpuacct", path) in 1."""
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if not controllers or "cpu" in controllers.split(","):
            yield controllers, PurePosixPath(path)


def _folders(root: Path, controllers: str, own: PurePosixPath) -> Iterator[Path]:
    """The folders of a group and of those it is in, as far as they are mounted here."""
    for line in _lines(root / "proc/self/mountinfo"):
        mount, _, kind = line.partition(" - ")
        inside, point = (PurePosixPath(_unescaped(field)) for field in mount.split()[3:5])
        system, _, options = kind.split(" ", 2)
        if system == "cgroup2" if not controllers else system == "cgroup" and "cpu" in options.split(","):
            top = root / point.relative_to("/")
            below = own.relative_to(inside) if own.is_relative_to(inside) else PurePosixPath()
            yield from (top / part for part in (below, *below.parents) if ".." not in part.parts)
            return


def _quota(folder: Path) -> float | None:
    """The limit that a group sets, in cores; None for no limit."""
    if (folder / "cpu.max").exists():  # version 2: "max 100000" or "150000 100000"
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
    return None if int(quota) <= 0 else int(quota) / int(period)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _unescaped(field: str) -> str:
    """A path as mountinfo writes it: spaces and the like are octal numbers."""
    return field.encode().decode("unicode_escape") if "\\" in field else field
