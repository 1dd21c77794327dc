"""Images at other sizes, with borders, and channels exchanged for pixels."""

from __future__ import annotations

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.tflite.lowering.node import TfliteCall, TfliteLowering
from tinyinfer.formats.tflite.lowering.values import NCHW, Padding
from tinyinfer.ops.base import integer

REFLECT, SYMMETRIC = 0, 1  # of MIRROR_PAD
MOST_ROWS = 2**16  # and columns, where each is picked by an index of its own


def pad(call: TfliteCall) -> str:
    """PAD and PADV2: zeros, or the third input, around any dimensions."""
    value = 0.0
    if call.has(2):
        constant = call.array(2, "value")
        if constant.size != 1:
            raise GraphError(f"value: expected one number, found {constant.size}")
        value = float(constant.reshape(-1)[0])
    return _padded(call, value=value)


def mirror_pad(call: TfliteCall) -> str:
    """MIRROR_PAD without the border itself; with it only where a single row or column is added."""
    mode, widths = call.attribute("mode"), call.fixed(1, "paddings")
    if mode not in (REFLECT, SYMMETRIC):
        raise GraphError(f"mode: expected {REFLECT} or {SYMMETRIC}, found {mode}")
    if mode == SYMMETRIC and max(widths, default=0) > 1:
        call.refuse("the mode SYMMETRIC with more than one row or column is not supported")
    return _padded(call, mode="reflect" if mode == REFLECT else "replicate")


def _padded(call: TfliteCall, mode: str = "constant", value: float = 0.0) -> str:
    widths, (source, order) = call.fixed(1, "paddings"), call.placed()
    rank = len(order)
    if len(widths) != 2 * rank or min(widths, default=0) < 0:
        raise GraphError(f"paddings: expected {rank} x 2 numbers from 0 on, found {widths}")
    if not any(widths):
        return call.value(0)
    if rank == len(NCHW):
        source, order = call.nchw(), NCHW
    pads = tuple(width for dim in order for width in widths[2 * dim : 2 * dim + 2])
    while not any(pads[:2]):
        pads = pads[2:]
    if rank == len(NCHW) and len(pads) < len(NCHW):
        pads = (0, 0, *pads)
    padded = call.apply("pad", source, pad=pads, mode=mode, value=value)
    if order == NCHW and len(pads) == len(NCHW) and mode == "constant" and value == 0:
        top, bottom, left, right = pads
        call.values.padded[padded] = Padding(source, (top, bottom, left, right))
    return call.placed_as(padded, order)


def resize_bilinear(call: TfliteCall) -> str:
    """RESIZE_BILINEAR: corners on corners, pixels with areas, or (neither) TensorFlow's first rule.

    By the first rule output pixel i lies at i * H / H', which is where it lies with corners on corners if one row and
    one column more are made, of an image that repeats its last ones.
    """
    call.ignore("new_height", "new_width")
    corners, centres, size, image = *_rule(call), _size(call), call.nchw()
    if corners or centres:
        return call.image(call.apply("interpolate", image, size=size, mode="bilinear", align_corners=corners))
    if size == call.shape_of(image)[2:]:
        return call.image(image)
    more = call.apply("pad", image, pad=(0, 1, 0, 1), mode="replicate")
    larger = (size[0] + 1, size[1] + 1)
    resized = call.apply("interpolate", more, size=larger, mode="bilinear", align_corners=True)
    return call.image(call.apply("pad", resized, pad=(0, -1, 0, -1)))


def resize_nearest_neighbor(call: TfliteCall) -> str:
    """RESIZE_NEAREST_NEIGHBOR, by the same rules."""
    corners, centres, size, image = *_rule(call), _size(call), call.nchw()
    if not corners:
        return call.image(call.apply("interpolate", image, size=size, mode="nearest-exact" if centres else "nearest"))
    if max(size) > MOST_ROWS:
        raise GraphError(f"size: expected at most {MOST_ROWS} rows and columns with aligned corners, found {size}")
    for dim, (before, after) in enumerate(zip(call.shape_of(image)[2:], size, strict=True), 2):
        if is_free(before):
            call.fix([before], "corners are aligned")
        step = np.float32(before - 1) / np.float32(max(after - 1, 1)) if after > 1 else np.float32(0)
        rows = np.floor(np.arange(after, dtype=np.float32) * step + np.float32(0.5)).astype(int)
        index = tuple(np.minimum(rows, before - 1).tolist())
        image = call.apply("index_select", image, dim=dim, index=index)
    return call.image(image)


def _rule(call: TfliteCall) -> tuple[bool, bool]:
    """Whether corners are aligned, and whether pixels have areas."""
    corners, centres = bool(call.attribute("align_corners")), bool(call.attribute("half_pixel_centers"))
    if corners and centres:
        raise GraphError("expected align_corners or half_pixel_centers, found both")
    return corners, centres


def _size(call: TfliteCall) -> tuple[int, int]:
    size = call.fixed(1, "size")
    if len(size) != 2 or min(size) < 1:
        raise GraphError(f"size: expected height and width, found {size}")
    return size[0], size[1]


def _block(call: TfliteCall) -> int:
    return integer(call.attribute("block_size"), "block_size", least=1)


def depth_to_space(call: TfliteCall) -> str:
    """DEPTH_TO_SPACE: pixel (i, j) of a square takes the channels of its number, where ours are next to one another."""
    block = _block(call)
    shuffled = call.apply("channel_shuffle", call.nchw(), groups=block * block)
    return call.image(call.apply("pixel_shuffle", shuffled, upscale_factor=block))


def space_to_depth(call: TfliteCall) -> str:
    """SPACE_TO_DEPTH: the way back."""
    block, image = _block(call), call.nchw()
    channels = int(call.shape_of(image)[1])
    unshuffled = call.apply("pixel_unshuffle", image, downscale_factor=block)
    return call.image(call.apply("channel_shuffle", unshuffled, groups=channels))


LOWERINGS: dict[str, TfliteLowering] = {
    "PAD": pad,
    "PADV2": pad,
    "MIRROR_PAD": mirror_pad,
    "RESIZE_BILINEAR": resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": resize_nearest_neighbor,
    "DEPTH_TO_SPACE": depth_to_space,
    "SPACE_TO_DEPTH": space_to_depth,
}
