"""Grouped 3x3 convolution whose groups are narrower than a register: depthwise strips with shuffled lanes.

A matrix product for each group would leave most lanes idle, all but 2 of 16 in clcNet, and gather windows that are
shorter than a cache line.  Here a vector of channels holds whole groups: lane i meets the channels i, i ^ 1, i ^ 2, ...
of its own group, so that an input is loaded as it lies and every lane of every product is of use.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import Epilogue, Rows
from tinyinfer.kernels.arguments.windows import window_geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.depthwise.depthwise import both_ways, fits_strips, make_depthwise
from tinyinfer.kernels.depthwise.depthwise_pixel import MASKS, pack_filters
from tinyinfer.kernels.depthwise.depthwise_strip import dense_strips
from tinyinfer.kernels.parallel.parts import pieces_of
from tinyinfer.ops.convolution.conv2d import Conv2d

BY_WIDTH = {width: make_depthwise(3, dense_strips(3, width)) for width in (2, 4, 8) if width <= LANES}


class NarrowGroups(Kernel):
    """3x3, stride 1 or 2 or dilated, as many channels out of a group as into it: 2, 4 or 8."""

    op = "conv2d"
    name = "narrow_groups"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = problem.op
        assert isinstance(op, Conv2d)
        m, width, kh, _ = problem.params["weight"].shape
        narrow = op.groups > 1 and width in BY_WIDTH and width * op.groups == m and (MASKS or m >= LANES)
        return narrow and kh == 3 and fits_strips(problem) and op.padding_mode == "zeros" and op.activation in FUSED

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        """Filters as [block, distance, tap, lane] `both_ways`, and the bias of `pack_filters`."""
        weight = layer.params["weight"]
        m, width = weight.shape[:2]
        channels = np.arange(m)
        shuffled = [weight[channels, (channels % width) ^ distance][:, None] for distance in range(width)]
        filters, biases = zip(*(pack_filters(w, layer.params.get("bias")) for w in shuffled), strict=True)
        by_block = [w.reshape(-1, 9 * LANES) for w in filters]
        return both_ways(np.stack(by_block, axis=1), (3, 3)), biases[0]

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        w, bias = self.packed
        pieces, parts = pieces_of(y.n * y.h, y.c, self.problem.threads)
        epilogue = Epilogue.of(self.problem.op.activation, bias, inputs, y)
        depthwise = BY_WIDTH[self.problem.params["weight"].shape[1]]
        return depthwise.bind(parts, Rows.of(x), x.c, window_geometry(self.problem), w, Rows.of(y), epilogue, pieces)


KERNELS = (NarrowGroups,)
