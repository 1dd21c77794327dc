"""What the network says of the photo, as the page shows it: the best classes and where they are seen, or a picture."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from tinyinfer.errors import InputError
from tinyinfer.pages.document import base64_bytes
from tinyinfer.pages.explain.class_map import Progress, activation_maps, find_head, occlusion_maps
from tinyinfer.pages.explain.subject import Subject
from tinyinfer.tasks import CLASSIFY, DETECT, SEGMENT
from tinyinfer.tasks.classification import as_logits, most_probable

TOP = 5
WIDEST = 640  # pixels of a drawn answer
QUALITY = 80


class Answer(NamedTuple):
    """``data`` is for the page; ``sentence`` says it in words."""

    data: dict[str, Any]
    sentence: str


def answer(subject: Subject, macs: int, tell: Progress | None = None) -> Answer:
    """By the network's task.  ``macs`` is what one run takes; ``tell`` hears how much of a map is made."""
    task = subject.model.task
    if task == SEGMENT:
        return _segments(subject)
    if task == DETECT:
        return _boxes(subject)
    if not _gives_logits(subject):
        return Answer({"task": "none"}, "It has no task whose answer could be told; its maps are below.")
    return _classes(subject, macs, tell)


def _gives_logits(subject: Subject) -> bool:
    output = subject.values[subject.graph.outputs[0]]
    return len(subject.graph.outputs) == 1 and output.ndim > 1 and output.size == output.shape[1] > 1


def _classes(subject: Subject, macs: int, tell: Progress | None) -> Answer:
    graph = subject.graph
    logits = as_logits(graph, subject.values[graph.outputs[0]].reshape(-1))
    found = most_probable(logits, TOP, subject.model.meta.get("labels"))
    classes = [index for index, _, _ in found]
    head = find_head(graph)
    if head is not None:
        kind, maps = "activation", activation_maps(subject, head, classes)
    else:
        kind, maps = "occlusion", occlusion_maps(subject, classes, macs, tell)
    data = {
        "task": CLASSIFY,
        "predictions": [{"index": i, "label": label, "probability": round(p, 6)} for i, label, p in found],
        "maps": {"kind": kind, "of": dict(zip(classes, rounded(maps), strict=True))},
    }
    _, label, probability = found[0]
    return Answer(data, f"It says “{label}” with a probability of {100 * probability:.1f} %.")


def rounded(maps: np.ndarray) -> list[list[list[float]]]:
    """Maps as lists of rows, to four digits, as JSON has them; what is no number is 0."""
    finite = np.nan_to_num(maps, posinf=0, neginf=0)
    return [[[float(f"{value:.4g}") for value in row] for row in plane] for plane in finite]


def _segments(subject: Subject) -> Answer:
    from tinyinfer.tasks.drawing import draw_segments
    from tinyinfer.tasks.segmentation import labels_of, segment, shares

    try:
        classes = segment(subject.model, subject.source)
    except InputError as error:
        return Answer({"task": "none"}, f"What it says can't be drawn: {error}.")
    found = shares(classes, labels_of(subject.model))[:TOP]
    lines = [{"label": part.label, "probability": round(part.share, 6)} for part in found]
    picture = jpeg(draw_segments(subject.photo, classes, found))
    return Answer(
        {"task": SEGMENT, "lines": lines, "picture": picture},
        f"It sees “{found[0].label}” in {100 * found[0].share:.0f} % of the pixels.",
    )


def _boxes(subject: Subject) -> Answer:
    from tinyinfer.tasks.detection import detect
    from tinyinfer.tasks.drawing import draw_detections

    try:
        found = detect(subject.model, subject.source)
    except InputError as error:
        return Answer({"task": "none"}, f"What it says can't be drawn: {error}.")
    lines = [{"label": box.label, "probability": round(box.score, 6)} for box in found[:TOP]]
    best = ", ".join(box.label for box in found[:TOP])
    sentence = f"It finds {len(found)}: {best}{', …' if len(found) > TOP else ''}." if found else "It finds nothing."
    return Answer({"task": DETECT, "lines": lines, "picture": jpeg(draw_detections(subject.photo, found))}, sentence)


def jpeg(picture: Image.Image) -> str:
    """A picture as an address that holds it, no wider or higher than `WIDEST`."""
    smaller = picture.convert("RGB")
    smaller.thumbnail((WIDEST, WIDEST))
    file = io.BytesIO()
    smaller.save(file, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64_bytes(file.getvalue())}"


def png(pixels: np.ndarray) -> str:
    """Pixels (H, W, 3) as an address that holds them, unchanged."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64_bytes(file.getvalue())}"
