"""What is in front: a map of one channel, how sure each pixel is, or of a channel for each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.logits import ACTIVATIONS, sigmoid
from tinyinfer.tasks.heads.options import one_of, option, share, text


@dataclass(frozen=True)
class Mask:
    """Maps (1, channels, H, W), or ``layout`` "nhwc" (1, H, W, channels).

    One channel is the probability of the foreground, class 1 where it is above ``threshold``, after the
    ``activation``; of several channels the largest is the class.  ``output`` names it if there are others.
    """

    activation: str = option(one_of(*ACTIVATIONS), "none")
    threshold: float = option(share, 0.5)
    layout: str = option(one_of("nchw", "nhwc"), "nchw")
    output: str = option(text, "")

    def logits(self, y: np.ndarray) -> np.ndarray:
        """Maps (classes, H, W) whose largest is the class: those of the output, or two of one channel.  InputError."""
        if y.ndim == 3 and y.shape[0] == 1:
            y = y[:, None] if self.layout == "nchw" else y[..., None]
        if y.ndim != 4 or y.shape[0] != 1:
            raise InputError(f"output: expected shape (1, classes, height, width), found {y.shape}")
        maps = y[0] if self.layout == "nchw" else np.moveaxis(y[0], -1, 0)
        if not np.isfinite(maps).all():
            raise InputError("output: expected finite logits, found some that are not")
        if len(maps) > 1:
            return np.asarray(maps, np.float32)
        sure = sigmoid(maps[0]) if self.activation == "sigmoid" else np.asarray(maps[0], np.float64)
        return np.stack([np.full_like(sure, self.threshold), sure]).astype(np.float32)
