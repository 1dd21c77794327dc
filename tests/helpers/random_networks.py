"""Small networks made of randomly drawn blocks, in which channels are bound to one another in every way there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from small_networks import randomize

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph

SIDE = 8
Draw = Callable[[st.SearchStrategy], object]


class Drawn(Builder):
    """A builder that names layers by itself and draws what is not said."""

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self.draw, self._count = draw, 0

    def name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count}"

    def pick(self, *choices: object) -> object:
        return self.draw(st.sampled_from(choices))

    def put(self, kind: str, *inputs: str, **options: object) -> str:
        return self.apply(kind, *inputs, name=self.name(kind), **options)

    def conv(self, x: str, channels: int, size: int = 1, **options: object) -> str:
        bias = bool(self.pick(True, False))
        return self.conv2d(x, channels, size, name=self.name("conv"), padding=size // 2, bias=bias, **options)

    def normed(self, x: str, channels: int, size: int = 1, **options: object) -> str:
        """Convolution, norm and activation."""
        x = self.batch_norm(self.conv(x, channels, size, **options), name=self.name("norm"))
        kind = self.pick("relu", "relu6", "hardswish", "silu", "identity", "sigmoid")
        return self.put(str(kind), x)


def plain(b: Drawn, x: str) -> str:
    return b.normed(x, b.pick(4, 6, 8, 12), b.pick(1, 3))


def biased(b: Drawn, x: str) -> str:
    return b.put("relu", b.conv(x, b.pick(4, 8), 3))


def depthwise(b: Drawn, x: str) -> str:
    channels = b.channels(x)
    return b.normed(x, channels * b.pick(1, 2), 3, groups=channels)


def grouped(b: Drawn, x: str) -> str:
    return b.normed(x, b.pick(4, 8), 3, groups=2)


def residual(b: Drawn, x: str) -> str:
    y = b.conv(b.normed(x, b.pick(4, 8)), b.channels(x))
    return b.put("relu", b.put("add", *b.draw(st.permutations([x, y]))))


def padded_shortcut(b: Drawn, x: str) -> str:
    y = b.normed(x, b.channels(x) + 4, 3)
    return b.add(y, b.pad(x, (2, 2, 0, 0, 0, 0), name=b.name("pad")), name=b.name("add"))


def dense(b: Drawn, x: str) -> str:
    y = b.conv(b.put("relu", b.batch_norm(x, name=b.name("norm"))), 4, 3)
    return b.put("concat", x, y, dim=1)


def shuffle_unit(b: Drawn, x: str) -> str:
    half = b.channels(x) // 2
    left, right = b.split(x, half, name=b.name("split"))
    return b.put("channel_shuffle", b.put("concat", left, b.normed(right, half), dim=1), groups=2)


def reshaped_shuffle(b: Drawn, x: str) -> str:
    _, c, h, w = b.shape(x)
    y = b.put("permute", b.put("reshape", x, shape=(0, 2, c // 2, h, w)), dims=(0, 2, 1, 3, 4))
    return b.put("reshape", y, shape=b.pick((0, c, h, w), (0, -1, h, w)))


def gate(b: Drawn, x: str) -> str:
    y = b.put("relu", b.conv(b.put("adaptive_avg_pool2d", x, output_size=1), 4))
    return b.mul(x, b.put(str(b.pick("sigmoid", "hardsigmoid")), b.conv(y, b.channels(x))), name=b.name("mul"))


def spread(b: Drawn, x: str) -> str:
    return b.put("pixel_unshuffle", b.put("pixel_shuffle", b.normed(x, 16), upscale_factor=2), downscale_factor=2)


def chosen(b: Drawn, x: str) -> str:
    channels = b.channels(x)
    if b.pick(True, False):
        order = tuple(b.draw(st.permutations(range(channels))))
        return b.put("index_select", x, dim=1, index=order)
    return b.put("slice", b.normed(x, channels + 4), dim=1, start=2, end=channels + 2, step=1)


def displaced(b: Drawn, x: str) -> str:
    return b.put("shift", b.normed(x, 10))


def scaled(b: Drawn, x: str) -> str:
    channels = b.channels(x)
    kind = b.pick("prelu", "layer_scale", "scale_shift", "constant")
    if kind == "prelu":
        return b.put("prelu", x, params={"weight": (channels,)})
    if kind == "layer_scale":
        return b.put("layer_scale", x, params={"gamma": (channels,)})
    if kind == "scale_shift":
        return b.put("scale_shift", x, scale=tuple(np.linspace(-1, 1, channels).tolist()), shift=b.pick(0.0, 0.5))
    factors = np.linspace(-1, 1, channels, dtype=np.float32).reshape(-1, 1, 1)
    return b.mul(b.constant(factors, name=b.name("constant")), x, name=b.name("mul"))


def transposed(b: Drawn, x: str) -> str:
    groups = b.pick(1, 2, b.channels(x))
    params = {"weight": (b.channels(x), 8 // groups if groups < 4 else 1, 1, 1)}
    return b.put("conv_transpose2d", x, params=params, groups=groups)


def pooled(b: Drawn, x: str) -> str:
    return b.put(str(b.pick("max_pool2d", "avg_pool2d")), x, kernel_size=3, stride=1, padding=1)


def barred(b: Drawn, x: str) -> str:
    """Channels of a pixel are set against each other."""
    return b.pick(
        lambda: b.put("local_response_norm", x, size=3),
        lambda: b.put("layer_norm", x, normalized_shape=(b.channels(x),), dim=1),
        lambda: b.put("softmax", x, dim=1),
        lambda: b.put("group_norm", x, num_groups=2),
    )()


BLOCKS = (
    *(plain, biased, depthwise, grouped, residual, padded_shortcut, dense, shuffle_unit, reshaped_shuffle, gate),
    *(spread, chosen, displaced, scaled, transposed, pooled, barred),
)


@st.composite
def networks(draw: Draw) -> Graph:
    """A stem, up to five blocks, and a classifier behind pooling or a layer on all pixels."""
    b = Drawn(draw)
    x = b.normed(b.input(3, SIDE), b.pick(8, 12), 3)
    for block in draw(st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=5)):
        x = block(b, x)
    if b.pick(True, False):
        x = b.flatten(b.adaptive_avg_pool2d(x, name="pool"))
    else:
        x = b.put("relu", b.linear(b.flatten(x), 12, name="hidden"))
    graph = randomize(b.finish(b.linear(x, 5, name="classifier")), draw(st.integers(0, 99)))
    graph.inputs = [replace(i, nominal=(2, *i.nominal[1:])) for i in graph.inputs]
    return graph
