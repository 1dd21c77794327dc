"""Rows of floats copied and filled: what gathers windows, pads borders and joins channels.

These are vector functions because Numba's own loops over ``at + k`` do not vectorise (it takes such an index for
possibly negative), and because its slice assignments compile two seconds' worth of error messages.
"""

from __future__ import annotations

import numpy as np

from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.simd import vector_function


@vector_function(x="address", x_row="int", y="address", y_row="int", rows="int", count="int")
def copy_rows(v, x, x_row, y, y_row, rows, count):
    """``rows`` rows of ``count`` floats; rows are x_row and y_row floats apart."""
    end = count // LANES * LANES
    with v.loop(rows) as row:
        with v.loop(end, LANES) as k:
            v.store(v.load(x, row * x_row + k), y, row * y_row + k)
        with v.when(count != end):
            mask = v.mask(count - end)
            v.store_masked(v.load_masked(x, row * x_row + end, mask), y, row * y_row + end, mask)


@vector_function(value="float", y="address", y_row="int", rows="int", count="int")
def fill_rows(v, value, y, y_row, rows, count):
    """The same number in ``rows`` rows of ``count`` floats, y_row floats apart."""
    vector, end = v.broadcast(value), count // LANES * LANES
    with v.loop(rows) as row:
        with v.loop(end, LANES) as k:
            v.store(vector, y, row * y_row + k)
        with v.when(count != end):
            v.store_masked(vector, y, row * y_row + end, v.mask(count - end))


@inline
def copy_padded_row(x, c, w, left, width, to):
    """A row of an image, w pixels of c floats, into to[width, c] behind ``left`` zeros and with zeros behind it."""
    left = min(left, width)  # with long strides the windows may end before the image begins
    zero, real = np.float32(0), min(w, width - left)
    fill_rows(zero, to, 0, 1, left * c)
    if x.stride == c:
        copy_rows(x.address, 0, to + left * c * 4, 0, 1, real * c)
    else:
        copy_rows(x.address, x.stride, to + left * c * 4, c, real, c)
    fill_rows(zero, to + (left + real) * c * 4, 0, 1, (width - left - real) * c)
