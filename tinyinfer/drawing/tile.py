"""A tile: a card of a drawing as it is seen, which may stand for several blocks that do the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from tinyinfer.drawing.theme import Theme
from tinyinfer.reporting.tables import shorten

STRIPE = 5
LETTER, BOLD = 0.58, 0.64  # mean widths of letters, in their size
HOTTEST = 0.45  # opacity of what takes longest: text on it can still be read
STACKED = 3  # pixels by which tiles beneath look out


class Size(NamedTuple):
    """Of tiles and what is between them, in pixels; ``letters`` is the size of a title."""

    width: int
    height: int
    row: int  # from the top of one to that of the next
    gap: int
    lane: int  # of an edge that passes
    gutter: int  # between columns
    letters: float


LARGE = Size(340, 62, 84, 18, 16, 48, 12.5)
SMALL = Size(200, 56, 76, 16, 14, 40, 11)


@dataclass(frozen=True)
class Tile:
    """Three lines of text, the last of which has an ``end`` on the right, and a stripe of (colour, share) to its left.

    ``times`` in a row it comes, ``mark`` says where its inside is drawn; ``heat`` from 0 to 1 is the colour of its
    ground.  ``key`` is what a script knows it by.  A tile without text is a point that edges come from.
    """

    title: str
    text: str = ""
    shape: str = ""
    end: str = ""
    stripe: tuple[tuple[str, float], ...] = ()
    times: int = 1
    mark: str = ""
    heat: float = 0.0
    tooltip: str = ""
    key: str = ""


def tile_svg(tile: Tile, x: float, y: float, size: Size, theme: Theme) -> str:
    """The tile with its upper left corner at a place."""
    if not tile.text:
        return _point(tile, x + size.width / 2, y + size.height, size, theme)
    frame = f'width="{size.width}" height="{size.height}" rx="6"'
    stack = "".join(
        f'<rect x="{x + at:.1f}" y="{y + at}" {frame} fill="{theme.panel}" stroke="{theme.line}"/>'
        for at in range((min(tile.times, 3) - 1) * STACKED, 0, -STACKED)
    )
    heat = (
        f'<rect class="heat" x="{x:.1f}" y="{y}" {frame} fill="{theme.heat}" fill-opacity="{HOTTEST * tile.heat:.3f}"/>'
    )
    key = f' class="tile" data-steps="{escape(tile.key)}" tabindex="0" role="button"' if tile.key else ""
    return (
        f"<g{key}><title>{escape(tile.tooltip)}</title>{stack}"
        f'<rect class="frame" x="{x:.1f}" y="{y}" {frame} fill="{theme.panel}" stroke="{theme.line}"/>'
        f"{heat if tile.heat else ''}{_stripe(tile.stripe, x, y, size)}{_texts(tile, x, y, size, theme)}</g>"
    )


def tail(name: str, width: int) -> str:
    """A name, without as many of its first parts as it takes: those of neighbours are alike there."""
    while len(name) > width and "." in name.removeprefix("…"):
        name = "…" + name.removeprefix("…").partition(".")[2]
    return shorten(name, width)


def cut(text: str, width: int) -> str:
    """A text up to a width."""
    return text if len(text) <= width else f"{text[: width - 1].rstrip(' ,')}…"


def _point(tile: Tile, x: float, y: float, size: Size, theme: Theme) -> str:
    return (
        f'<circle cx="{x:.1f}" cy="{y - 4}" r="4" fill="{theme.quiet}"/>'
        f'<text x="{x:.1f}" y="{y - 13}" font-size="{size.letters}" fill="{theme.quiet}" text-anchor="middle">'
        f"{escape(tile.title)}</text>"
    )


def _stripe(stripe: Sequence[tuple[str, float]], x: float, y: float, size: Size) -> str:
    parts, top, room = [], y + 5.0, size.height - 10.0
    for colour, share in stripe:
        parts.append(
            f'<rect x="{x + 1:.1f}" y="{top:.1f}" width="{STRIPE}" height="{share * room:.1f}" fill="{colour}"/>'
        )
        top += share * room
    return "".join(parts)


def _texts(tile: Tile, x: float, y: float, size: Size, theme: Theme) -> str:
    small = size.letters - 1
    inner, right = x + STRIPE + 9, x + size.width - 9
    badge = " ".join((*([tile.mark] if tile.mark else []), *([f"× {tile.times}"] if tile.times > 1 else [])))
    room = right - inner
    title = tail(tile.title, int(room / (BOLD * size.letters)) - len(badge) - 1)
    text = cut(tile.text, int(room / (LETTER * small)))
    line = size.height / 3.4

    def line_of(at: int, what: str, letters: float, colour: str, place: str) -> str:
        where = f'x="{inner if place != "end" else right:.1f}" y="{y + line * at:.1f}"'
        anchor = ' text-anchor="end"' if place == "end" else ""
        weight = ' font-weight="600"' if at == 1 else ""
        return (
            f'<text {where} font-size="{letters}" fill="{colour}"{weight}{anchor}>{escape(what)}</text>' if what else ""
        )

    return (
        line_of(1, title, size.letters, theme.ink, "start")
        + line_of(1, badge, size.letters, theme.ink, "end")
        + line_of(2, text, small, theme.quiet, "start")
        + line_of(3, tile.shape, small, theme.quiet, "start")
        + line_of(3, tile.end, small, theme.ink, "end")
    )
