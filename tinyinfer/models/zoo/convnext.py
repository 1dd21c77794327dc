"""ConvNeXt: a convolutional network with the shape of a vision transformer (Liu et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import make_divisible
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor

# paper, section 3: channels of the four stages and blocks in each
TINY = (96, 192, 384, 768)
DEPTHS = (3, 3, 9, 3)
DEEP = (3, 3, 27, 3)


def build(
    *,
    num_classes: Count = 1000,
    dims: Sequence[int] = TINY,
    depths: Sequence[int] = DEPTHS,
    expansion: Count = 4,
    kernel: Count = 7,
    activation: Literal["gelu", "relu", "silu"] = "gelu",
    width: Factor = 1.0,
    small_input: bool = False,
    resolution: Count | None = None,
    eps: Factor = 1e-6,
) -> Graph:
    """The network of table 9: four stages of ``depths`` blocks with ``dims`` times ``width`` channels.

    Images are cut into patches of 4x4, or with ``small_input`` into single pixels.
    """
    if len(dims) != len(depths):
        raise InputError(f"dims, depths: expected as many of each, found {dims!r} and {depths!r}")
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    patch = 1 if small_input else 4
    for stage, (dim, depth) in enumerate(zip(dims, depths, strict=True)):
        channels, name = make_divisible(dim * width), f"stages.{stage}"
        if stage == 0:
            x = _norm(b, b.conv2d(x, channels, patch, name="stem.0", stride=patch), "stem.1", eps)
        else:
            x = b.conv2d(_norm(b, x, f"{name}.downsample.0", eps), channels, 2, name=f"{name}.downsample.1", stride=2)
        for i in range(depth):
            x = _block(b, x, kernel, expansion, activation, f"{name}.blocks.{i}", eps)
    x = _norm(b, b.adaptive_avg_pool2d(x, name="head.global_pool"), "head.norm", eps)
    return b.finish(b.linear(b.flatten(x, name="head.flatten"), num_classes, name="head.fc"))


def _block(b: Builder, x: str, kernel: int, expansion: int, activation: str, name: str, eps: float) -> str:
    """Depthwise convolution, norm, two 1x1s, and a learned factor for what is added to the input (figure 4)."""
    channels = b.channels(x)
    y = b.conv2d(x, channels, kernel, name=f"{name}.conv_dw", padding=kernel // 2, groups=channels)
    y = b.conv2d(_norm(b, y, f"{name}.norm", eps), expansion * channels, 1, name=f"{name}.mlp.fc1")
    y = b.conv2d(b.activation(y, activation, name=f"{name}.mlp.act"), channels, 1, name=f"{name}.mlp.fc2")
    y = b.apply("layer_scale", y, name=f"{name}.scale", params={"gamma": (channels,)}, key=name)
    return b.add(x, y, name=f"{name}.add")


def _norm(b: Builder, x: str, name: str, eps: float) -> str:
    """Layer norm over the channels of every pixel."""
    shape = (b.channels(x),)
    params = {"weight": shape, "bias": shape}
    return b.apply("layer_norm", x, name=name, params=params, normalized_shape=shape, dim=1, eps=eps)


def layouts(depths: Sequence[int] = DEPTHS, **_: Any) -> dict[str, Layout]:
    """The key map of torchvision's checkpoints; timm's are canonical."""
    rows = [(r"^features\.0\.", "stem."), (r"^classifier\.0\.", "head.norm."), (r"^classifier\.2\.", "head.fc.")]
    for stage in range(len(depths)):
        rows.append((rf"^features\.{2 * stage + 1}\.", f"stages.{stage}.blocks."))
        rows.append((rf"^features\.{2 * stage}\.", f"stages.{stage}.downsample."))
    for number, part in ((0, "conv_dw"), (2, "norm"), (3, "mlp.fc1"), (5, "mlp.fc2")):
        rows.append((rf"\.block\.{number}\.", f".{part}."))
    return {"torchvision": Layout((*rows, (r"\.layer_scale$", ".gamma")))}


def _dims(first: int) -> tuple[int, ...]:
    """The channels double from stage to stage."""
    return tuple(first * 2**i for i in range(4))


FAMILIES = (
    Family(
        name="convnext",
        paper="A ConvNet for the 2020s",
        year=2022,
        build=build,
        layouts=layouts,
        trials=({"small_input": True},),  # its stem has another shape
        variants=(
            Variant("convnext_atto", {"dims": _dims(40), "depths": (2, 2, 6, 2)}, params=3_695_520, macs=547_332_480),
            Variant("convnext_femto", {"dims": _dims(48), "depths": (2, 2, 6, 2)}, params=5_217_784, macs=779_629_824),
            Variant("convnext_pico", {"dims": _dims(64), "depths": (2, 2, 6, 2)}, params=9_045_672, macs=1_367_055_360),
            Variant(
                "convnext_nano", {"dims": _dims(80), "depths": (2, 2, 8, 2)}, params=15_593_560, macs=2_445_528_320
            ),
            Variant("convnext_tiny", params=28_589_128, macs=4_455_531_264),
            Variant("convnext_small", {"depths": DEEP}, params=50_223_688, macs=8_683_712_256),
            Variant("convnext_base", {"dims": _dims(128), "depths": DEEP}, params=88_591_464, macs=15_354_729_472),
            Variant("convnext_large", {"dims": _dims(192), "depths": DEEP}, params=197_767_336, macs=34_361_433_600),
        ),
    ),
)
