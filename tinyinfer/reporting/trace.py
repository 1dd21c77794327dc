"""A run as a Chrome trace: one lane of complete events, times in microseconds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinyinfer.profiling.profile_rows import ProfileRow

PROCESS, LANE = 1, 1


def chrome_trace(name: str, steps: Iterable[tuple[ProfileRow, float, float]]) -> str:
    """JSON in Google's Trace Event Format, for chrome://tracing and ui.perfetto.dev.

    ``steps`` are rows with start and duration in milliseconds.
    """
    events: list[dict[str, Any]] = [_name("process_name", "tinyinfer"), _name("thread_name", name)]
    for row, start, ms in steps:
        events.append(
            {
                "name": row.name,
                "cat": row.op,
                "ph": "X",
                "ts": round(start * 1e3, 3),
                "dur": round(ms * 1e3, 3),
                "pid": PROCESS,
                "tid": LANE,
                "args": {"kernel": row.kernel, "shape": row.shape, "macs": row.macs, "median_ms": row.ms},
            }
        )
    return json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}, allow_nan=False)


def _name(what: str, name: str) -> dict[str, Any]:
    return {"name": what, "ph": "M", "pid": PROCESS, "tid": LANE, "args": {"name": name}}
