"""What a network is for beyond logits: labels for a picture, for each of its pixels, for boxes found in it.

A model's metadata says its task ("classify" if it does not), and what else the task needs, such as anchors.  For
networks that others have trained the task may be an object that says how their outputs are read: see `heads`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tinyinfer.errors import InputError

CLASSIFY, SEGMENT, DETECT = TASKS = ("classify", "segment", "detect")
MASK = "mask"  # the kind of head that labels pixels; all others find boxes

_PURPOSES = {
    CLASSIFY: "labels pictures (predict)",
    SEGMENT: "labels pixels (segment)",
    DETECT: "finds boxes (detect)",
}


def task_of(meta: Mapping[str, Any]) -> str:
    """The task that a model's metadata names.  Raises InputError for an unknown one."""
    task = meta.get("task") or CLASSIFY
    if isinstance(task, Mapping):
        return SEGMENT if task.get("kind") == MASK else DETECT
    if task not in TASKS:
        raise InputError(f"task: expected one of {', '.join(TASKS)}, found {task!r}")
    return str(task)


def require_task(meta: Mapping[str, Any], wanted: str, doing: str) -> None:
    """Raise InputError, saying what the model is for, unless it is for ``wanted``."""
    found = task_of(meta)
    if found != wanted:
        name = meta.get("name") or meta.get("arch") or "this network"
        raise InputError(f"{doing}: expected a network that {_PURPOSES[wanted]}, but {name} {_PURPOSES[found]}")


# which dimension of the first output counts classes: logits (N, C), maps (N, C, H, W), scores (N, anchors, C)
_CLASS_AXIS = {CLASSIFY: 1, SEGMENT: 1, DETECT: 2}


def class_count(meta: Mapping[str, Any], outputs: Sequence[tuple[str, tuple[int | None, ...]]]) -> int | None:
    """How many classes a network tells apart, by `Model.outputs`; None where that does not show."""
    if isinstance(meta.get("task"), Mapping):
        return None
    axis = _CLASS_AXIS[task_of(meta)]
    shape = outputs[0][1]
    return shape[axis] if axis < len(shape) else None
