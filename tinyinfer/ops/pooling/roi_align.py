"""Regions of images brought to one size."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.graph import TensorType
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    flag,
    integer,
    number,
    operator,
    pair,
    require,
    require_rank,
)

MODES = ("avg", "max")
MOST_POINTS = 2**16  # along one side of a region: its box comes from data, and could ask for any number
MOST_SHARES = 2**22  # of the pixels along a side that each of the cells along it may have


@operator
class RoiAlign(Op):
    """The mean of points in each cell of each region, as torchvision.ops.roi_align (He et al. 2017, section 3).

    x (N, C, H, W), boxes (K, 5): the image's number, then the box's corners (x1, y1, x2, y2), which times
    ``spatial_scale`` are pixels; the result is (K, C, *output_size).  A cell has ``sampling_ratio`` points a side, or
    (0 or less) as many as it has pixels; x is interpolated linearly there.  ``aligned`` says that pixel i reaches from
    i to i + 1, so that its centre is half a pixel further.  ``mode`` "max" is ONNX's: the largest of the four weighted
    pixels of all points.
    """

    name: ClassVar[str] = "roi_align"
    arity: ClassVar[int | None] = 2

    output_size: tuple[int, int]
    spatial_scale: float = 1.0
    sampling_ratio: int = -1
    aligned: bool = False
    mode: str = "avg"

    def __post_init__(self) -> None:
        good = isinstance(self.mode, str) and self.mode in MODES
        require(good, f"mode: expected one of {', '.join(MODES)}, found {self.mode!r}")
        self.normalize(
            output_size=pair(self.output_size, "output_size", least=1),
            spatial_scale=number(self.spatial_scale, "spatial_scale"),
            sampling_ratio=integer(self.sampling_ratio, "sampling_ratio"),
            aligned=flag(self.aligned, "aligned"),
        )

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, boxes = inputs
        require_rank(x, 4)
        require(len(boxes.shape) == 2 and boxes.shape[1] == 5, f"boxes: expected rows of 5 numbers, found {boxes}")
        for cells, size in zip(self.output_size, x.shape[2:], strict=True):
            fits = cells * int(size) <= MOST_SHARES
            require(fits, f"output_size: expected at most {MOST_SHARES // int(size)} for {size} pixels, found {cells}")
        return [TensorType((boxes.shape[0], x.shape[1], *self.output_size), x.dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x, boxes = inputs
        y = np.empty((len(boxes), x.shape[1], *self.output_size), x.dtype)
        for region, (image, *corners) in zip(y, boxes, strict=True):
            if not 0 <= image < len(x):
                raise InputError(f"boxes: expected images 0 to {len(x) - 1}, found {image:g}")
            rows, columns = (self._points(corners[1 - i], corners[3 - i], i, x.shape[2 + i]) for i in range(2))
            region[...] = self._pooled(x[int(image)], rows, columns)
        return [y]

    def _points(self, start: float, end: float, i: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """The two pixels around each point along one side and their weights: (cells, points, 2) each."""
        shift = 0.5 if self.aligned else 0.0
        start, end = start * self.spatial_scale - shift, end * self.spatial_scale - shift
        extent = end - start if self.aligned else max(end - start, 1.0)
        cells = self.output_size[i]
        wanted = self.sampling_ratio if self.sampling_ratio > 0 else np.ceil(extent / cells)
        if not wanted <= MOST_POINTS:
            raise InputError(f"boxes: expected at most {MOST_POINTS} points along a cell, found {wanted:g}")
        count = max(int(wanted), 0)
        at = start + (np.arange(cells)[:, None] + (np.arange(count) + 0.5) / max(count, 1)) * (extent / cells)
        inside = (at >= -1) & (at <= size)
        at = np.clip(np.where(inside, at, 0), 0, size - 1)
        low = np.floor(at)
        source = np.minimum(np.stack([low, low + 1], axis=-1), size - 1).astype(np.int64)
        weight = np.stack([low + 1 - at, at - low], axis=-1) * inside[..., None]
        return source, weight

    def _pooled(
        self, x: np.ndarray, rows: tuple[np.ndarray, np.ndarray], columns: tuple[np.ndarray, np.ndarray]
    ) -> np.ndarray:
        """(C, H, W) to (C, *output_size)."""
        if 0 in (rows[0].shape[1], columns[0].shape[1]):
            return np.zeros((len(x), *self.output_size), x.dtype)
        if self.mode == "avg":  # the mean over points is one along the rows of one along the columns
            by_row, by_column = (_means(*side, size) for side, size in zip((rows, columns), x.shape[1:], strict=True))
            return np.asarray(by_row.astype(x.dtype) @ x @ by_column.T.astype(x.dtype))
        (i, row_share), (j, column_share) = (
            (source.reshape(-1, 2), weight.reshape(-1, 2)) for source, weight in (rows, columns)
        )
        corners = [
            x[:, i[:, a]][:, :, j[:, b]] * np.outer(row_share[:, a], column_share[:, b]).astype(x.dtype)
            for a in range(2)
            for b in range(2)
        ]
        points = np.max(corners, axis=0).reshape(len(x), *rows[0].shape[:2], *columns[0].shape[:2])
        return np.asarray(points.max(axis=(2, 4)))

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Boxes inside the image and somewhat outside."""
        x, boxes = inputs
        count, (n, _, h, w) = boxes.shape[0], x.shape
        image = rng.integers(0, n, (count, 1))
        corners = rng.uniform(-1, 1, (count, 2)) * (w, h)
        sides = rng.uniform(0.2, 1, (count, 2)) * (w, h)
        found = np.concatenate([image, corners, corners + sides], axis=1)
        return [*super().example_inputs([x], rng), np.asarray(found, boxes.dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        shapes = ((2, 3, 9, 7), (5, 5))
        return [
            Case({"output_size": (3, 2), "sampling_ratio": 2}, shapes),
            Case({"output_size": 4, "aligned": True, "spatial_scale": 0.5}, shapes),
            Case({"output_size": (2, 5)}, shapes),
        ]


def _means(source: np.ndarray, weight: np.ndarray, size: int) -> np.ndarray:
    """The (cells, size) matrix that takes the mean over each cell's points."""
    cells, count, _ = source.shape
    matrix = np.zeros((cells, size))
    np.add.at(matrix, (np.arange(cells)[:, None, None], source), weight / count)
    return matrix


OPS = (RoiAlign,)
