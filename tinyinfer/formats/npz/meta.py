"""What is known about a model beside its network: where it is from, its labels, how to prepare a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.json_reader import Cursor
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.tasks import TASKS

TEXTS = ("name", "arch", "source", "licence", "checksum")


def check_meta(meta: Mapping[str, Any], where: str, limits: Limits = DEFAULT) -> dict[str, Any]:
    """A copy of ``meta`` whose known entries have the right types; None and unknown plain entries are kept.

    ``task`` is a name of ``tinyinfer.tasks``, or an object that describes a head (``tinyinfer.tasks.heads``).
    Raises ModelFormatError for texts, ``labels``, ``preprocess`` or ``anchors`` of the wrong type, for a ``task`` that
    is not known, and for control characters anywhere: all of it is printed to terminals.
    """
    for key, cursor in Cursor(dict(meta), where, limits).members().items():
        if key in TEXTS and cursor.value is not None:
            cursor.text()
        elif key == "labels" and cursor.value is not None:
            for item in cursor.items(limits.labels):
                item.text()
            continue
        elif key == "preprocess" and cursor.value is not None:
            _check_preprocess(cursor)
        elif key == "anchors" and cursor.value is not None:
            _check_anchors(cursor)
        elif key == "task" and isinstance(cursor.value, dict):
            _check_head(cursor)
        elif key == "task" and cursor.value not in (None, *TASKS):
            raise cursor.fail(f"one of {', '.join(TASKS)}")
        _check_plain(cursor, limits.depth)
    return dict(meta)


def _check_preprocess(cursor: Cursor) -> None:
    from tinyinfer.vision.preprocess import Preprocess  # here, so that a network without pictures needs no Pillow

    try:
        Preprocess.from_meta(cursor.value)
    except ModelFormatError as error:
        raise ModelFormatError(f"{cursor.where}: {error}") from None


def _check_anchors(cursor: Cursor) -> None:
    from tinyinfer.tasks.anchors import Anchors

    try:
        Anchors.from_meta(cursor.value)
    except ModelFormatError as error:
        raise ModelFormatError(f"{cursor.where}: {error}") from None


def _check_head(cursor: Cursor) -> None:
    from tinyinfer.tasks.heads import read_head

    read_head(cursor.value, cursor.where)


def _check_plain(cursor: Cursor, depth: int) -> None:
    """Refuse what JSON can't hold, and control characters, at any depth."""
    if depth == 0:
        raise ModelFormatError(f"{cursor.where}: nested too deep")
    value = cursor.value
    if isinstance(value, str):
        cursor.text()
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_plain(cursor.at(item, f"{cursor.where}[{index}]"), depth - 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            cursor.at(key, f"{cursor.where}: a key").text()
            _check_plain(cursor.at(item, f"{cursor.where}: {key}"), depth - 1)
    elif not isinstance(value, bool | int | float | None):
        raise ModelFormatError(f"{cursor.where}: expected plain JSON values, found {type(value).__name__}")
