"""Numbers of channels, as kernels read them that walk along a pixel: one beside the other, for each channel one."""

from __future__ import annotations

import numpy as np

from tinyinfer.kernels.parallel.pages import aligned_alone


def spread(values: np.ndarray, channels: int) -> np.ndarray:
    """The values themselves if there is one a channel, else their only one repeated, for the plan of one shape."""
    if values.size == channels:
        return values
    repeated = aligned_alone(channels)
    repeated[:] = values
    return repeated
