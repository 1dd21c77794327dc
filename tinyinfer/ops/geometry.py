"""Windows that slide over images: padding, strides and the output sizes they give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tinyinfer.dim import dim_max, dim_min
from tinyinfer.ops.base import integers, require

Padding = tuple[int, int, int, int] | str  # (top, bottom, left, right), or one of SAME

# outputs ceil(size / stride); an odd pixel of padding goes to the end, as TensorFlow has it, or to the beginning
SAME = ("same", "same_lower")

# torch's names of what lies beyond the border, and NumPy's
PADDING_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def normalize_padding(padding: int | Sequence[int] | str) -> Padding:
    """An int, (h, w), (top, bottom, left, right) or one of `SAME` as four ints or that."""
    if isinstance(padding, str):
        require(padding in (*SAME, "valid"), f"padding: expected {', '.join(SAME)} or integers, found {padding!r}")
        return padding if padding in SAME else (0, 0, 0, 0)
    values = integers(padding if isinstance(padding, list | tuple) else (padding,) * 4, "padding", least=0)
    if len(values) == 2:
        values = (values[0], values[0], values[1], values[1])
    require(len(values) == 4, f"padding: expected 1, 2 or 4 integers, found {padding!r}")
    return values[0], values[1], values[2], values[3]


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """TensorFlow's SAME: outputs ceil(size / stride), the odd pixel of padding at the end."""
    total = dim_max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def resolve_padding(
    padding: Padding,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) for an image of this size."""
    if not isinstance(padding, str):
        return padding
    (top, bottom), (left, right) = (same_padding(size[i], kernel[i], stride[i], dilation[i]) for i in range(2))
    return (top, bottom, left, right) if padding == "same" else (bottom, top, right, left)


def check_reach(mode: str, size: int, before: int, after: int) -> None:
    """Raise GraphError where reflecting or wrapping would need more of the image than there is."""
    limit = {"reflect": size - 1, "circular": size}.get(mode)
    if limit is not None:
        need = max(before, after)
        require(need <= limit, f"padding {need} in mode {mode!r} reaches past an image side of {size}")


def output_size(
    size: int, kernel: int, stride: int, before: int, after: int, dilation: int = 1, ceil_mode: bool = False
) -> int:
    """Number of windows along one axis, counted as torch does; raises GraphError when there is none.

    In ``ceil_mode`` the last window may overhang the padded input, and so may the only one.
    """
    extent = (kernel - 1) * dilation + 1
    room = size + before + after - extent
    # torch's rule: in ceil_mode the last window must start inside the input or its leading padding
    last = dim_min(room + stride - 1, size + before - 1) if ceil_mode else room
    count = last // stride + 1
    require(count >= 1, f"kernel of extent {extent} is larger than the padded input of {size + before + after}")
    return count


def window_counts(
    padding: Padding,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
    ceil_mode: bool = False,
) -> tuple[int, int]:
    """Number of windows down and across an image of this size; raises GraphError as `output_size` does."""
    if isinstance(padding, str):
        return -(-size[0] // stride[0]), -(-size[1] // stride[1])
    top, bottom, left, right = padding
    return (
        output_size(size[0], kernel[0], stride[0], top, bottom, dilation[0], ceil_mode),
        output_size(size[1], kernel[1], stride[1], left, right, dilation[1], ceil_mode),
    )


def pad_image(x: np.ndarray, pads: Sequence[int], mode: str = "constant", **options: Any) -> np.ndarray:
    """``x`` (N, C, H, W) with (top, bottom, left, right) more pixels; ``mode`` is NumPy's name."""
    top, bottom, left, right = pads
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), mode=mode, **options)  # type: ignore[call-overload, no-any-return]


def taps(
    padded: np.ndarray, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> Iterator[tuple[int, int, np.ndarray]]:
    """For each kernel tap (i, j), what it sees of a padded image (N, C, H, W) in all windows: (N, C, H', W')."""
    ho, wo = (output_size(padded.shape[2 + k], kernel[k], stride[k], 0, 0, dilation[k]) for k in range(2))
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            top, left = i * dilation[0], j * dilation[1]
            rows = slice(top, top + (ho - 1) * stride[0] + 1, stride[0])
            columns = slice(left, left + (wo - 1) * stride[1] + 1, stride[1])
            yield i, j, padded[:, :, rows, columns]
