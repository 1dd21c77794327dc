"""SSDLite: SSD's single shot with depthwise separable heads, on MobileNet V2 (Sandler et al. 2018) and V3 (2019)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, make_divisible, sequential
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Padding
from tinyinfer.models.zoo import mobilenet_v2, mobilenet_v3
from tinyinfer.models.zoo.mobilenet_v3 import LARGE, SMALL, Row
from tinyinfer.tasks import DETECT
from tinyinfer.tasks.anchors import Anchors, ssd_sizes

# channels of the maps added behind the backbone's two, each half the size of the one before, squeezed to half between
EXTRAS = (512, 256, 256, 128)
LEAST_EXTRA = 16
FIRST_STRIDE = 16  # of the first map: what the last striding block has expanded its input to
NOMINAL, NOMINAL_SMALL = 320, 32  # pixels

Finest = Literal[3, 6]


def build_v2(
    *,
    num_classes: Count = 91,
    width: Factor = 1.0,
    finest: Finest = 3,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    eps: Factor = 1e-3,
) -> Graph:
    """Class logits (N, anchors, num_classes) and box offsets (N, anchors, 4), from MobileNet V2 (section 6.2).

    Maps are what layer 15 expands to, the last 1x1's, and four more.  ``finest`` is the number of anchors at each
    pixel of the first map, 6 at others'; ``width`` scales all channels; ``small_input`` gives the first convolution
    stride 1; ``padding`` "same" is for weights trained by TensorFlow.
    """
    b = Builder()
    image = b.input(3, _size(resolution, small_input))
    style, first_stride = Style("relu6", padding, eps), 1 if small_input else 2
    *blocks, x = mobilenet_v2.features(b, image, width=width, first_stride=first_stride, style=style, prefix="backbone")
    names = sequential(f"backbone.{len(blocks) + 1}")
    last = conv_bn_act(b, x, make_divisible(1280 * max(1.0, width)), 1, names=names, style=style)
    strides = [s if i == 0 else 1 for _, _, n, s in mobilenet_v2.IMAGENET_TABLE for i in range(n)]
    expanded = f"backbone.{_last_striding(strides)}.conv.0.2"
    return _with_heads(b, [expanded, last], num_classes, width, finest, style)


def build_v3(
    *,
    num_classes: Count = 91,
    width: Factor = 1.0,
    table: Sequence[Row] = LARGE,
    finest: Finest = 6,
    reduced_tail: bool = True,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    eps: Factor = 1e-3,
) -> Graph:
    """Class logits (N, anchors, num_classes) and box offsets (N, anchors, 4), from MobileNet V3 (section 6.3).

    As on V2; ``reduced_tail`` halves the channels of the backbone's last stage.
    """
    b = Builder()
    image = b.input(3, _size(resolution, small_input))
    rows = list(mobilenet_v3.scaled(table, width, reduced_tail=reduced_tail))
    *_, last = mobilenet_v3.features(
        b,
        image,
        rows,
        stem=mobilenet_v3.stem_channels(width),
        first_stride=1 if small_input else 2,
        output_stride=32,
        style=Style("hardswish", padding, eps),
        prefix="backbone",
    )
    expanded = f"backbone.{_last_striding([row[-1] for row in rows])}.block.0.2"
    return _with_heads(b, [expanded, last], num_classes, width, finest, Style("relu6", padding, eps))


def _last_striding(strides: Sequence[int]) -> int:
    """Number, from 1, of the last block that makes its map smaller."""
    return max(i for i, stride in enumerate(strides, start=1) if stride > 1)


def _size(resolution: int | None, small_input: bool) -> int:
    return resolution or (NOMINAL_SMALL if small_input else NOMINAL)


def _with_heads(b: Builder, maps: list[str], num_classes: int, width: float, finest: int, style: Style) -> Graph:
    """The extra maps, and both heads on each of all maps."""
    maps = [*maps, *_extras(b, maps[-1], width, style)]
    counts = [len(sizes) for sizes in ssd_sizes(len(maps), finest=finest)]
    # classes last, where recognition looks for their number
    offsets = _head(b, maps, [(n, 4) for n in counts], "head.regression_head", style)
    logits = _head(b, maps, [(n, num_classes) for n in counts], "head.classification_head", style)
    return b.finish([logits, offsets])


def _extras(b: Builder, x: str, width: float, style: Style) -> Iterator[str]:
    """Squeeze by a 1x1, filter by a strided depthwise, expand by a 1x1, four times."""
    for index, nominal in enumerate(EXTRAS):
        channels, name = max(LEAST_EXTRA, int(nominal * width)), f"backbone.extra.{index}"
        inner = channels // 2
        x = conv_bn_act(b, x, inner, 1, names=sequential(f"{name}.0"), style=style)
        x = conv_bn_act(b, x, inner, 3, names=sequential(f"{name}.1"), style=style, stride=2, groups=inner)
        x = conv_bn_act(b, x, channels, 1, names=sequential(f"{name}.2"), style=style)
        yield x


def _head(b: Builder, maps: Sequence[str], outputs: Sequence[tuple[int, int]], name: str, style: Style) -> str:
    """(N, anchors, values) of (anchors at a pixel, values of each) for every map: a depthwise and a 1x1."""
    found = []
    for index, (x, (anchors, values)) in enumerate(zip(maps, outputs, strict=True)):
        at = f"{name}.module_list.{index}"
        x = conv_bn_act(b, x, b.channels(x), 3, names=sequential(f"{at}.0"), style=style, groups=b.channels(x))
        x = b.conv2d(x, anchors * values, 1, name=f"{at}.1")
        x = b.apply("permute", x, name=f"{at}.permute", dims=(0, 2, 3, 1))
        found.append(b.apply("reshape", x, name=f"{at}.reshape", shape=(0, -1, values)))
    return b.concat(*found, name=name, dim=1)


def metadata(finest: int, small_input: bool, **_: Any) -> dict[str, Any]:
    """The anchors, which the box offsets are relative to."""
    sizes = ssd_sizes(2 + len(EXTRAS), finest=finest)
    first = FIRST_STRIDE // 2 if small_input else FIRST_STRIDE
    return {"anchors": Anchors(tuple(first << k for k in range(len(sizes))), sizes).to_meta()}


def layouts(table: Sequence[Row] = LARGE, **_: Any) -> dict[str, Layout]:
    """torchvision's keys: it cuts the backbone in two inside the block whose expansion is the first map."""
    at = _last_striding([row[-1] for row in table])
    rows = [
        (rf"^backbone\.features\.0\.{at}\.", f"backbone.{at}.block.0."),
        (r"^backbone\.features\.0\.", "backbone."),
        (r"^backbone\.features\.1\.0\.", f"backbone.{at}.block."),
    ]
    rows += [(rf"^backbone\.features\.1\.{i}\.", f"backbone.{at + i}.") for i in range(1, len(table) - at + 2)]
    return {"torchvision": Layout(tuple(rows))}


