"""What the command line says of a network that its file does not: preparation of pictures, class names, task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinyinfer.cli.options import usage
from tinyinfer.errors import InputError

if TYPE_CHECKING:
    from tinyinfer.model import Model

PreprocessOption = Annotated[
    str | None,
    typer.Option("--preprocess", metavar="JSON", help="How pictures are prepared; only the keys that differ."),
]
Labels = Annotated[
    str | None,
    typer.Option("--labels", metavar="FILE", help="Class names, one a line; or a list's name, as imagenet1001."),
]
Task = Annotated[
    str | None,
    typer.Option("--task", metavar="JSON|FILE", help='How outputs are to be read, as \'{"kind": "yunet"}\'.'),
]


def describe(model: Model, preprocess: str | None, labels: str | None, task: str | None) -> None:
    """Put what was said into the model's metadata, checked.  Raises ModelFormatError and InputError."""
    from tinyinfer.formats.npz.meta import check_meta
    from tinyinfer.labels import label_files
    from tinyinfer.tasks import class_count

    if preprocess is not None:
        known = model.meta.get("preprocess") or {}
        model.meta["preprocess"] = {**known, **_json_object("--preprocess", preprocess)}
    if task is not None:
        model.meta["task"] = _task(task)
    if preprocess is not None or task is not None:
        model.meta = check_meta(model.meta, "meta")
    if labels is not None:
        model.meta["labels"] = label_files.resolve(labels, class_count(model.meta, model.outputs))


def _task(text: str) -> Any:
    """A task as it stands in metadata: a plain name, an object, or the file that holds one."""
    from tinyinfer.tasks import TASKS

    if text in TASKS:
        return text
    if text.lstrip().startswith("{"):
        return _json_object("--task", text)
    try:
        return _json_object("--task", Path(text).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise InputError(f"--task: {text[:200]}: expected a file with a JSON object: {why}") from None


def _json_object(option: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise usage(f"{option}: expected JSON, found {text[:200]!r} ({error})") from None
    if not isinstance(found, dict):
        raise usage(f"{option}: expected a JSON object, found {text[:200]!r}")
    return found
