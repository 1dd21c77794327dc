"""Shifts: channels that stay are copied as rows, those that move are gathered one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.jit import inline
from tinyinfer.kernels.memory import copy_rows
from tinyinfer.kernels.parts import own_range, worthwhile
from tinyinfer.kernels.task import task


@inline
def shift_pixels(x, x_stride, h, w, c, moved, dy, dx, reach, y, y_stride, p0, p1):
    """Pixels p0 .. p1 of the batch; channel moved[k] comes from dy[k] rows below and dx[k] columns to the right."""
    copy_rows(x.ctypes.data + p0 * x_stride * 4, x_stride, y.ctypes.data + p0 * y_stride * 4, y_stride, p1 - p0, c)
    top, bottom, left, right = reach
    for p in range(p0, p1):
        i, j = p // w % h, p % w
        if top <= i < h - bottom and left <= j < w - right:
            for k in range(moved.size):
                y[p * y_stride + moved[k]] = x[(p + dy[k] * w + dx[k]) * x_stride + moved[k]]
        else:
            for k in range(moved.size):
                inside = 0 <= i + dy[k] < h and 0 <= j + dx[k] < w
                y[p * y_stride + moved[k]] = (
                    x[(p + dy[k] * w + dx[k]) * x_stride + moved[k]] if inside else np.float32(0)
                )


@task
def shift(part, parts, x, x_stride, h, w, c, moved, dy, dx, reach, y, y_stride, pixels):
    """Every channel from its own distance."""
    p0, p1 = own_range(part, pixels, parts)
    shift_pixels(x, x_stride, h, w, c, moved, dy, dx, reach, y, y_stride, p0, p1)


class _Shift(Kernel):
    name = "gather"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    @classmethod
    def pack(cls, problem: Problem) -> tuple[np.ndarray, ...]:
        op: Any = problem.op
        moves = np.clip(op.displacements(problem.inputs[0][1], problem.params), -(2**20), 2**20)
        moved = np.flatnonzero(moves.any(axis=1))
        dy, dx = moves[moved].T
        return moved, np.ascontiguousarray(dy), np.ascontiguousarray(dx)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x,), (y,), (moved, dy, dx), threads = inputs, outputs, self.packed, self.problem.threads
        reach = tuple(
            int(max(0, side)) for d in (dy, dx) for side in (-np.min(d, initial=0), np.max(d, initial=0))
        )  # fmt: skip
        return shift.bind(
            worthwhile(threads, x.pixels * x.c), x.data, x.pixel_stride, x.h, x.w, x.c, moved, dy, dx, reach,
            y.data, y.pixel_stride, x.pixels,
        )  # fmt: skip


class ShiftGather(_Shift):
    """Displacements by turns."""

    op = "shift"


class SparseShiftGather(_Shift):
    """Learnt displacements, most of them zero."""

    op = "sparse_shift"


KERNELS = (ShiftGather, SparseShiftGather)
