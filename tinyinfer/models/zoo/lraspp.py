"""LR-ASPP: the light head that lets MobileNet V3 label every pixel (Howard et al. 2019, section 6.4)."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, sequential
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding
from tinyinfer.models.zoo import mobilenet_v3
from tinyinfer.models.zoo.mobilenet_v3 import LARGE, SMALL, OutputStride, Row
from tinyinfer.tasks import SEGMENT

LOW_STRIDE = 8  # of the finer map that the head takes beside the last
HEAD_EPS = 1e-5


def build(
    *,
    num_classes: Count = 21,
    width: Factor = 1.0,
    table: Sequence[Row] = LARGE,
    channels: Count = 128,
    reduced_tail: bool = False,
    output_stride: OutputStride = 16,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    eps: Factor = 1e-3,
) -> Graph:
    """Logits (N, num_classes, H, W) for images of any size: figure 10's head of ``channels`` on MobileNet V3.

    The knobs of the backbone are MobileNet V3's; ``small_input`` gives its first convolution stride 1.  The head
    weighs the last map by what its mean says, enlarges it and adds the classes seen in a map of stride 8.
    """
    b = Builder()
    image = b.input(3, resolution or (32 if small_input else 520))
    rows = list(mobilenet_v3.scaled(table, width, reduced_tail=reduced_tail))
    *maps, high = mobilenet_v3.features(
        b,
        image,
        rows,
        stem=mobilenet_v3.stem_channels(width),
        first_stride=1 if small_input else 2,
        output_stride=output_stride,
        style=Style("hardswish", padding, eps),
        prefix="backbone",
    )
    low = maps[_reaching(rows, LOW_STRIDE)]
    style = Style("relu", padding, HEAD_EPS)
    x = conv_bn_act(b, high, channels, 1, names=sequential("classifier.cbr"), style=style)
    scale = b.adaptive_avg_pool2d(high, name="classifier.scale.0")
    scale = b.conv2d(scale, channels, 1, name="classifier.scale.1", bias=False)
    x = b.mul(x, b.activation(scale, "sigmoid", name="classifier.scale.2"), name="classifier.mul")
    x = b.apply("interpolate", x, low, name="classifier.resize", mode="bilinear", align_corners=False)
    fine = b.conv2d(low, num_classes, 1, name="classifier.low_classifier")
    coarse = b.conv2d(x, num_classes, 1, name="classifier.high_classifier")
    x = b.add(fine, coarse, name="classifier.add")
    return b.finish(b.apply("interpolate", x, image, name="resize", mode="bilinear", align_corners=False))


def _reaching(rows: Sequence[Row], stride: int) -> int:
    """Number of the first block whose map has this stride, counted from a stem of stride 2."""
    reached = 2
    for index, row in enumerate(rows, start=1):
        reached *= row[-1]
        if reached >= stride:
            return index
    return len(rows)


FAMILIES = (
    Family(
        name="lraspp",
        paper="Searching for MobileNetV3",
        year=2019,
        build=build,
        task=SEGMENT,
        labels="voc",
        knob_aliases={"width_mult": "width", "inter_channels": "channels"},
        variants=(
            Variant("lraspp_mobilenet_v3_large", params=3_221_538, macs=2_086_219_688),
            Variant("lraspp_mobilenet_v3_small", {"table": SMALL}, (), 1_077_954, 671_582_336),
        ),
    ),
)
