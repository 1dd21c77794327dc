"""The picture that a network was profiled on, small, and what the network says of it."""

from __future__ import annotations

import base64
import io
from typing import NamedTuple

from PIL import Image

from tinyinfer.runtime.runnable import Runnable
from tinyinfer.tasks import CLASSIFY, task_of
from tinyinfer.tasks.classification import classify
from tinyinfer.vision.image import ImageSource, decode

SIDE = 320  # pixels of the longer side
SMALLEST = 160  # tiny pictures are enlarged, with their pixels seen
QUALITY = 85


class Photo(NamedTuple):
    """``source`` is a data address; ``found`` has (label, probability), and is empty where nothing is labelled."""

    source: str
    found: list[tuple[str, float]]


def photo_of(model: Runnable, image: ImageSource, top: int = 5) -> Photo:
    """Raises ImageError."""
    picture = decode(image)
    found = classify(model, image, top) if task_of(model.meta) == CLASSIFY else []
    return Photo(_address(picture), [(label, probability) for _, label, probability in found])


def _address(picture: Image.Image) -> str:
    longer = max(picture.size)
    scale = SMALLEST // longer if longer < SMALLEST else min(SIDE / longer, 1)
    size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
    small = picture.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.convert("RGB").save(out, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode('ascii')}"
