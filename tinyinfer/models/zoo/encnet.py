"""EncNet: segmentation that knows what the whole scene holds (Zhang et al. 2018)."""

from __future__ import annotations

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, bottleneck, conv_bn_act, make_divisible
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor
from tinyinfer.tasks import SEGMENT

# channels inside the blocks of ResNet's four stages, stride, dilation of the first block and of the rest: section 3.2,
# the last two stages keep the size and dilate instead
STAGES = (
    (64, 1, 1, 1),
    (128, 2, 1, 1),
    (256, 1, 1, 2),
    (512, 1, 2, 4),
)
EXPANSION = 4
FEATURES = 512  # channels between the network and the head
STYLE = Style("relu")


def build(
    *,
    num_classes: Count = 21,
    width: Factor = 1.0,
    depths: tuple[int, ...] = (3, 4, 6, 3),
    codewords: Count = 32,
    resolution: Count = 480,
) -> Graph:
    """Logits (N, num_classes, H, W): a dilated ResNet, its features weighed by what an encoding layer makes of them.

    The branch for the SE-loss, which only training reads, is left out.
    """
    b = Builder()
    image = b.input(3, resolution)
    x = conv_bn_act(
        b, image, make_divisible(64 * width), 7, names=_names("conv1", "bn1", "relu"), style=STYLE, stride=2
    )
    x = b.max_pool2d(x, 3, name="pretrained.maxpool", stride=2, padding=1)
    for stage, ((channels, stride, first, rest), depth) in enumerate(zip(STAGES, depths, strict=True), start=1):
        for i in range(depth):
            name, inner = f"pretrained.layer{stage}.{i}", make_divisible(channels * width)
            x = _block(b, x, inner, name, stride if i == 0 else 1, first if i == 0 else rest)
    x = conv_bn_act(
        b, x, make_divisible(FEATURES * width), 3, names=tuple(f"head.conv5.{i}" for i in range(3)), style=STYLE
    )
    x = _context(b, x, codewords, "head.encmodule")
    x = b.conv2d(b.dropout(x, 0.1, name="head.conv6.0"), num_classes, 1, name="head.conv6.1")
    return b.finish(b.apply("interpolate", x, image, name="upsample", mode="bilinear", align_corners=True))


def _names(*layers: str) -> tuple[str, ...]:
    return tuple(f"pretrained.{layer}" for layer in layers)


def _block(b: Builder, x: str, inner: int, name: str, stride: int, dilation: int) -> str:
    shortcut, out = x, inner * EXPANSION
    if stride != 1 or b.channels(x) != out:
        names = (f"{name}.downsample.0", f"{name}.downsample.1")
        shortcut = conv_bn_act(b, x, out, 1, names=names, style=STYLE, stride=stride)
    return bottleneck(b, x, shortcut, out, name=name, stride=stride, style=STYLE, inner=inner, dilation=dilation)


def _context(b: Builder, x: str, codewords: int, name: str) -> str:
    """The context encoding module (figure 2): features encoded, averaged over codewords, a factor for each channel."""
    c, at = b.channels(x), f"{name}.encoding"
    e = conv_bn_act(b, x, c, 1, names=(f"{at}.0", f"{at}.1", f"{at}.2"), style=STYLE)
    e = b.apply("encoding", e, name=f"{at}.3", params={"codewords": (codewords, c), "scale": (codewords,)})
    e = b.relu(b.batch_norm(e, name=f"{at}.4"), name=f"{at}.5")
    e = b.apply("permute", e, name=f"{at}.6.permute", dims=(0, 2, 1))
    e = b.apply("reshape", e, name=f"{at}.6.reshape", shape=(0, 0, codewords, 1))
    e = b.flatten(b.adaptive_avg_pool2d(e, name=f"{at}.6"), name=f"{at}.6.flatten")
    gate = b.activation(b.linear(e, c, name=f"{name}.fc.0"), "sigmoid", name=f"{name}.fc.1")
    gate = b.apply("reshape", gate, name=f"{name}.gate", shape=(0, c, 1, 1))
    return b.relu(b.add(x, b.mul(x, gate, name=f"{name}.mul"), name=f"{name}.add"), name=f"{name}.relu")


FAMILIES = (
    Family(
        name="encnet",
        paper="Context Encoding for Semantic Segmentation",
        year=2018,
        build=build,
        task=SEGMENT,
        labels="voc",
        variants=(
            Variant("encnet_resnet50", params=33_499_317, macs=122_556_473_344),
            Variant("encnet_resnet101", {"depths": (3, 4, 23, 3)}, params=52_491_445, macs=190_740_127_744),
        ),
    ),
)
