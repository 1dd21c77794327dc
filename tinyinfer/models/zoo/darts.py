"""DARTS: cells found by gradient descent, and the rivals' cells in the same network (Liu, Simonyan and Yang 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style
from tinyinfer.models.blocks.nas_cell import (
    Cell,
    factorized_reduce,
    nas_cell,
    relu_conv_bn,
    relu_separable_bn,
    window,
)
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor
from tinyinfer.models.zoo import nasnet

Names = Literal["darts_v1", "darts_v2", "nasnet_a", "amoebanet_a"]

# normal and reduction cells, their rows as in nasnet.py, from the authors' code; the rivals' are as DARTS drew them
GENOTYPES: dict[str, tuple[Cell, Cell]] = {
    "darts_v1": (
        Cell(
            pairs=(
                (("sep_conv_3x3", 1), ("sep_conv_3x3", 0)),
                (("skip_connect", 0), ("sep_conv_3x3", 1)),
                (("skip_connect", 0), ("sep_conv_3x3", 1)),
                (("sep_conv_3x3", 0), ("skip_connect", 2)),
            ),
            concat=(2, 3, 4, 5),
        ),
        Cell(
            pairs=(
                (("max_pool_3x3", 0), ("max_pool_3x3", 1)),
                (("skip_connect", 2), ("max_pool_3x3", 0)),
                (("max_pool_3x3", 0), ("skip_connect", 2)),
                (("skip_connect", 2), ("avg_pool_3x3", 0)),
            ),
            concat=(2, 3, 4, 5),
        ),
    ),
    "darts_v2": (
        Cell(
            pairs=(
                (("sep_conv_3x3", 0), ("sep_conv_3x3", 1)),
                (("sep_conv_3x3", 0), ("sep_conv_3x3", 1)),
                (("sep_conv_3x3", 1), ("skip_connect", 0)),
                (("skip_connect", 0), ("dil_conv_3x3", 2)),
            ),
            concat=(2, 3, 4, 5),
        ),
        Cell(
            pairs=(
                (("max_pool_3x3", 0), ("max_pool_3x3", 1)),
                (("skip_connect", 2), ("max_pool_3x3", 1)),
                (("max_pool_3x3", 0), ("skip_connect", 2)),
                (("skip_connect", 2), ("max_pool_3x3", 1)),
            ),
            concat=(2, 3, 4, 5),
        ),
    ),
    # here the cells end with what nothing else has used, and without state 0
    "nasnet_a": (Cell(nasnet.NORMAL.pairs, (2, 3, 4, 5, 6)), Cell(nasnet.REDUCTION.pairs, (4, 5, 6))),
    "amoebanet_a": (
        Cell(
            pairs=(
                (("avg_pool_3x3", 0), ("max_pool_3x3", 1)),
                (("sep_conv_3x3", 0), ("sep_conv_5x5", 2)),
                (("sep_conv_3x3", 0), ("avg_pool_3x3", 3)),
                (("sep_conv_3x3", 1), ("skip_connect", 1)),
                (("skip_connect", 0), ("avg_pool_3x3", 1)),
            ),
            concat=(4, 5, 6),
        ),
        Cell(
            pairs=(
                (("avg_pool_3x3", 0), ("sep_conv_3x3", 1)),
                (("max_pool_3x3", 0), ("sep_conv_7x7", 2)),
                (("sep_conv_7x7", 0), ("avg_pool_3x3", 1)),
                (("max_pool_3x3", 0), ("max_pool_3x3", 1)),
                (("conv_7x1_1x7", 0), ("sep_conv_3x3", 5)),
            ),
            concat=(3, 4, 6),
        ),
    ),
}


def build(
    *,
    num_classes: Count = 1000,
    genotype: Names = "darts_v2",
    channels: Count = 48,
    layers: Count = 14,
    small_input: bool = False,
    resolution: Count | None = None,
    eps: Factor = 1e-5,
) -> Graph:
    """``layers`` cells of a ``genotype``, ``channels`` wide at first; those at 1/3 and 2/3 halve the size (section 3).

    ``small_input`` is the network for CIFAR-10, with one convolution in front; the other has three of stride 2.
    """
    b = Builder()
    style = Style(eps=eps)
    normal, reduction = GENOTYPES[genotype]
    x = b.input(3, resolution or (32 if small_input else 224))
    before, x = _stem(b, x, channels, small_input, eps)
    for i in range(layers):
        reduce = i in (layers // 3, 2 * layers // 3)
        channels = 2 * channels if reduce else channels
        last, x = x, _cell(b, (before, x), reduction if reduce else normal, channels, f"cells.{i}", reduce, style)
        before = last
    x = b.flatten(b.adaptive_avg_pool2d(x, name="global_pooling"))
    return b.finish(b.linear(x, num_classes, name="classifier"))


def _stem(b: Builder, x: str, channels: int, small_input: bool, eps: float) -> tuple[str, str]:
    """What the first cell takes for the outputs of the cell before last and of the last."""

    def conv(x: str, channels: int, name: str, at: int, stride: int) -> str:
        x = b.conv2d(x, channels, 3, name=f"{name}.{at}", stride=stride, padding=1, bias=False)
        return b.batch_norm(x, name=f"{name}.{at + 1}", eps=eps)

    if small_input:
        x = conv(x, 3 * channels, "stem", 0, 1)
        return x, x
    x = b.relu(conv(x, max(channels // 2, 1), "stem0", 0, 2), name="stem0.2")
    x = conv(x, channels, "stem0", 3, 2)
    return x, conv(b.relu(x, name="stem1.0"), channels, "stem1", 1, 2)


def _cell(b: Builder, inputs: tuple[str, str], cell: Cell, channels: int, name: str, reduce: bool, style: Style) -> str:
    """A cell with its two inputs brought to its channels and size."""
    layers = _Layers(b, channels, style)
    before, last = inputs
    same_size = b.shape(before)[2:] == b.shape(last)[2:]
    before = (layers.project if same_size else layers.halve)(before, f"{name}.preprocess0")
    last = layers.project(last, f"{name}.preprocess1")

    def operation(x: str, kind: str, stride: int, place: int) -> str:
        part = f"{name}._ops.{place}"
        if kind == "skip_connect":
            return x if stride == 1 else layers.halve(x, part)
        if kind == "conv_7x1_1x7":
            return layers.rectangles(x, stride, part)
        if kind.startswith("sep_conv"):
            x = layers.separable(x, window(kind), stride, part)
            return layers.separable(x, window(kind), 1, part, first=4)
        if kind.startswith("dil_conv"):
            return layers.separable(x, window(kind), stride, part, dilation=2)
        if kind.startswith("max_pool"):
            return b.max_pool2d(x, window(kind), name=part, stride=stride, padding=1)
        return b.avg_pool2d(x, window(kind), name=part, stride=stride, padding=1, count_include_pad=False)

    return nas_cell(b, (before, last), cell, name=name, reduce=reduce, operation=operation)


@dataclass(frozen=True)
class _Layers:
    """What the operations of a cell are made of."""

    b: Builder
    channels: int
    style: Style

    def project(self, x: str, name: str) -> str:
        """ReLU, 1x1, batch norm."""
        names = (f"{name}.op.0", f"{name}.op.1", f"{name}.op.2")
        return relu_conv_bn(self.b, x, self.channels, names=names, style=self.style)

    def halve(self, x: str, name: str) -> str:
        """The same to half the size."""
        names = (f"{name}.relu", f"{name}.conv_1", f"{name}.conv_2", f"{name}.bn")
        return factorized_reduce(self.b, x, self.channels, names=names, style=self.style)

    def separable(self, x: str, kernel: int, stride: int, name: str, first: int = 0, dilation: int = 1) -> str:
        """ReLU, depthwise, 1x1, batch norm; layers are numbered from ``first`` on."""
        relu, depthwise, pointwise, norm = (f"{name}.op.{first + i}" for i in range(4))
        return relu_separable_bn(
            self.b,
            x,
            self.channels,
            kernel,
            names=(relu, depthwise, pointwise, norm),
            style=self.style,
            stride=stride,
            dilation=dilation,
        )

    def rectangles(self, x: str, stride: int, name: str) -> str:
        """ReLU, 1x7, 7x1, batch norm."""
        b, channels = self.b, self.channels
        x = b.relu(x, name=f"{name}.0")
        x = b.conv2d(x, channels, (1, 7), name=f"{name}.1", stride=(1, stride), padding=(0, 3), bias=False)
        x = b.conv2d(x, channels, (7, 1), name=f"{name}.2", stride=(stride, 1), padding=(3, 0), bias=False)
        return b.batch_norm(x, name=f"{name}.3", eps=self.style.eps)


def _cifar(genotype: str, channels: int) -> dict[str, Any]:
    return {"genotype": genotype, "channels": channels, "layers": 20, "small_input": True, "num_classes": 10}


FAMILIES = (
    Family(
        name="darts",
        paper="DARTS: Differentiable Architecture Search",
        year=2019,
        build=build,
        ignore=(r"auxiliary_head\.",),
        trials=({"channels": 50},),  # the other width that the authors' code had for ImageNet
        variants=(
            Variant("darts_v2_cifar", _cifar("darts_v2", 36), labels="cifar10", params=3_349_342, macs=528_359_040),
            Variant("darts_v1_cifar", _cifar("darts_v1", 36), labels="cifar10", params=3_169_414, macs=500_987_520),
            Variant("darts_v2_imagenet", {"genotype": "darts_v2"}, params=4_718_752, macs=529_911_552),
            Variant("darts_v1_imagenet", {"genotype": "darts_v1"}, params=4_510_432, macs=505_864_704),
            Variant("amoebanet_a_imagenet_darts", {"genotype": "amoebanet_a"}, params=4_627_360, macs=526_746_624),
            Variant(
                "nasnet_a_cifar_darts", _cifar("nasnet_a", 33), labels="cifar10", params=3_245_989, macs=512_512_968
            ),
            Variant(
                "amoebanet_a_cifar_darts",
                _cifar("amoebanet_a", 36),
                labels="cifar10",
                params=3_145_078,
                macs=488_931_552,
            ),
        ),
    ),
)
