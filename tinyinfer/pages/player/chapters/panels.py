"""Weights in the order in which vectors read them: a number of the image meets the kernels of a whole register."""

from __future__ import annotations

from collections.abc import Mapping

from tinyinfer.pages.player.chapters.im2col import gather
from tinyinfer.pages.player.trace.arrays import Array
from tinyinfer.pages.player.trace.convolution import Convolution
from tinyinfer.pages.player.trace.program import Chapter, Copy, Load, MultiplyAdd, Phase, Store, Template, When, single


def panels(conv: Convolution, arrays: Mapping[str, Array]) -> Chapter:
    """Pack once; then a row of the matrix times a panel gives a vector of results."""
    matrix, packed, result = (arrays[name] for name in ("matrix", "panels", "result"))
    taps = [part for t in range(conv.depth) for part in (Load(1, t * conv.lanes, conv.lanes), MultiplyAdd(0, 0, t))]
    template = Template("row", (*taps, Store(0, 2, 0, conv.lanes, result.step("m"))))
    runs = [
        single(
            template,
            matrix.at(g=q // (conv.panels // conv.groups), p=p),
            packed.at(q=q),
            result.at(m=q * conv.lanes, y=p // conv.out, x=p % conv.out),
        )
        for q in range(conv.panels)
        for p in range(conv.windows)
    ]
    phases = pack(conv, arrays, "once"), gather(conv, arrays), Phase("multiply", "counted", tuple(runs))
    shown = ("image", "matrix", "weights", "panels", "result")
    return Chapter("panels", phases, shown, 1, conv.lanes, ("matrix",))


def pack(conv: Convolution, arrays: Mapping[str, Array], when: When) -> Phase:
    """A panel a step: of each tap the weights of as many kernels as a vector has lanes."""
    weights, packed = arrays["weights"], arrays["panels"]
    copies = tuple(Copy(0, t, conv.lanes, conv.depth, 1, t * conv.lanes) for t in range(conv.depth))
    template = Template("pack", copies)
    runs = [single(template, weights.at(m=q * conv.lanes), packed.at(q=q)) for q in range(conv.panels)]
    return Phase("pack", when, tuple(runs))
