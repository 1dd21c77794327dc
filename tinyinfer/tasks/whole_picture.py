"""A picture prepared for a network whose answer has places in it, so that they can be found again in the picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from tinyinfer.errors import InputError
from tinyinfer.vision.image import ImageSource, describe
from tinyinfer.vision.preprocess import Placement, Preprocess


def prepare_whole(
    picture: Image.Image, source: ImageSource, preprocess: Mapping[str, Any]
) -> tuple[np.ndarray, Placement]:
    """Input (1, channels, height, width) of all of a decoded picture, and where in it that lies.

    ``source`` names it in messages.
    Raises InputError if ``preprocess`` would crop it: what is outside could have no answer.
    """
    steps = Preprocess.from_meta(preprocess)
    if steps.crop is not None:
        raise InputError(f"preprocess: crop: expected none for a network that looks for places, found {steps.crop}")
    return steps.apply(picture, describe(source))[None], steps.place(*picture.size)
