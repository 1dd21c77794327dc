"""What a page shows of one run: out of what `Profile.to_dict` says, now or in a file of an earlier profile."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tinyinfer.errors import InputError
from tinyinfer.profiling.unwatched import unwatched
from tinyinfer.profiling.words import sentence, shares, work

NUMBERS = ("total_ms", "total_min_ms", "total_p90_ms", "prepare_ms", "first_ms", "macs", "params", "arena_bytes")
STEP_NUMBERS = ("macs", "params", "bytes", "ms", "min_ms", "p90_ms")
STEP_WORDS = ("name", "op", "kernel", "why", "bound")
BETWEEN = "between the steps"  # what of the time of a run no step accounts for
KEPT = 10_000  # steps that a page is made for
LARGEST = 1e18


def read_run(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What ``tinyinfer profile --json`` wrote to a file.  Raises InputError for anything else."""
    where = os.fspath(path)
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as error:
        raise InputError(f"{where}: can't be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{where}: expected what profile --json writes, found no JSON") from None
    return run_of(found, where)


def run_of(profile: Any, where: str = "profile") -> dict[str, Any]:
    """The run as a page's scripts know it.  Raises InputError where ``profile`` is not what `to_dict` gives."""
    record = _Record(profile, where)
    totals = {name: record.number(name) for name in NUMBERS}
    steps = [_step(row) for row in record.records("rows", KEPT)]
    times = unwatched([step["ms"] for step in steps], totals["total_ms"])
    for step, ms, (start, typical) in zip(steps, times, _spans(record, len(steps)), strict=True):
        share = ms / totals["total_ms"] if totals["total_ms"] else 0.0
        step |= {"watched": step["ms"], "ms": ms, "share": share, "start": start, "typical": typical}
    between = max(totals["total_ms"] - sum(times), 0.0)
    parts = shares([*((step["work"], step["ms"]) for step in steps), (BETWEEN, between)])
    return {
        "name": record.words("name"),
        "cpu": record.words("cpu"),
        "date": record.words("date"),
        "threads": int(record.number("threads")),
        "repeats": int(record.number("repeats")),
        **totals,
        "between": between,
        "sentence": sentence(parts),
        "works": [[what, part] for what, part in parts.items() if part],
        "peak": _peak(record),
        "buffers": [_buffer(buffer) for buffer in record.records("buffers", KEPT)],
        "steps": steps,
    }


class _Record:
    """A mapping from outside, whose values are checked as they are taken."""

    def __init__(self, found: Any, where: str) -> None:
        if not isinstance(found, Mapping):
            raise InputError(f"{where}: expected what profile --json writes, found {type(found).__name__}")
        self.found, self.where = found, where

    def number(self, name: str, default: float | None = None) -> float:
        value = self.found.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LARGEST:
            raise InputError(f"{self.where}: {name}: expected a number, found {str(value)[:40]!r}")
        return value

    def words(self, name: str) -> str:
        value = self.found.get(name, "")
        if not isinstance(value, str):
            raise InputError(f"{self.where}: {name}: expected text, found {str(value)[:40]!r}")
        return value

    def sequence(self, name: str, most: int) -> Sequence[Any]:
        value = self.found.get(name, ())
        if not isinstance(value, list | tuple) or len(value) > most:
            raise InputError(f"{self.where}: {name}: expected a list of {most} at most, found {type(value).__name__}")
        return value

    def records(self, name: str, most: int) -> list[_Record]:
        return [_Record(found, f"{self.where}: {name}[{at}]") for at, found in enumerate(self.sequence(name, most))]


def _step(row: _Record) -> dict[str, Any]:
    text = row.words("text").strip() or row.words("op").strip() or "other work"
    return {
        **{name: row.words(name) for name in STEP_WORDS},
        **{name: row.number(name) for name in STEP_NUMBERS},
        "text": text,
        "work": work(text),
        "shape": "x".join(str(size)[:20] for size in row.sequence("shape", 64)),
        "origin": [str(name) for name in row.sequence("origin", KEPT)],
        "noise": None if row.found.get("noise") is None else row.number("noise"),
    }


def _spans(record: _Record, count: int) -> list[tuple[float, float]]:
    """Start and duration of each step in one run that was watched."""
    spans = [(span.number("start_ms"), span.number("ms")) for span in record.records("timeline", KEPT)]
    if spans and len(spans) != count:
        raise InputError(f"{record.where}: timeline: expected {count} spans, found {len(spans)}")
    return spans or [(0.0, 0.0)] * count


def _peak(record: _Record) -> dict[str, Any] | None:
    if record.found.get("peak") is None:
        return None
    peak = _Record(record.found["peak"], f"{record.where}: peak")
    levels = [[cache.words("name"), cache.number("gbytes_per_s")] for cache in peak.records("caches", 8)]
    most = peak.number("gmacs_per_s")
    fma = peak.number("fma_gmacs_per_s", most)
    roofs = [["multiply-adds", most]] if fma == most else [["tiles", most], ["FMA units", fma]]
    if "code_gmacs_per_s" in peak.found:
        roofs.append(["8-bit codes", peak.number("code_gmacs_per_s")])
    return {"levels": [*levels, ["memory", peak.number("gbytes_per_s")]], "roofs": roofs}


def _buffer(record: _Record) -> dict[str, Any]:
    numbers = {name: record.number(name) for name in ("bytes", "offset", "first", "last")}
    return {"name": record.words("name"), **numbers, "workspace": bool(record.found.get("workspace"))}
