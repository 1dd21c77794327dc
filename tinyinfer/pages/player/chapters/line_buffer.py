"""No matrix at all: as many rows of the image as a kernel is high, each new one in place of the oldest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tinyinfer.pages.player.chapters.panels import pack
from tinyinfer.pages.player.chapters.register_tile import tap, tile_store
from tinyinfer.pages.player.trace.arrays import Array
from tinyinfer.pages.player.trace.convolution import CHANNELS, SIDE, TILE_ROWS, Convolution
from tinyinfer.pages.player.trace.program import Chapter, Copy, Phase, Run, Template, single


def line_buffer(conv: Convolution, arrays: Mapping[str, Array]) -> Chapter:
    """A row of results once its rows of the image are there; register tiles read their windows out of the buffer."""
    runs: list[Run] = []
    seen = 0  # rows of the image
    for y in range(conv.out):
        first, end = y * conv.stride, y * conv.stride + conv.kernel
        runs += [_line(conv, arrays, row) for row in range(max(first, seen), end)]
        seen = end
        runs += _row_of_results(conv, arrays, y)
    phases = pack(conv, arrays, "before"), Phase("stream", "counted", tuple(runs))
    return Chapter("line buffer", phases, ("image", "lines", "panels", "result"), TILE_ROWS, conv.lanes, ("lines",))


def _line(conv: Convolution, arrays: Mapping[str, Array], row: int) -> Run:
    """A row of the image, pixel by pixel, channels together."""
    image, lines = arrays["image"], arrays["lines"]
    copies = tuple(Copy(0, x * image.step("x"), CHANNELS, image.step("c"), 1, x * lines.step("x")) for x in range(SIDE))
    return single(Template("line", copies), image.at(y=row), lines.at(s=row % conv.kernel))


def _row_of_results(conv: Convolution, arrays: Mapping[str, Array], y: int) -> Iterator[Run]:
    lines, packed, result = (arrays[name] for name in ("lines", "panels", "result"))
    apart = conv.stride * lines.step("x")
    taps = list(conv.taps())
    for q in range(conv.panels):
        channel = q // (conv.panels // conv.groups) * conv.group_in
        for x in range(0, conv.out, TILE_ROWS):
            rows = min(TILE_ROWS, conv.out - x)
            for t, (c, ky, kx) in enumerate(taps):
                slot = (y * conv.stride + ky) % conv.kernel
                source = lines.at(s=slot, x=x * conv.stride + kx, c=channel + c)
                yield single(tap(rows, apart, conv.lanes), source, packed.at(q=q, t=t))
            yield single(tile_store(rows, result, conv.lanes), result.at(m=q * conv.lanes, y=y, x=x))
