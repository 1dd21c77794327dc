"""What each kind of network says of a picture: as JSON has it, as lines of text, and drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tinyinfer.tasks import DETECT, SEGMENT

if TYPE_CHECKING:
    from PIL import Image

    from tinyinfer.model import Model

LABELS = 5  # printed of a classifier unless said
THRESHOLD = 0.5
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


class Answer(NamedTuple):
    """``data`` goes beside the picture's name in JSON, ``lines`` below it in text; ``draw`` makes a picture of it."""

    data: dict[str, Any]
    lines: list[str]
    draw: Callable[[], Image.Image]


class Question(NamedTuple):
    """How many of the best are wanted, and how probable a box must be; None is what is usual."""

    top: int | None
    threshold: float | None


def has_answer(model: Model) -> bool:
    """Whether a network is known to say something of pictures: by its task, or as it has one output, logits."""
    if model.meta.get("task"):
        return True
    outputs = model.outputs
    return len(outputs) == 1 and len(outputs[0][1]) > 1 and all(size == 1 for size in outputs[0][1][2:])


def answer(model: Model, path: Path, question: Question) -> Answer:
    """Run a network on a picture, for its task.  Raises ImageError or InputError."""
    top, threshold = question
    if model.task == SEGMENT:
        return _segments(model, path, top)
    if model.task == DETECT:
        return _detections(model, path, top, THRESHOLD if threshold is None else threshold)
    return _labels(model, path, top or LABELS)


def write_picture(path: Path, picture: Image.Image) -> None:
    """Write the whole file, in the format of its ending, or nothing; raises OSError when that can't be done."""
    from tinyinfer.files import atomic_write

    with atomic_write(path) as file:
        picture.save(file, FORMATS[path.suffix.lower()])


def _labels(model: Model, path: Path, top: int) -> Answer:
    found = model.predict_indices(path, top)
    predictions = [{"index": i, "label": label, "probability": p} for i, label, p in found]

    def draw() -> Image.Image:
        from tinyinfer.tasks.drawing import draw_labels
        from tinyinfer.vision.image import decode

        return draw_labels(decode(path), found)

    return Answer({"predictions": predictions}, _columns([(label, p, "") for _, label, p in found]), draw)


def _segments(model: Model, path: Path, top: int | None) -> Answer:
    from tinyinfer.tasks.segmentation import labels_of, shares

    classes = model.segment(path)
    found = shares(classes, labels_of(model.meta))

    def draw() -> Image.Image:
        from tinyinfer.tasks.drawing import draw_segments
        from tinyinfer.vision.image import decode

        return draw_segments(decode(path), classes, found[:top])

    lines = _columns([(s.label, s.share, "of the pixels") for s in found[:top]])
    return Answer({"segments": [asdict(s) for s in found[:top]]}, lines, draw)


def _detections(model: Model, path: Path, top: int | None, threshold: float) -> Answer:
    from tinyinfer.tasks.detection import detect

    found = detect(model, path, threshold)[:top]

    def draw() -> Image.Image:
        from tinyinfer.tasks.drawing import draw_detections
        from tinyinfer.vision.image import decode

        return draw_detections(decode(path), found)

    rows = [(d.label, d.score, "from {:.0f}, {:.0f} to {:.0f}, {:.0f}".format(*d.box)) for d in found]
    lines = _columns(rows) or [f"  nothing of a probability above {threshold:.0%}"]
    return Answer({"detections": [d.to_dict() for d in found]}, lines, draw)


def _columns(rows: list[tuple[str, float, str]]) -> list[str]:
    """Name, share and what else is to say, one below the other."""
    width = max((len(name) for name, _, _ in rows), default=0)
    return [f"  {name:<{width}}  {share:6.1%}  {more}".rstrip() for name, share, more in rows]
