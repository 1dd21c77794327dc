"""What a convolution does to its sums before it stores them: bounds of the fused activation, and the residual."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.kernels.base import FeatureMap

# activations that are a clip, which costs a kernel two instructions a register
CLIPS: dict[str | None, tuple[float, float]] = {
    None: (-np.inf, np.inf),
    "relu": (0.0, np.inf),
    "relu6": (0.0, 6.0),
}


def clip_bounds(activation: str | None) -> tuple[np.float32, np.float32]:
    """The lowest and highest value of a fused activation."""
    low, high = CLIPS[activation]
    return np.float32(low), np.float32(high)


def residual_of(inputs: Sequence[FeatureMap], output: FeatureMap) -> tuple[np.ndarray, int]:
    """Array and pixel stride of the residual input; stride 0 tells a kernel that there is none."""
    return (inputs[1].data, inputs[1].pixel_stride) if len(inputs) > 1 else (output.data, 0)
