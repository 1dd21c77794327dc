"""R-ASPP: MobileNet V2 labels every pixel, under DeepLab v3's head less its dilated branches (Sandler et al. 2018)."""

from __future__ import annotations

from typing import Literal

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, sequential
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability
from tinyinfer.models.zoo import mobilenet_v2
from tinyinfer.tasks import SEGMENT


def build(
    *,
    num_classes: Count = 21,
    width: Factor = 1.0,
    channels: Count = 256,
    output_stride: Literal[8, 16, 32] = 16,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.1,
    eps: Factor = 1e-5,
) -> Graph:
    """Logits (N, num_classes, H, W) for images of any size, from the map before MobileNet V2's last 1x1 (section 6.3).

    The head puts a 1x1 convolution beside a 1x1 on the mean of the map, and joins them by another, of ``channels``
    each; ``output_stride`` is what the backbone shrinks by, dilated behind; ``small_input`` gives its first
    convolution stride 1; ``padding`` "same" is for weights trained by TensorFlow.
    """
    b = Builder()
    image = b.input(3, resolution or (32 if small_input else 513))
    *_, last = mobilenet_v2.features(
        b,
        image,
        width=width,
        first_stride=1 if small_input else 2,
        output_stride=output_stride,
        style=Style("relu6", padding, eps),
        prefix="backbone",
    )
    style = Style("relu", padding, eps)
    x = conv_bn_act(b, last, channels, 1, names=sequential("classifier.conv"), style=style)
    pooled = b.adaptive_avg_pool2d(last, name="classifier.pool")
    pooled = conv_bn_act(b, pooled, channels, 1, names=sequential("classifier.pooled"), style=style)
    pooled = b.apply("interpolate", pooled, x, name="classifier.spread", mode="bilinear", align_corners=False)
    x = b.concat(pooled, x, name="classifier.concat")
    x = conv_bn_act(b, x, channels, 1, names=sequential("classifier.project"), style=style)
    x = b.dropout(x, dropout, name="classifier.dropout")
    x = b.conv2d(x, num_classes, 1, name="classifier.logits")
    return b.finish(b.apply("interpolate", x, image, name="resize", mode="bilinear", align_corners=False))


FAMILIES = (
    Family(
        name="raspp",
        paper="MobileNetV2: Inverted Residuals and Linear Bottlenecks",
        year=2018,
        build=build,
        task=SEGMENT,
        labels="voc",
        knob_aliases={"width_mult": "width"},
        variants=(Variant("raspp_mobilenet_v2", params=2_113_557, macs=2_740_709_056),),
    ),
)
