"""The ways of computing a convolution, in the order in which each mends what the one before it wastes."""

from __future__ import annotations

from tinyinfer.pages.player.chapters.im2col import im2col
from tinyinfer.pages.player.chapters.line_buffer import line_buffer
from tinyinfer.pages.player.chapters.panels import panels
from tinyinfer.pages.player.chapters.register_tile import register_tile
from tinyinfer.pages.player.chapters.window import window
from tinyinfer.pages.player.chapters.winograd import winograd
from tinyinfer.pages.player.trace.arrays import arrays_of
from tinyinfer.pages.player.trace.convolution import Convolution
from tinyinfer.pages.player.trace.program import Chapter

__all__ = ["chapters_of"]


def chapters_of(conv: Convolution) -> list[Chapter]:
    """All chapters that there are for a setting: Winograd's takes 3x3 kernels at stride 1 without groups."""
    ways = [window, im2col, panels, register_tile, line_buffer]
    return [way(conv, arrays_of(conv)) for way in (*ways, *([winograd] if conv.has_winograd else []))]
