"""The windows of convolutions and pools as ONNX spells them; lines become images one pixel high."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call
from tinyinfer.graph import Shape
from tinyinfer.ops.geometry import Padding

Pair = tuple[int, int]

SAME = {"SAME_UPPER": "same", "SAME_LOWER": "same_lower"}


@dataclass(frozen=True)
class Windows:
    """Sizes (height, width) of windows, their steps and taps, and what is added around the image."""

    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: Padding

    @property
    def conv(self) -> dict[str, Any]:
        """Attributes of a convolution, whose weights have the window's size."""
        return {"stride": self.stride, "dilation": self.dilation, "padding": self.padding}

    @property
    def extent(self) -> Pair:
        """Pixels from the first to the last tap."""
        return (self.kernel[0] - 1) * self.dilation[0] + 1, (self.kernel[1] - 1) * self.dilation[1] + 1

    @property
    def see_one_pixel(self) -> bool:
        """Whether each window is one pixel, and each pixel has one."""
        unpadded = isinstance(self.padding, str) or not any(self.padding)
        return self.kernel == self.stride == (1, 1) and unpadded


def image_rank(call: Call) -> int:
    """1 for lines, 2 for images; other inputs are refused."""
    rank = len(call.shape()) - 2
    if rank not in (1, 2):
        call.refuse(f"expected lines (N, C, W) or images (N, C, H, W), found an input of rank {rank + 2}")
    return rank


def as_image(call: Call, x: str) -> str:
    """Lines, or the weights of their convolution, with a height of 1."""
    return call.apply("unsqueeze", x, dim=2) if len(call.shape_of(x)) == 3 else x


def as_given(call: Call, y: str) -> str:
    """An image made for the node, as lines again if the node's input is lines."""
    return call.apply("squeeze", y, dim=2) if len(call.shape()) == 3 else y


def read_windows(call: Call, weight: Shape | None = None) -> Windows:
    """The attributes that Conv, DeformConv and the pools share; ``weight`` is the shape of a convolution's kernels."""
    rank = image_rank(call)
    kernel = call.attribute("kernel_shape")
    if weight is not None:
        if len(weight) != rank + 2:
            raise GraphError(f"weight: expected rank {rank + 2}, found shape {weight}")
        if kernel is not None and tuple(kernel) != weight[2:]:
            raise GraphError(f"kernel_shape: expected {weight[2:]}, the size of the weight, found {tuple(kernel)}")
        kernel = weight[2:]
    if kernel is None:
        raise GraphError("kernel_shape: expected sizes, found none")
    return Windows(
        _pair(kernel, "kernel_shape", rank),
        _pair(call.attribute("strides", [1] * rank), "strides", rank),
        _pair(call.attribute("dilations", [1] * rank), "dilations", rank),
        _padding(call, rank),
    )


def with_open_pad(call: Call, x: str, windows: Windows, fill: float = 0.0) -> tuple[str, Windows]:
    """What is padded, and windows that pad it themselves, where x is padded just as they need it at every size."""
    pad = call.importer.pad_of(x)
    if pad is None or pad.fill != fill or any(windows.padding):
        return x, windows
    same = pad.as_same(windows.kernel, windows.stride, windows.dilation)
    return (x, windows) if same is None else (pad.x, replace(windows, padding=same))


def read_volume_windows(call: Call) -> tuple[Windows, Windows]:
    """The attributes of a pool over volumes as windows over its planes, and over lines of planes."""
    kernel = call.attribute("kernel_shape", ())
    given = {"kernel_shape": kernel} | {what: call.attribute(what, [1] * 3) for what in ("strides", "dilations")}
    for what, values in given.items():
        if len(values) != 3:
            raise GraphError(f"{what}: expected 3 numbers, found {len(values)}")
    (kd, kh, kw), (sd, sh, sw), (dd, dh, dw) = given.values()
    auto, pads = call.attribute("auto_pad", "NOTSET"), call.attribute("pads", [0] * 6)
    planes, depth = (SAME.get(auto, (0, 0, 0, 0)) for _ in range(2))
    if auto == "NOTSET":
        if len(pads) != 6:
            raise GraphError(f"pads: expected 6 numbers, found {len(pads)}")
        planes, depth = (pads[1], pads[4], pads[2], pads[5]), (pads[0], pads[3], 0, 0)
    return Windows((kh, kw), (sh, sw), (dh, dw), planes), Windows((kd, 1), (sd, 1), (dd, 1), depth)


def _pair(values: Sequence[int], what: str, rank: int) -> Pair:
    if len(values) != rank:
        raise GraphError(f"{what}: expected {rank} numbers, found {len(values)}")
    height, width = (1, *values) if rank == 1 else values
    return height, width


def _padding(call: Call, rank: int) -> Padding:
    auto, pads = call.attribute("auto_pad", "NOTSET"), call.attribute("pads", [0] * (2 * rank))
    if auto in SAME:
        return SAME[auto]
    if auto == "VALID":
        return 0, 0, 0, 0
    if auto != "NOTSET":
        call.refuse(f"auto_pad {auto!r} is not supported")
    (top, left), (bottom, right) = both_ends(pads, rank)
    return top, bottom, left, right


def both_ends(pads: Sequence[int], rank: int) -> tuple[Pair, Pair]:
    """(top, left) and (bottom, right) of pads, which list first all beginnings, then all ends."""
    if len(pads) != 2 * rank:
        raise GraphError(f"pads: expected {2 * rank} numbers, found {len(pads)}")
    top, left, bottom, right = (0, pads[0], 0, pads[1]) if rank == 1 else pads
    return (top, left), (bottom, right)
