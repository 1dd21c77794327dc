"""MobileNet: depthwise separable convolutions from end to end (Howard et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, make_divisible
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

Row = Sequence[int]

# paper, table 1: filters c, repeats n, stride s of the first; each a 3x3 depthwise and a 1x1 convolution
TABLE: tuple[Row, ...] = (
    (64, 1, 1),
    (128, 2, 2),
    (256, 2, 2),
    (512, 6, 2),
    (1024, 2, 2),  # the table's second "s2" here is a misprint: its own input sizes say 1
)

# table 5's shallow network: without the five layers of 14x14x512 at the same size
SHALLOW: tuple[Row, ...] = ((64, 1, 1), (128, 2, 2), (256, 2, 2), (512, 1, 2), (1024, 2, 2))

# the same columns for 32x32 pictures, within 10 M mult-adds and 300 k parameters
CIFAR_TABLE: tuple[Row, ...] = ((64, 2, 2), (128, 4, 2), (256, 3, 2))

CIFAR_KNOBS: dict[str, Any] = {
    "table": CIFAR_TABLE,
    "stem": 16,
    "dropout": 0.0,
    "small_input": True,
    "num_classes": 10,
}


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    table: Sequence[Row] = TABLE,
    stem: Count = 32,
    separable: bool = True,
    activation: Literal["relu", "relu6"] = "relu6",
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.001,
    eps: Factor = 1e-5,
) -> Graph:
    """The network of table 1; ``width`` and ``resolution`` are its two multipliers (sections 3.3 and 3.4).

    Without ``separable`` each pair is one 3x3 convolution over all channels, the network of table 4 that the paper
    compares itself with.  The paper's ``activation`` is ReLU, the released weights' ReLU6; ``small_input`` gives the
    first convolution stride 1; ``padding`` "same" is for weights trained by TensorFlow.
    """
    style = Style(activation, padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    first_stride = 1 if small_input else 2
    x = conv_bn_act(
        b, x, make_divisible(stem * width), 3, names=("conv_stem", "bn1", "act1"), style=style, stride=first_stride
    )
    layer = _separable if separable else _standard
    for stage, (c, n, s) in enumerate(table):
        for i in range(n):
            x = layer(b, x, make_divisible(c * width), s if i == 0 else 1, f"blocks.{stage}.{i}", style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="global_pool"))
    x = b.dropout(x, dropout, name="dropout")
    return b.finish(b.linear(x, num_classes, name="classifier"))


def _separable(b: Builder, x: str, channels: int, stride: int, name: str, style: Style) -> str:
    """A filter for each channel, then a 1x1 that combines them (figure 3 right)."""
    before = b.channels(x)
    x = conv_bn_act(b, x, before, 3, names=_names(name, "conv_dw", 1), style=style, stride=stride, groups=before)
    return conv_bn_act(b, x, channels, 1, names=_names(name, "conv_pw", 2), style=style)


def _standard(b: Builder, x: str, channels: int, stride: int, name: str, style: Style) -> str:
    """Filters and combines in one (figure 3 left)."""
    return conv_bn_act(b, x, channels, 3, names=_names(name, "conv", 1), style=style, stride=stride)


def _names(name: str, conv: str, number: int) -> tuple[str, str, str]:
    return f"{name}.{conv}", f"{name}.bn{number}", f"{name}.act{number}"


def layouts(table: Sequence[Row] = TABLE, separable: bool = True, **_: Any) -> dict[str, Layout]:
    """Key map of the ports in the manner of marvis/pytorch-mobilenet, which number the pairs through."""
    rows = [(r"^model\.0\.0\.", "conv_stem."), (r"^model\.0\.1\.", "bn1.")]
    blocks = [f"blocks.{stage}.{i}" for stage, (_c, n, _s) in enumerate(table) for i in range(n)]
    for index, block in enumerate(blocks, start=1):
        for number, layer in ((0, "conv_dw"), (1, "bn1"), (3, "conv_pw"), (4, "bn2")):
            rows.append((rf"^model\.{index}\.{number}\.", f"{block}.{layer}."))
    rows.append((r"^fc\.", "classifier."))
    return {"marvis": Layout(tuple(rows), {"activation": "relu"})} if separable else {}


FAMILIES = (
    Family(
        name="mobilenet_v1",
        paper="MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
        year=2017,
        build=build,
        layouts=layouts,
        knob_aliases={"width_mult": "width", "alpha": "width"},
        variants=(
            Variant(
                "mobilenet_v1",
                aliases=("mobilenetv1_100", "mobilenet_v1_1.0_224", "mobilenet_v1_marvis"),
                params=4_231_976,
                macs=568_740_352,
            ),
            Variant("mobilenetv1_125", {"width": 1.25}, params=6_270_840, macs=879_516_800),
            Variant("mobilenet_v1_075", {"width": 0.75}, ("mobilenet_v1_0.75_224",), 2_585_560, 325_400_448),
            Variant("mobilenet_v1_050", {"width": 0.5}, ("mobilenet_v1_0.5_224",), 1_331_592, 149_497_088),
            Variant("mobilenet_v1_025", {"width": 0.25}, ("mobilenet_v1_0.25_224",), 470_072, 41_030_272),
            Variant("mobilenet_v1_shallow", {"table": SHALLOW}, params=2_887_976, macs=307_323_392),
            Variant("mobilenet_v1_cifar", CIFAR_KNOBS, labels="cifar10", params=245_002, macs=8_581_632),
            Variant("mobilenet_v1_conv", {"separable": False}, params=29_294_088, macs=4_867_293_184),
        ),
    ),
)
