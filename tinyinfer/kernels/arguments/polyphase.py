"""The polyphase components of a dilated convolution: outputs a dilation apart see only inputs a dilation apart.

So a convolution with dilation d works on d x d images of every d-th row and column, without dilation, which lie between
each other in memory.  Each of them is called a grid here; without dilation an image is its only grid.
"""

from __future__ import annotations

import itertools

import numpy as np

# columns of a list of grids: its first pixel among all inputs, rows and columns of padding before it, and its size;
# its first pixel among all outputs, and its size there
FIRST, TOP, LEFT, ROWS, COLUMNS, OUT_FIRST, OUT_ROWS, OUT_COLUMNS = range(8)


def polyphase_components(batch: int, geometry: tuple[int, ...]) -> np.ndarray:
    """All grids of a batch, image by image; ``geometry`` is that of `window_geometry`, at stride 1 if dilated."""
    h, w, out_h, out_w, _, _, _, _, top, left, down, across = geometry
    found = []
    for image, i, j in itertools.product(range(batch), range(down), range(across)):
        y, x = (i - top) % down, (j - left) % across  # those that the grid's first output sees are among y, y + down ..
        inputs = (image * h + y) * w + x, (top - i + y) // down, (left - j + x) // across
        sizes = -(-(h - y) // down), -(-(w - x) // across)
        outputs = (image * out_h + i) * out_w + j, -(-(out_h - i) // down), -(-(out_w - j) // across)
        found.append((*inputs, *sizes, *outputs))
    return np.array(found, np.int64)
