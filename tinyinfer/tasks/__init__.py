"""What a network is for beyond logits: labels for a picture, for each of its pixels, for boxes found in it.

A model's metadata says its task ("classify" if it does not), and what else the task needs, such as anchors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinyinfer.errors import InputError

CLASSIFY, SEGMENT, DETECT = TASKS = ("classify", "segment", "detect")

_PURPOSES = {
    CLASSIFY: "labels pictures (predict)",
    SEGMENT: "labels pixels (segment)",
    DETECT: "finds boxes (detect)",
}


def task_of(meta: Mapping[str, Any]) -> str:
    """The task that a model's metadata names.  Raises InputError for an unknown one."""
    task = meta.get("task") or CLASSIFY
    if task not in TASKS:
        raise InputError(f"task: expected one of {', '.join(TASKS)}, found {task!r}")
    return str(task)


def require_task(meta: Mapping[str, Any], wanted: str, doing: str) -> None:
    """Raise InputError, saying what the model is for, unless it is for ``wanted``."""
    found = task_of(meta)
    if found != wanted:
        name = meta.get("name") or meta.get("arch") or "this network"
        raise InputError(f"{doing}: expected a network that {_PURPOSES[wanted]}, but {name} {_PURPOSES[found]}")
