"""The definition: every result is a window of the image times a kernel, number by number."""

from __future__ import annotations

from collections.abc import Mapping

from tinyinfer.pages.player.trace.arrays import Array
from tinyinfer.pages.player.trace.convolution import Convolution
from tinyinfer.pages.player.trace.program import Chapter, Load, MultiplyAdd, Phase, Run, Store, Template


def window(conv: Convolution, arrays: Mapping[str, Array]) -> Chapter:
    """All kernels of one window, then the next window."""
    image, weights, result = (arrays[name] for name in ("image", "weights", "result"))
    places = [image.at(c=c, y=ky, x=kx) - image.start for c, ky, kx in conv.taps()]
    template = dot(places)
    runs = [
        Run(
            template,
            conv.group_out,
            (
                (image.at(c=g * conv.group_in, y=y * conv.stride, x=x * conv.stride), 0),
                (weights.at(m=g * conv.group_out), conv.depth),
                (result.at(m=g * conv.group_out, y=y, x=x), result.step("m")),
            ),
        )
        for y in range(conv.out)
        for x in range(conv.out)
        for g in range(conv.groups)
    ]
    return Chapter("window", (Phase("multiply", "counted", tuple(runs)),), ("image", "weights", "result"), 1, 1)


def dot(places: list[int]) -> Template:
    """One result: numbers at ``places`` of the first base times those in a row of the second, stored at the third."""
    products = [part for tap, place in enumerate(places) for part in (Load(1, tap), MultiplyAdd(0, 0, place))]
    return Template("dot", (*products, Store(0, 2, 0, 1)))
