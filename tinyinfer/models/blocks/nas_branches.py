"""Cells with the layer names of the public NASNet and PNASNet: comb_iter_0_left, separable_1, path_1 ..."""

from __future__ import annotations

from dataclasses import dataclass

from tinyinfer.builder import Builder
from tinyinfer.models.blocks.conv_bn_act import Style
from tinyinfer.models.blocks.nas_cell import (
    Cell,
    factorized_reduce,
    nas_cell,
    relu_conv_bn,
    relu_separable_bn,
    window,
)

SIDES = ("left", "right")


@dataclass(frozen=True)
class CombCells:
    """Builds the cells of one network; what all of them have in common.

    ``cropped`` shifts windows by padding and cropping in the cells that halve an even size, as ports do without
    TensorFlow's "same" padding; ``count_padding`` lets average pools of stride 2 count zeros around the image;
    ``paths`` is where in a cell the two paths of a factorized reduction are.
    """

    b: Builder
    style: Style
    cropped: bool = False
    count_padding: bool = False
    paths: str = ""

    def __call__(
        self, inputs: tuple[str, str], cell: Cell, channels: int, name: str, reduce: bool = False, raw: bool = False
    ) -> str:
        """The output of a cell on (cell before last, last); ``raw`` takes the former as it is, in its own channels."""
        b, (before, last) = self.b, inputs
        if not raw:
            before = self._before(before, last, channels, name)
        last = relu_conv_bn(b, last, channels, names=_names(f"{name}.conv_1x1"), style=self.style)
        # even at the size that the network is made for: what ports with a fixed size look at
        cropped = self.cropped and reduce and b.shape(last)[-1] % 2 == 0

        def operation(x: str, kind: str, stride: int, place: int) -> str:
            part = f"{name}.comb_iter_{place // 2}_{SIDES[place % 2]}"
            if kind == "skip_connect":
                return x if stride == 1 else self._conv(x, channels, part, stride)
            if kind == "conv_7x1_1x7":
                return self._rectangles(x, channels, part, stride)
            if kind.startswith("sep_conv"):
                return self._separable(x, channels, window(kind), part, stride, cropped)
            return self._pool(x, kind, channels, part, stride)

        return nas_cell(b, (before, last), cell, name=name, reduce=reduce, operation=operation)

    def _before(self, before: str, last: str, channels: int, name: str) -> str:
        """The output of the cell before last in this cell's channels and size."""
        b = self.b
        if b.shape(before)[2:] == b.shape(last)[2:]:
            return relu_conv_bn(b, before, channels, names=_names(f"{name}.conv_prev_1x1"), style=self.style)
        inner = f"{name}.{self.paths}" if self.paths else name
        names = (f"{inner}.relu", f"{inner}.path_1.conv", f"{inner}.path_2.conv", f"{inner}.final_path_bn")
        return factorized_reduce(b, before, channels, names=names, style=self.style)

    def _separable(self, x: str, channels: int, kernel: int, part: str, stride: int, cropped: bool) -> str:
        """Twice a depthwise and a 1x1, the first with the stride (NASNet, appendix A.4)."""
        for i in (1, 2):
            depthwise, pointwise = (f"{part}.separable_{i}.{layer}_conv2d" for layer in ("depthwise", "pointwise"))
            x = relu_separable_bn(
                self.b,
                x,
                channels,
                kernel,
                names=(f"{part}.relu_{i}", depthwise, pointwise, f"{part}.bn_sep_{i}"),
                style=self.style,
                stride=stride if i == 1 else 1,
                cropped=cropped and i == 1,
            )
        return x

    def _pool(self, x: str, kind: str, channels: int, part: str, stride: int) -> str:
        """3x3 pooling, and a projection where the channels are not the cell's yet."""
        b, name = self.b, f"{part}.pool"
        if kind.startswith("max"):
            x = b.max_pool2d(x, window(kind), name=name, stride=stride, padding="same")
        else:
            counted = self.count_padding and stride == 2
            x = b.avg_pool2d(x, window(kind), name=name, stride=stride, padding="same", count_include_pad=counted)
        if b.channels(x) == channels:
            return x
        x = b.conv2d(x, channels, 1, name=f"{part}.conv", bias=False)
        return b.batch_norm(x, name=f"{part}.bn", eps=self.style.eps)

    def _conv(self, x: str, channels: int, part: str, stride: int) -> str:
        return relu_conv_bn(self.b, x, channels, names=_names(part), style=self.style, stride=stride)

    def _rectangles(self, x: str, channels: int, part: str, stride: int) -> str:
        """A 1x7 convolution and a 7x1, each halving its axis, on a quarter of the channels (AmoebaNet's code)."""
        b, inner = self.b, max(channels // 4, 1)
        layers = (("reduce", inner, (1, 1)), ("conv_1x7", inner, (1, 7)), ("conv_7x1", inner, (7, 1)))
        for layer, width, (height, across) in (*layers, ("expand", channels, (1, 1))):
            x = b.conv2d(
                b.relu(x, name=f"{part}.{layer}.relu"),
                width,
                (height, across),
                name=f"{part}.{layer}.conv",
                stride=(stride if height > 1 else 1, stride if across > 1 else 1),
                padding="same",
                bias=False,
            )
            x = b.batch_norm(x, name=f"{part}.{layer}.bn", eps=self.style.eps)
        return x


def _names(name: str) -> tuple[str, str, str]:
    return f"{name}.relu", f"{name}.conv", f"{name}.bn"
