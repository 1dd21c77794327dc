"""Images at another size, with borders, and with channels in the place of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.formats.importing.call import Call
from tinyinfer.formats.ncnn.lowering.arithmetic import per_channel
from tinyinfer.formats.ncnn.lowering.layer_kind import LayerKind, Layers
from tinyinfer.formats.ncnn.lowering.size_expression import evaluate
from tinyinfer.formats.ncnn.lowering.views import sizes_by_name
from tinyinfer.formats.ncnn.reading.parameters import Parameters
from tinyinfer.formats.ncnn.reading.weights import WeightReader

MODES = {1: "nearest", 2: "bilinear", 3: "bicubic"}
SAMPLES = {1: "bilinear", 2: "nearest", 3: "bicubic"}
BEYOND = {1: "zeros", 2: "border", 3: "reflection"}
BORDERS = ("constant", "replicate", "reflect")


def _interp(call: Call, p: Parameters) -> str:
    kind, aligned = p.integer("resize_type"), p.flag("align_corner")
    if kind not in MODES:
        call.refuse(f"resize type {kind} is not known")
    x, rank = call.x, len(call.shape())
    if rank == 2:  # every number becomes an image
        x, kind = call.apply("unsqueeze", x, dim=(2, 3)), 1
    elif rank != 4:
        call.refuse(f"expected a blob of 3 dimensions or of 1, found {rank - 1}")
    mode, smooth = MODES[kind], kind != 1
    align: dict[str, Any] = {"align_corners": aligned} if smooth else {}
    scale = p.number("height_scale", 1.0), p.number("width_scale", 1.0)
    size = p.integer("output_height", least=0), p.integer("output_width", least=0)
    formula = call.attribute("size_expr")
    if formula is not None:
        width, height = _formula_sizes(call, str(formula))
        size = height, width
    elif p.flag("dynamic_target_size"):
        return call.apply("interpolate", x, call.value(1), mode=mode, **align)
    if min(size) > 0:
        return call.apply("interpolate", x, size=size, mode=mode, **align)
    return call.apply("interpolate", x, scale_factor=scale, mode=mode, **align)


def _formula_sizes(call: Call, formula: str) -> tuple[int, int]:
    """(width, height) that do not depend on free sizes."""
    sizes = evaluate(formula, [sizes_by_name(call.shape(i)) for i in range(len(call.inputs))])
    if len(sizes) != 2:
        call.refuse(f"expected a formula of 2 sizes, found {len(sizes)}")
    if any(map(is_free, sizes)):
        call.fix(sizes, "the size of an image follows from another")
    return sizes[0], sizes[1]


def _padding(call: Call, p: Parameters) -> str:
    kind, value = p.integer("type"), p.number("value")
    if not 0 <= kind < len(BORDERS):
        call.refuse(f"padding type {kind} is not known")
    rank = len(call.shape())
    sides = tuple(p.integer(side) for side in ("top", "bottom", "left", "right"))
    channels = p.integer("front"), p.integer("behind")
    if rank == 2:
        sides = (0, 0, *sides[2:])
    pad = (*channels, *sides) if any(channels) else sides
    border = call.attribute("border")
    p.integer("per_channel_pad_data_size")
    if border is None:
        return call.apply("pad", call.x, pad=pad, mode=BORDERS[kind], value=value)
    if any(channels) or kind != 0:
        call.refuse("a border of its own for every channel is supported around images of constant number alone")
    offset = call.constant(per_channel(border, rank))
    padded = call.apply("pad", call.apply("sub", call.x, offset), pad=pad)
    return call.apply("add", padded, offset)


def _padding_weights(p: Parameters, weights: WeightReader) -> dict[str, np.ndarray]:
    size = p.integer("per_channel_pad_data_size", least=0)
    return {"border": weights.plain(size)} if size else {}


def _pixel_shuffle(call: Call, p: Parameters) -> str:
    factor, x = p.integer("upscale_factor", 1, least=1), call.x
    if p.flag("mode"):  # channels of a pixel lie together
        x = _reordered(call, x, factor * factor)
    return call.apply("pixel_shuffle", x, upscale_factor=factor)


def _reorg(call: Call, p: Parameters) -> str:
    factor = p.integer("stride", 1, least=1)
    y = call.apply("pixel_unshuffle", call.x, downscale_factor=factor)
    return _reordered(call, y, call.shape()[1]) if p.flag("mode") else y


def _reordered(call: Call, x: str, groups: int) -> str:
    """Channels, seen as a table of so many rows, transposed."""
    return call.apply("channel_shuffle", x, groups=groups)


def _grid_sample(call: Call, p: Parameters) -> str:
    kind, border = p.integer("sample_type", 1), p.integer("padding_mode", 1)
    if kind not in SAMPLES or border not in BEYOND:
        call.refuse(f"sample type {kind} or padding mode {border} is not known")
    grid = call.value(1)
    if p.flag("permute_fusion"):  # the points' x and y are channels
        grid = call.apply("permute", grid, dims=(0, 2, 3, 1))
    aligned = p.flag("align_corner")
    return call.apply("grid_sample", call.x, grid, mode=SAMPLES[kind], padding_mode=BEYOND[border],
                      align_corners=aligned)  # fmt: skip


def _shuffle_channel(call: Call, p: Parameters) -> str:
    groups, channels = p.integer("group", 1, least=1), call.shape()[1]
    if p.flag("reverse"):
        if channels % groups:
            call.refuse(f"{groups} groups do not divide {channels} channels")
        groups = channels // groups
    return call.apply("channel_shuffle", call.x, groups=groups)


LAYERS: Layers = {
    "GridSample": LayerKind(
        _grid_sample, {0: "sample_type", 1: "padding_mode", 2: "align_corner", 3: "permute_fusion"}
    ),
    "Interp": LayerKind(
        _interp,
        {0: "resize_type", 1: "height_scale", 2: "width_scale", 3: "output_height", 4: "output_width",
         5: "dynamic_target_size", 6: "align_corner", 9: "size_expr"},
    ),
    "Padding": LayerKind(
        _padding,
        {0: "top", 1: "bottom", 2: "left", 3: "right", 4: "type", 5: "value", 6: "per_channel_pad_data_size",
         7: "front", 8: "behind"},
        _padding_weights,
    ),
    "PixelShuffle": LayerKind(_pixel_shuffle, {0: "upscale_factor", 1: "mode"}),
    "Reorg": LayerKind(_reorg, {0: "stride", 1: "mode"}),
    "ShuffleChannel": LayerKind(_shuffle_channel, {0: "group", 1: "reverse"}),
}  # fmt: skip
