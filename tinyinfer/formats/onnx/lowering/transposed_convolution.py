"""ConvTranspose: what of the windows' sum is kept can be said in three ways."""

from __future__ import annotations

from tinyinfer.dim import is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.onnx.lowering.windows import Pair, Windows, as_given, as_image, both_ends, read_windows


def conv_transpose(call: Call) -> str:
    """ConvTranspose over images, or over lines as images one pixel high."""
    call.array(1, "weight")
    if call.has(2):
        call.array(2, "bias")
    auto, pads = call.attribute("auto_pad", "NOTSET"), call.attribute("pads")
    windows = read_windows(call, call.shape(1))
    before, after = _cut(call, windows, auto, pads)
    weight = as_image(call, call.value(1))
    bias = call.value(2) if call.has(2) else None
    attributes = {"stride": windows.stride, "dilation": windows.dilation, "groups": call.attribute("group", 1)}
    x = as_image(call, call.x)
    more = [b - a for b, a in zip(before, after, strict=True)]  # rows and columns that only the end has
    limits = [max(steps) for steps in zip(windows.stride, windows.dilation, strict=True)]
    if min(before) >= 0 and all(extra < limit for extra, limit in zip(more, limits, strict=True)):
        output_padding = [max(extra, 0) for extra in more]
        y = call.apply(
            "conv_transpose2d", x, params={"weight": weight, "bias": bias}, padding=before,
            output_padding=output_padding, **attributes,
        )  # fmt: skip
        if min(more) < 0:
            ends = [min(extra, 0) for extra in more]
            y = call.apply("pad", y, pad=(0, ends[0], 0, ends[1]))
        return as_given(call, y)
    # further rows and columns than any window reaches hold the bias alone
    y = call.apply("conv_transpose2d", x, params={"weight": weight}, **attributes)
    y = call.apply("pad", y, pad=(-before[0], -after[0], -before[1], -after[1]))
    if bias is not None:
        y = call.apply("add", y, call.apply("unsqueeze", bias, dim=(1, 2)))
    return as_given(call, y)


def _cut(call: Call, windows: Windows, auto: str, pads: list[int] | None) -> tuple[Pair, Pair]:
    """Rows and columns cut off before and after the sum of all windows; negative ones are added."""
    rank = len(call.shape()) - 2
    wanted = call.attribute("output_shape")
    extra = _pair(call.attribute("output_padding") or [0] * rank, "output_padding", rank, 0)
    size = _pair(call.shape()[2:], "input", rank, 1)
    if wanted:  # the sizes of batch and channels may come with it
        out = _pair(wanted[-rank:], "output_shape", rank, 1)
    elif auto in ("SAME_UPPER", "SAME_LOWER"):
        out = (size[0] * windows.stride[0], size[1] * windows.stride[1])
    else:
        before, after = both_ends(pads if pads and auto == "NOTSET" else [0] * (2 * rank), rank)
        return before, (after[0] - extra[0], after[1] - extra[1])
    cuts = []
    for i in range(2):
        total = windows.stride[i] * (size[i] - 1) + extra[i] + windows.extent[i] - out[i]
        if is_free(total):
            call.fix(size, "output_shape is of an image whose size is free")
        half = total // 2 if auto == "SAME_UPPER" else total - total // 2
        begin = half if total > 0 else 0
        cuts.append((begin, total - begin - extra[i]))
    (top, bottom), (left, right) = cuts
    return (top, left), (bottom, right)


def _pair(values: list[int] | tuple[int, ...], what: str, rank: int, height: int) -> Pair:
    if len(values) != rank:
        raise GraphError(f"{what}: expected {rank} numbers, found {len(values)}")
    return (height, values[0]) if rank == 1 else (values[0], values[1])


LOWERINGS: dict[tuple[str, int], Lowering] = {("ConvTranspose", 1): conv_transpose}
