"""Every window written out as a row: the convolution becomes a matrix product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tinyinfer.pages.player.chapters.window import dot
from tinyinfer.pages.player.trace.arrays import Array
from tinyinfer.pages.player.trace.convolution import LANES, Convolution
from tinyinfer.pages.player.trace.program import Chapter, Copy, Phase, Run, Template, single


def im2col(conv: Convolution, arrays: Mapping[str, Array]) -> Chapter:
    """The matrix, then rows times kernels."""
    matrix, weights, result = (arrays[name] for name in ("matrix", "weights", "result"))
    template = dot(list(range(conv.depth)))
    runs = [
        Run(
            template,
            conv.group_out,
            (
                (matrix.at(g=g, p=p), 0),
                (weights.at(m=g * conv.group_out), conv.depth),
                (result.at(m=g * conv.group_out, y=p // conv.out, x=p % conv.out), result.step("m")),
            ),
        )
        for p in range(conv.windows)
        for g in range(conv.groups)
    ]
    phases = gather(conv, arrays), Phase("multiply", "counted", tuple(runs))
    return Chapter("im2col", phases, ("image", "matrix", "weights", "result"), 1, 1, ("matrix",))


def gather(conv: Convolution, arrays: Mapping[str, Array]) -> Phase:
    """One window a step, in pieces as long as its numbers lie side by side in the image."""
    image, matrix = arrays["image"], arrays["matrix"]
    pieces = tuple(Copy(0, source, count, 1, 1, target) for source, count, target in _pieces(conv, image))
    template = Template("gather", pieces)
    runs = [
        single(
            template,
            image.at(c=g * conv.group_in, y=p // conv.out * conv.stride, x=p % conv.out * conv.stride),
            matrix.at(g=g, p=p),
        )
        for p in range(conv.windows)
        for g in range(conv.groups)
    ]
    return Phase("gather", "counted", tuple(runs))


def _pieces(conv: Convolution, image: Array) -> Iterator[tuple[int, int, int]]:
    """(offset in the image, numbers, offset in the row), none longer than a vector.

    In NHWC a piece is a pixel's channels, in NCHW a kernel's row of one channel.
    """
    length = conv.kernel if conv.layout == "NCHW" else conv.group_in
    taps = list(conv.taps())
    for start in range(0, conv.depth, length):
        c, ky, kx = taps[start]
        for at in range(0, length, LANES):
            yield image.at(c=c, y=ky, x=kx) - image.start + at, min(LANES, length - at), start + at
