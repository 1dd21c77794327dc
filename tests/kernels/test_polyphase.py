"""A dilated convolution is one without dilation on each of its grids."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from tinyinfer.kernels.arguments.polyphase import polyphase_components

sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))
pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))


@given(
    batch=st.integers(1, 2), size=sizes, kernel=pairs, dilation=pairs,
    padding=st.tuples(st.integers(0, 5), st.integers(0, 5)),
)  # fmt: skip
def test_grids_see_the_same_pixels(batch, size, kernel, dilation, padding):
    (h, w), (kh, kw), (down, across), (top, left) = size, kernel, dilation, padding
    out_h, out_w = h + 2 * top - (kh - 1) * down, w + 2 * left - (kw - 1) * across
    assume(out_h > 0 and out_w > 0)
    grids = polyphase_components(batch, (h, w, out_h, out_w, kh, kw, 1, 1, top, left, down, across))
    found: Counter[int] = Counter()
    for first, above, before, rows, columns, out_first, out_rows, out_columns in grids:
        for y, x in np.ndindex(max(out_rows, 0), max(out_columns, 0)):
            output = out_first + y * down * out_w + x * across
            found[output] += 1
            image, oy, ox = output // (out_h * out_w), output // out_w % out_h, output % out_w
            for i, j in np.ndindex(kh, kw):
                gy, gx, iy, ix = y - above + i, x - before + j, oy - top + i * down, ox - left + j * across
                inside = 0 <= gy < rows and 0 <= gx < columns
                assert inside == (0 <= iy < h and 0 <= ix < w)
                if inside:
                    assert first + gy * down * w + gx * across == (image * h + iy) * w + ix
    assert found == Counter(range(batch * out_h * out_w))


def test_without_dilation_an_image_is_its_only_grid():
    grids = polyphase_components(2, (5, 6, 7, 8, 3, 3, 1, 1, 2, 1, 1, 1))
    assert grids.tolist() == [[0, 2, 1, 5, 6, 0, 7, 8], [30, 2, 1, 5, 6, 56, 7, 8]]
