"""MobileNet V2: inverted residuals and linear bottlenecks (Sandler et al. 2018)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import (
    BlockNames,
    Style,
    atrous,
    conv_bn_act,
    inverted_residual,
    make_divisible,
    sequential,
)
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

Row = Sequence[int]

# paper, table 2: expansion t, channels c, repeats n, stride s of the first
IMAGENET_TABLE: tuple[Row, ...] = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

# the same columns for 32x32 pictures, within 10 M mult-adds and 480 k parameters
CIFAR_TABLE: tuple[Row, ...] = (
    (1, 24, 1, 2),
    (4, 24, 2, 1),
    (4, 48, 3, 2),
    (4, 96, 2, 2),
)

CIFAR_KNOBS: dict[str, Any] = {
    "table": CIFAR_TABLE,
    "stem": 16,
    "head": 384,
    "dropout": 0.1,
    "small_input": True,
    "num_classes": 10,
}


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    table: Sequence[Row] = IMAGENET_TABLE,
    expand: Factor | None = None,
    stem: Count = 32,
    head: Count = 1280,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.2,
    eps: Factor = 1e-5,
) -> Graph:
    """The network of table 2.

    ``width`` scales all channels but never the head's below ``head``; ``expand`` replaces t in the rows where it is
    not 1; ``small_input`` keeps 32x32 pictures at their size in the first convolution; ``padding`` "same" is for
    weights trained by TensorFlow.
    """
    style = Style("relu6", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    first_stride = 1 if small_input else 2
    *blocks, x = features(b, x, table, width=width, expand=expand, stem=stem, first_stride=first_stride, style=style)
    last = sequential(f"features.{len(blocks) + 1}")
    x = conv_bn_act(b, x, make_divisible(head * max(1.0, width)), 1, names=last, style=style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    x = b.dropout(x, dropout, name="classifier.0")
    return b.finish(b.linear(x, num_classes, name="classifier.1"))


def features(
    b: Builder,
    x: str,
    table: Sequence[Row] = IMAGENET_TABLE,
    *,
    width: float = 1.0,
    expand: float | None = None,
    stem: int = 32,
    first_stride: int = 2,
    output_stride: int = 32,
    style: Style,
    prefix: str = "features",
) -> Iterator[str]:
    """What the stem and every bottleneck compute, one after the other; strides beyond ``output_stride`` dilate."""
    x = conv_bn_act(
        b, x, make_divisible(stem * width), 3, names=sequential(f"{prefix}.0"), style=style, stride=first_stride
    )
    yield x
    rows = [(t, c, s if i == 0 else 1) for t, c, n, s in table for i in range(n)]
    steps = atrous([s for _, _, s in rows], output_stride)
    for index, ((t, c, _), (stride, dilation)) in enumerate(zip(rows, steps, strict=True), start=1):
        factor = t if expand is None or t == 1 else expand
        x = inverted_residual(
            b,
            x,
            make_divisible(c * width),
            names=_names(f"{prefix}.{index}", factor != 1),
            hidden=round(b.channels(x) * factor),
            stride=stride,
            style=style,
            dilation=dilation,
        )
        yield x


def _names(name: str, expand: bool) -> BlockNames:
    at = int(expand)
    return BlockNames(
        expand=sequential(f"{name}.conv.0") if expand else (),
        depthwise=sequential(f"{name}.conv.{at}"),
        project=(f"{name}.conv.{at + 1}", f"{name}.conv.{at + 2}"),
        add=f"{name}.add",
    )


# where a block's layers are: [canonical, timm, early ports], without and with an expansion
DEPTHWISE_SEPARABLE = (("0.0", "conv_dw", "0"), ("0.1", "bn1", "1"), ("1", "conv_pw", "3"), ("2", "bn2", "4"))
EXPANDED = (
    ("0.0", "conv_pw", "0"),
    ("0.1", "bn1", "1"),
    ("1.0", "conv_dw", "3"),
    ("1.1", "bn2", "4"),
    ("2", "conv_pwl", "6"),
    ("3", "bn3", "7"),
)


def layouts(table: Sequence[Row] = IMAGENET_TABLE, expand: float | None = None, **_: Any) -> dict[str, Layout]:
    """Key maps of timm's checkpoints and of the early ports in the manner of tonylins/pytorch-mobilenet-v2."""
    timm = [(r"^conv_stem\.", "features.0.0."), (r"^bn1\.", "features.0.1.")]
    early = []
    index = 1
    for stage, (t, _c, n, _s) in enumerate(table):
        for i in range(n):
            for ours, theirs, number in DEPTHWISE_SEPARABLE if 1 in (t, expand) else EXPANDED:
                timm.append((rf"^blocks\.{stage}\.{i}\.{theirs}\.", f"features.{index}.conv.{ours}."))
                early.append((rf"^features\.{index}\.conv\.{number}\.(?=[a-z])", f"features.{index}.conv.{ours}."))
            index += 1
    timm += [(r"^conv_head\.", f"features.{index}.0."), (r"^bn2\.", f"features.{index}.1.")]
    classifier = (r"^classifier\.(?=[a-z])", "classifier.1.")
    return {"timm": Layout((*timm, classifier)), "tonylins": Layout((*early, classifier))}


FAMILIES = (
    Family(
        name="mobilenet_v2",
        paper="MobileNetV2: Inverted Residuals and Linear Bottlenecks",
        year=2018,
        build=build,
        layouts=layouts,
        knob_aliases={"width_mult": "width", "inverted_residual_setting": "table"},
        variants=(
            Variant(
                "mobilenet_v2",
                aliases=("mobilenetv2_100", "mobilenetv2_tonylins"),
                params=3_504_872,
                macs=300_774_272,
            ),
            Variant("mobilenetv2_035", {"width": 0.35}, params=1_677_128, macs=59_285_808),
            Variant("mobilenetv2_050", {"width": 0.5}, params=1_968_680, macs=97_131_840),
            Variant("mobilenetv2_075", {"width": 0.75}, params=2_636_424, macs=209_069_792),
            Variant("mobilenetv2_140", {"width": 1.4}, params=6_108_776, macs=582_195_824),
            Variant("mobilenet_v2_cifar", CIFAR_KNOBS, labels="cifar10", params=213_914, macs=9_640_704),
        ),
    ),
)
