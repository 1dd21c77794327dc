"""A network as an SVG drawing: its blocks from top to bottom, and below them what is inside of each kind of block."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from tinyinfer.drawing.cards import KINDS, OTHER_COLOUR, colour_of
from tinyinfer.drawing.columns import MARGIN, Panel
from tinyinfer.drawing.picture import picture
from tinyinfer.drawing.theme import LIGHT, Theme
from tinyinfer.drawing.tile import BOLD, LARGE, LETTER, SMALL, tail
from tinyinfer.drawing.tiles import Tiles
from tinyinfer.graph import Graph, Shape
from tinyinfer.profiling.cost import cost
from tinyinfer.structure.folding import Folded, fold

WIDTH = 1200  # pixels that a drawing keeps to if it can
TITLE = 44  # pixels above what is inside a block
HEADROOM = 34  # less, as points that edges come from are low
LEGEND = 28
LETTERS = 13.0
SLACK = 1.3  # times as high as the first panel what stands on its right may be
FONT = "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"


def draw(graph: Graph, input_shapes: Mapping[str, Shape] | None = None, *, name: str = "") -> str:
    """The network as a self-contained SVG for these input shapes (nominal ones by default).

    A batch norm, activation or dropout stands on the tile of the layer it follows; blocks that repeat stand on one, and
    each kind of block is drawn from inside once.  ``name`` is the network's, for those who do not see the drawing.
    Raises GraphError.
    """
    macs = {row.name: row.macs for row in cost(graph, input_shapes).rows}
    return drawing(Tiles(graph, fold(graph), graph.infer_types(input_shapes), macs), name=name)


def drawing(network: Tiles, theme: Theme = LIGHT, most: float = WIDTH, name: str = "") -> str:
    """The same of a network that is folded already, ``most`` pixels wide if it can be."""
    whole = Panel(*network.overview(), LARGE, theme, most)
    if whole.width > most:
        whole = Panel(*network.overview(), SMALL, theme, most)
    shelves = _Shelves(whole, max(most, whole.width))
    parts = [_moved(whole.svg, 0, 0)]
    for block in network.kinds():
        mark = network.marks()[block.pattern]
        inside = Panel(*network.inside(block), SMALL, theme, 0)
        left, top = shelves.place(inside.width, inside.height + TITLE - HEADROOM)
        room = int((inside.width - MARGIN) / (BOLD * LETTERS))
        title = f"{mark}: {tail(block.name, room - len(mark) - 2)}"
        parts.append(_moved(_words(title, theme), left + MARGIN, top + TITLE))
        parts.append(_moved(inside.svg, left, top + TITLE - HEADROOM))
    legend, legend_width = _legend(network, theme)
    width, height = max(shelves.width, legend_width + 2 * MARGIN), shelves.bottom + LEGEND
    parts.append(_moved(legend, MARGIN, shelves.bottom))
    body = f'<rect width="100%" height="100%" fill="{theme.paper}"/>{"".join(parts)}'
    return picture(_summary(name, network.folded), width, height, body, f'font-family="{FONT}"')


def _summary(name: str, folded: Folded) -> str:
    """Drawing of densenet121: 61 blocks, 247 layers."""
    counts = {"block": sum(len(block.layers) > 1 for row in folded.rows for block in row), "layer": len(folded.layers)}
    found = [f"{count} {what}{'' if count == 1 else 's'}" for what, count in counts.items() if count]
    return f"Drawing of {name or 'a network'}: {', '.join(found)}"


class _Shelves:
    """Places for panels: to the right of the first while there is room, then below it."""

    def __init__(self, first: Panel, most: float) -> None:
        self.most, self.height = most, SLACK * first.height
        self.start, self.left, self.top = first.width, first.width, 0.0  # of the shelf
        self.width, self.bottom, self.low = first.width, float(first.height), 0.0

    def place(self, width: float, height: float) -> tuple[float, float]:
        """Left and top of a panel of this size."""
        if self.left > self.start and self.left + width > self.most:
            self.left, self.top = self.start, self.low
        if self.start and (self.left + width > self.most or self.top + height > self.height):
            self.start, self.left, self.top = 0.0, 0.0, self.bottom
        place = self.left, self.top
        self.left += width
        self.low = max(self.low, self.top + height)
        self.width, self.bottom = max(self.width, self.left), max(self.bottom, self.low)
        return place


def _moved(svg: str, left: float, top: float) -> str:
    return f'<g transform="translate({left:.1f},{top:.1f})">{svg}</g>'


def _words(text: str, theme: Theme) -> str:
    return f'<text y="-6" font-size="{LETTERS}" font-weight="600" fill="{theme.ink}">{escape(text)}</text>'


def _legend(network: Tiles, theme: Theme) -> tuple[str, float]:
    """What the colours of stripes mean, those that are there, and how wide it is."""
    used = {colour_of(layer.kind) for layer in network.folded.layers}
    parts, left = [], 0.0
    for colour, words, *_ in (*KINDS, (OTHER_COLOUR, "other")):
        if colour in used:
            parts.append(
                f'<rect x="{left:.0f}" y="0" width="11" height="11" rx="2" fill="{colour}"/>'
                f'<text x="{left + 17:.0f}" y="10" font-size="12" fill="{theme.quiet}">{words}</text>'
            )
            left += 34 + 12 * LETTER * len(words)
    return "".join(parts), left
