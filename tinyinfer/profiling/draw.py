"""A network as an SVG drawing: a card for each layer with its norm and activation, edges for the values."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Mapping
from html import escape

from tinyinfer.drawing.cards import Card, cards_of
from tinyinfer.drawing.graph_layout import Layout, lay_out, split
from tinyinfer.graph import Graph, Shape
from tinyinfer.profiling.cost import cost
from tinyinfer.reporting.tables import millions, shape_text, shorten

WIDTH, HEIGHT = 290, 44  # of a card
ROW, GAP, LANE, MARGIN, GUTTER = 64, 16, 14, 20, 44
STRIPE = 5
ASPECT = 1.3  # width over height that the number of columns aims at


def draw(graph: Graph, input_shapes: Mapping[str, Shape] | None = None) -> str:
    """The network as a self-contained SVG, top to bottom, for these input shapes (nominal ones by default).

    A batch norm, activation or dropout stands on the card of the layer it follows.  Raises GraphError.
    """
    types = graph.infer_types(input_shapes)
    macs = {row.name: row.macs for row in cost(graph, input_shapes).rows}
    cards, edges = cards_of(graph, types, macs)
    layout = lay_out(len(cards), edges, WIDTH, GAP, LANE)
    return _svg(cards, layout, Grid(layout))


# -- SVG ---------------------------------------------------------------------------------------


class Grid:
    """Turns the layout's places into pixels: the layers of a long network stand in several columns."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        layers = max(layout.layer, default=0) + 1
        left, right = self._extent(0, layers)
        columns = round((ASPECT * layers * ROW / (right - left + GUTTER)) ** 0.5)
        self.starts: list[int] = split(layout, max(columns, 1))
        ends = [*self.starts[1:], layers]
        self.tops = [2 * MARGIN if start else MARGIN for start in self.starts]  # room for the edge that comes over
        self.lefts: list[float] = []  # of the gutter before each column
        self.origins: list[float] = []
        at = 0.0
        for start, end in zip(self.starts, ends, strict=True):
            left, right = self._extent(start, end)
            self.lefts.append(at)
            self.origins.append(at + (GUTTER if start else MARGIN) - left)
            at = self.origins[-1] + right
        self.width = at + MARGIN
        tallest = max((end - start) * ROW for start, end in zip(self.starts, ends, strict=True))
        self.height = tallest - (ROW - HEIGHT) + max(self.tops) + MARGIN

    def _extent(self, first: int, end: int) -> tuple[float, float]:
        """Leftmost and rightmost of the cards and passing edges in some layers."""
        layout = self.layout
        centres = [x for x, layer in zip(layout.x, layout.layer, strict=True) if first <= layer < end]
        lanes = [
            x
            for (a, _), passed in layout.passes.items()
            for layer, x in enumerate(passed, layout.layer[a] + 1)
            if first <= layer < end
        ]
        return min([x - WIDTH / 2 for x in centres] + lanes), max([x + WIDTH / 2 for x in centres] + lanes)

    def column(self, layer: int) -> int:
        """The column a layer stands in."""
        return bisect.bisect_right(self.starts, layer) - 1

    def x(self, x: float, layer: int) -> float:
        """Pixels from the left."""
        return round(x + self.origins[self.column(layer)], 1)

    def top(self, layer: int) -> int:
        """Pixels from the top to the upper edge of the layer's cards."""
        column = self.column(layer)
        return self.tops[column] + (layer - self.starts[column]) * ROW

    def bottom(self, layer: int) -> int:
        """Pixels from the top to the lower edge of the layer's cards."""
        return self.top(layer) + HEIGHT


def _svg(cards: list[Card], layout: Layout, grid: Grid) -> str:
    edges = "".join(_edge(layout, grid, a, b, passed) for (a, b), passed in layout.passes.items())
    boxes = "".join(
        _box(card, grid.x(x, layer) - WIDTH / 2, grid.top(layer))
        for card, x, layer in zip(cards, layout.x, layout.layer, strict=True)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{grid.width:.0f}" height="{grid.height}" '
        f'viewBox="0 0 {grid.width:.0f} {grid.height}" font-family="system-ui, Helvetica, Arial, sans-serif">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>'
        f'<g fill="none" stroke="#9aa5b1" stroke-width="1.5">{edges}</g>{boxes}</svg>'
    )


def _edge(layout: Layout, grid: Grid, a: int, b: int, passed: list[float]) -> str:
    """From card to card: curves between the layers, straight past the cards of a layer in between."""
    above, below = layout.layer[a], layout.layer[b]
    path, x, y = "", grid.x(layout.x[a], above), grid.bottom(above)
    if grid.column(above) < grid.column(below):
        path, x, y = _trunk(layout, grid, a)
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


def _trunk(layout: Layout, grid: Grid, a: int) -> tuple[str, float, int]:
    """From the last card of a column up the gutter to the top of the next; returns the path and where it ends."""
    layer, r = layout.layer[a], 8
    x0, y0 = grid.x(layout.x[a], layer), grid.bottom(layer)
    gutter, low, high = grid.lefts[grid.column(layer + 1)] + GUTTER / 2, y0 + 10, MARGIN - 6
    x1 = grid.x(layout.x[a], layer + 1)
    path = (
        f"M{x0},{y0}V{low - r}q0,{r} {r},{r}H{gutter - r}q{r},0 {r},{-r}V{high + r}q0,{-r} {r},{-r}"
        f"H{x1 - r}q{r},0 {r},{r}"
    )
    return path, x1, high + r


def _box(card: Card, x: float, y: float) -> str:
    macs = f"{millions(card.macs)} M" if card.macs else ""
    inner, end, shape = x + STRIPE + 9, x + WIDTH - 9, shape_text(card.shape)
    title = shorten(card.title, int((WIDTH - 34 - 6.6 * len(shape)) / 7.2))  # average widths of letters
    text = shorten(card.text, int((WIDTH - 34 - 6.6 * len(macs)) / 6.0))
    return (
        f"<g><title>{escape(card.tooltip)}</title>"
        f'<rect x="{x:.1f}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#f5f7fa" stroke="#cbd2d9"/>'
        f'<rect x="{x + 1:.1f}" y="{y + 5}" width="{STRIPE}" height="{HEIGHT - 10}" rx="2.5" fill="{card.colour}"/>'
        f'<text x="{inner:.1f}" y="{y + 18}" font-size="12" font-weight="600" fill="#1f2933">'
        f"{escape(title)}</text>"
        f'<text x="{inner:.1f}" y="{y + 34}" font-size="11" fill="#52606d">{escape(text)}</text>'
        f'<text x="{end:.1f}" y="{y + 18}" font-size="11" fill="#1f2933" text-anchor="end">{shape}</text>'
        f'<text x="{end:.1f}" y="{y + 34}" font-size="11" fill="#52606d" text-anchor="end">{macs}</text></g>'
    )
