"""Pixels for the places of a layout: the layers of a long network stand in several columns."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence

from tinyinfer.drawing.graph_layout import Layout, lay_out, split
from tinyinfer.drawing.theme import Theme
from tinyinfer.drawing.tile import Size, Tile, tile_svg

ASPECT = 1.3  # width over height that the number of columns aims at
MARGIN = 20
ROUND = 8  # radius of an edge's corners


class Columns:
    """A layout of tiles of one size in columns, as many as fit in ``most`` pixels."""

    def __init__(self, layout: Layout, size: Size, most: float) -> None:
        self.layout, self.size = layout, size
        layers = max(layout.layer, default=0) + 1
        left, right = self._extent(0, layers)
        one = right - left + size.gutter
        columns = min(round((ASPECT * layers * size.row / one) ** 0.5), int((most - 2 * MARGIN + size.gutter) / one))
        self.starts: list[int] = split(layout, max(columns, 1))
        ends = [*self.starts[1:], layers]
        self.tops = [2 * MARGIN if start else MARGIN for start in self.starts]  # room for the edge that comes over
        self.lefts: list[float] = []  # of the gutter before each column
        self.origins: list[float] = []
        at = 0.0
        for start, end in zip(self.starts, ends, strict=True):
            left, right = self._extent(start, end)
            self.lefts.append(at)
            self.origins.append(at + (size.gutter if start else MARGIN) - left)
            at = self.origins[-1] + right
        self.width = at + MARGIN
        tallest = max((end - start) * size.row for start, end in zip(self.starts, ends, strict=True))
        self.height = tallest - (size.row - size.height) + max(self.tops) + MARGIN

    def _extent(self, first: int, end: int) -> tuple[float, float]:
        """Leftmost and rightmost of the tiles and passing edges in some layers."""
        layout, half = self.layout, self.size.width / 2
        centres = [x for x, layer in zip(layout.x, layout.layer, strict=True) if first <= layer < end]
        lanes = [
            x
            for (a, _), passed in layout.passes.items()
            for layer, x in enumerate(passed, layout.layer[a] + 1)
            if first <= layer < end
        ]
        return min([x - half for x in centres] + lanes), max([x + half for x in centres] + lanes)

    def column(self, layer: int) -> int:
        """The column a layer stands in."""
        return bisect.bisect_right(self.starts, layer) - 1

    def x(self, x: float, layer: int) -> float:
        """Pixels from the left."""
        return round(x + self.origins[self.column(layer)], 1)

    def top(self, layer: int) -> int:
        """Pixels from the top to the upper edge of the layer's tiles."""
        column = self.column(layer)
        return self.tops[column] + (layer - self.starts[column]) * self.size.row

    def bottom(self, layer: int) -> int:
        """Pixels from the top to the lower edge of the layer's tiles."""
        return self.top(layer) + self.size.height


class Panel:
    """Tiles and the edges between them, drawn at the origin; ``width`` and ``height`` are what it takes."""

    def __init__(
        self, tiles: Sequence[Tile], edges: Sequence[tuple[int, int]], size: Size, theme: Theme, most: float
    ) -> None:
        layout = lay_out(len(tiles), edges, size.width, size.gap, size.lane)
        columns = Columns(layout, size, most)
        lines = "".join(_edge(columns, a, b, passed) for (a, b), passed in layout.passes.items())
        boxes = "".join(
            tile_svg(tile, columns.x(x, layer) - size.width / 2, columns.top(layer), size, theme)
            for tile, x, layer in zip(tiles, layout.x, layout.layer, strict=True)
        )
        self.svg = f'<g fill="none" stroke="{theme.edge}" stroke-width="1.5">{lines}</g>{boxes}'
        self.width, self.height = columns.width, columns.height


def _edge(grid: Columns, a: int, b: int, passed: list[float]) -> str:
    """From tile to tile: curves between the layers, straight past the tiles of a layer in between."""
    layout = grid.layout
    above, below = layout.layer[a], layout.layer[b]
    path, x, y = "", grid.x(layout.x[a], above), grid.bottom(above)
    if grid.column(above) < grid.column(below):
        path, x, y = _trunk(grid, a)
    points = [(x, y)]
    for layer, lane in enumerate(passed, above + 1):
        points += [(grid.x(lane, layer), grid.top(layer)), (grid.x(lane, layer), grid.bottom(layer))]
    points.append((grid.x(layout.x[b], below), grid.top(below)))
    path += f"M{x},{y}"
    for i, ((x0, y0), (x1, y1)) in enumerate(itertools.pairwise(points)):
        middle = (y0 + y1) / 2
        straight = i % 2 == 1 or abs(x0 - x1) < 0.5
        path += f"V{y1}" if straight else f"C{x0},{middle} {x1},{middle} {x1},{y1}"
    x, y = points[-1]
    arrow = f'<path d="M{x - 4:.1f},{y - 6} L{x},{y} L{x + 4:.1f},{y - 6}" stroke-linejoin="round"/>'
    return f'<path d="{path}"/>{arrow}'


def _trunk(grid: Columns, a: int) -> tuple[str, float, int]:
    """From the last tile of a column up the gutter to the top of the next; returns the path and where it ends."""
    layout, r = grid.layout, ROUND
    layer = layout.layer[a]
    x0, y0 = grid.x(layout.x[a], layer), grid.bottom(layer)
    gutter, low, high = grid.lefts[grid.column(layer + 1)] + grid.size.gutter / 2, y0 + 10, MARGIN - 6
    x1 = grid.x(layout.x[a], layer + 1)
    path = (
        f"M{x0},{y0}V{low - r}q0,{r} {r},{r}H{gutter - r}q{r},0 {r},{-r}V{high + r}q0,{-r} {r},{-r}"
        f"H{x1 - r}q{r},0 {r},{r}"
    )
    return path, x1, high + r
