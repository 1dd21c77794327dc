"""A small encoder-decoder that labels every pixel, with each way of making maps larger again.

The form is SegNet's (Badrinarayanan et al. 2015): poolings on the way down, as many upsamplings on the way up.  What
upsamples is the knob: interpolation; a transposed convolution (Long et al. 2015, section 3.3); a convolution to four
times the channels that become pixels (Shi et al. 2016); unpooling to where the maxima lay, SegNet's own.
"""

from __future__ import annotations

from typing import Literal

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, make_divisible, sequential
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding
from tinyinfer.tasks import SEGMENT

# channels of the levels, from the image's size down, each half the size of the one before; ours, no paper's
LEVELS = (16, 32, 64)

Upsample = Literal["nearest", "bilinear", "bicubic", "conv_transpose", "pixel_shuffle", "max_unpool"]


def build(
    *,
    num_classes: Count = 21,
    width: Factor = 1.0,
    upsample: Upsample = "bilinear",
    resolution: Count | None = None,
    small_input: bool = False,
    padding: Padding = "symmetric",
    eps: Factor = 1e-5,
) -> Graph:
    """Logits (N, num_classes, H, W) for images of any size from 5x5 on; ``small_input`` designs for 32x32, not 224x224.

    Poolings round odd sizes up, so the decoded map may be some pixels larger than the image; a last, bilinear step
    gives it the image's size.
    """
    style = Style("relu", padding, eps)
    b = Builder()
    image = x = b.input(3, resolution or (32 if small_input else 224))
    levels = [make_divisible(channels * width) for channels in LEVELS]
    ways_up = []
    for i, channels in enumerate(levels):
        before = x = conv_bn_act(b, x, channels, 3, names=sequential(f"encoder.{i}"), style=style)
        pooling = "max_pool2d_with_indices" if upsample == "max_unpool" else "max_pool2d"
        x, *indices = b.apply_all(pooling, x, name=f"encoder.{i}.pool", kernel_size=2, ceil_mode=True)
        ways_up.append((*indices, before))
    x = conv_bn_act(b, x, levels[-1], 3, names=sequential("middle"), style=style)
    for i, below in reversed([*enumerate([levels[0], *levels[:-1]])]):
        x = _double(b, x, upsample, f"decoder.{i}.up", ways_up[i])
        x = conv_bn_act(b, x, below, 3, names=sequential(f"decoder.{i}"), style=style)
    x = b.conv2d(x, num_classes, 1, name="head")
    return b.finish(b.apply("interpolate", x, image, name="resize", mode="bilinear"))


def _double(b: Builder, x: str, upsample: Upsample, name: str, way_up: tuple[str, ...]) -> str:
    """The map at twice its size; ``way_up`` is the indices and the input of the pooling that is undone."""
    channels = b.channels(x)
    if upsample == "conv_transpose":
        params = {"weight": (channels, channels, 4, 4), "bias": (channels,)}
        return b.apply("conv_transpose2d", x, name=name, params=params, stride=2, padding=1)
    if upsample == "pixel_shuffle":
        x = b.conv2d(x, 4 * channels, 3, name=f"{name}.conv", padding=1)
        return b.apply("pixel_shuffle", x, name=name, upscale_factor=2)
    if upsample == "max_unpool":
        return b.apply("max_unpool2d", x, *way_up, name=name, kernel_size=2)
    return b.apply("interpolate", x, name=name, mode=upsample, scale_factor=2)


FAMILIES = (
    Family(
        name="upsampler",
        paper="SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image Segmentation",
        year=2015,
        build=build,
        task=SEGMENT,
        labels="voc",
        variants=tuple(
            Variant(f"upsampler_{kind}", {"upsample": kind})
            for kind in ("nearest", "bilinear", "bicubic", "conv_transpose", "pixel_shuffle", "max_unpool")
        ),
    ),
)