_SHARED: dict[str, Any] = {
    "task": DETECT,
    "metadata": metadata,
    "labels": "coco",
    "preprocess": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    "knob_aliases": {"width_mult": "width"},
    "rows_per_class": 6,
}
_SMALL: dict[str, Any] = {"table": SMALL, "finest": 3}

FAMILIES = (
    Family(
        name="ssdlite_v2",
        paper="MobileNetV2: Inverted Residuals and Linear Bottlenecks",
        year=2018,
        build=build_v2,
        variants=(Variant("ssdlite_mobilenet_v2", params=4_500_543, macs=804_397_504),),
        **_SHARED,
    ),
    Family(
        name="ssdlite_v3",
        paper="Searching for MobileNetV3",
        year=2019,
        build=build_v3,
        layouts=layouts,
        variants=(
            Variant("ssdlite320_mobilenet_v3_large", params=3_440_060, macs=583_171_904),
            # the paper's own four: table 6, with and without its dagger
            Variant("ssdlite_mobilenet_v3_large", {"finest": 3, "reduced_tail": False}, (), 5_006_735, 613_143_104),
            Variant("ssdlite_mobilenet_v3_large_reduced", {"finest": 3}, (), 3_248_255, 506_563_904),
            Variant("ssdlite_mobilenet_v3_small", {**_SMALL, "reduced_tail": False}, (), 2_518_271, 210_417_856),
            Variant("ssdlite_mobilenet_v3_small_reduced", _SMALL, (), 1_785_743, 162_303_424),
        ),
        **_SHARED,
    ),
)
