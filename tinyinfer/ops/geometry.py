"""Windows that slide over images: padding, strides and the output sizes they give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.ops.base import require

Padding = tuple[int, int, int, int] | str  # (top, bottom, left, right), or "same"


def normalize_padding(padding: int | Sequence[int] | str) -> Padding:
    """An int, (h, w), (top, bottom, left, right) or "same" as four ints or "same"."""
    if isinstance(padding, str):
        require(padding in ("same", "valid"), f"padding: expected 'same' or integers, found {padding!r}")
        return "same" if padding == "same" else (0, 0, 0, 0)
    values = (padding,) * 4 if isinstance(padding, (int, np.integer)) else tuple(int(p) for p in padding)
    if len(values) == 2:
        values = (values[0], values[0], values[1], values[1])
    require(len(values) == 4 and min(values) >= 0, f"padding: expected 1, 2 or 4 integers >= 0, found {padding!r}")
    return (int(values[0]), int(values[1]), int(values[2]), int(values[3]))


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """TensorFlow's SAME: outputs ceil(size / stride), the odd pixel of padding at the end."""
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def resolve_padding(
    padding: Padding, size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) for an image of this size."""
    if not isinstance(padding, str):
        return padding
    (top, bottom), (left, right) = (same_padding(size[i], kernel[i], stride[i], dilation[i]) for i in range(2))
    return top, bottom, left, right


def output_size(size: int, kernel: int, stride: int, before: int, after: int, dilation: int = 1, ceil_mode: bool = False) -> int:
    """Number of windows along one axis; raises GraphError when the kernel is larger than the padded input."""
    extent = (kernel - 1) * dilation + 1
    room = size + before + after - extent
    require(room >= 0, f"kernel of extent {extent} is larger than the padded input of {size + before + after}")
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    # torch's rule: the last window must start inside the input or its leading padding
    return count - 1 if (count - 1) * stride >= size + before else count
