"""Operators that torch has no function for, put together from those it has: shifts, displaced taps, encoding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tinyinfer.ops.geometry import resolve_padding

NEAR = 3  # pixels, up to which one convolution whose window holds all displacements replaces a cut for each channel
Inputs = Sequence[Tensor]
Params = Mapping[str, Tensor]


def shift(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """A depthwise convolution with kernels of a single one."""
    op, x = node.op, inputs[0]
    size, before, channels = op.kernel_size, op.kernel_size // 2, x.shape[1]
    weight = _moves(x, op.displacements(channels, {}) // op.dilation + before, size)
    front, back = op.dilation * before, op.dilation * (size - 1 - before)
    x, padding = (x, front) if front == back else (F.pad(x, (front, back, front, back)), 0)
    return F.conv2d(x, weight, padding=padding, dilation=op.dilation, groups=channels)


def _moves(x: Tensor, taps: np.ndarray, size: int) -> Tensor:
    """Weights of a depthwise convolution that takes one of size x size pixels a channel, its row and column in taps."""
    weight = x.new_zeros(len(taps), 1, size, size)
    rows, columns = torch.from_numpy(taps).T
    weight[torch.arange(len(taps)), 0, rows, columns] = 1
    return weight


def sparse_shift(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """A depthwise convolution where no channel moves far, else every channel cut out of a padded copy."""
    x = inputs[0]
    h, w = x.shape[2:]
    moves = node.op.displacements(x.shape[1], {role: value.detach().numpy() for role, value in params.items()})
    if (reach := int(np.abs(moves).max())) <= NEAR:
        return F.conv2d(x, _moves(x, moves + reach, 2 * reach + 1), padding=reach, groups=len(moves))
    moved = []
    for c, (dy, dx) in enumerate(moves):
        dy, dx = max(-h, min(h, int(dy))), max(-w, min(w, int(dx)))
        padded = F.pad(x[:, c : c + 1], (abs(dx), abs(dx), abs(dy), abs(dy)))
        moved.append(padded[:, :, abs(dy) + dy :, abs(dx) + dx :][:, :, :h, :w])
    return torch.cat(moved, 1)


def deform_conv2d(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """grid_sample for every tap, then a 1x1 convolution over all that was seen."""
    mask = inputs[2] if len(inputs) > 2 else None
    return _deformed(node.op, inputs[0], inputs[1], mask, params["weight"], params.get("bias"), node.op.offset_groups)


def irregular_conv2d(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """Deformable convolution with the same offsets everywhere, one kernel at a time where each has its own."""
    op, x, weight, offset = node.op, inputs[0], params["weight"], params["offset"]
    m, c, r, s = weight.shape
    top, bottom, left, right = _pads(op, x, weight)
    ho = (x.shape[2] + top + bottom - (r - 1) * op.dilation[0] - 1) // op.stride[0] + 1
    wo = (x.shape[3] + left + right - (s - 1) * op.dilation[1] - 1) // op.stride[1] + 1
    maps = []
    for kernel in range(m):
        group = kernel // (m // op.groups)
        own = offset[kernel] if offset.dim() == 4 else offset
        everywhere = own.reshape(1, -1, 1, 1).expand(len(x), -1, ho, wo)
        seen = x[:, group * c : (group + 1) * c]
        maps.append(_deformed(op, seen, everywhere, None, weight[kernel : kernel + 1], None, 1, groups=1))
    y = torch.cat(maps, 1)
    return y + params["bias"][:, None, None] if "bias" in params else y


def encoding(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """Distances by matrix products: sum a (x - c) = a^T x - (sum a) c."""
    pixels, codewords = inputs[0].flatten(2).transpose(1, 2), params["codewords"]
    squares = pixels.square().sum(2, keepdim=True) - 2 * pixels @ codewords.T + codewords.square().sum(1)
    shares = torch.softmax(params["scale"] * squares, 2)
    return shares.transpose(1, 2) @ pixels - shares.sum(1)[..., None] * codewords


def _deformed(
    op: Any, x: Tensor, offset: Tensor, mask: Tensor | None, weight: Tensor, bias: Tensor | None,
    offset_groups: int, groups: int | None = None,
) -> Tensor:  # fmt: skip
    r, s = weight.shape[2:]
    parts = x.chunk(offset_groups, 1)
    seen = [
        torch.cat([_looked_at(op, part, offset, mask, weight, g, tap) for g, part in enumerate(parts)], 1)
        for tap in range(r * s)
    ]
    taps = torch.stack(seen, 2).flatten(1, 2)  # (N, C * R * S, H', W')
    return F.conv2d(taps, weight.flatten(1)[..., None, None], bias, groups=groups or op.groups)


def _looked_at(op: Any, x: Tensor, offset: Tensor, mask: Tensor | None, weight: Tensor, group: int, tap: int) -> Tensor:
    (r, s), (h, w), (ho, wo) = weight.shape[2:], x.shape[2:], offset.shape[2:]
    top, _, left, _ = _pads(op, x, weight)
    at = group * r * s + tap
    i, j = divmod(tap, s)
    rows = torch.arange(ho).to(x)[:, None] * op.stride[0] - top + i * op.dilation[0] + offset[:, 2 * at]
    columns = torch.arange(wo).to(x) * op.stride[1] - left + j * op.dilation[1] + offset[:, 2 * at + 1]
    # grid_sample's -1 .. 1 are the outer edges of the outer pixels
    grid = torch.stack([(2 * columns + 1) / w - 1, (2 * rows + 1) / h - 1], 3)
    y = F.grid_sample(x, grid, padding_mode="zeros", align_corners=False)
    return y if mask is None else y * mask[:, at : at + 1]


def roi_align(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """torchvision's, which has the mean alone."""
    from torchvision.ops import roi_align

    attrs = dict(node.op.attrs)
    assert attrs.pop("mode") == "avg"
    return roi_align(*inputs, **attrs)


def _pads(op: Any, x: Tensor, weight: Tensor) -> tuple[int, int, int, int]:
    return resolve_padding(op.padding, tuple(x.shape[2:]), tuple(weight.shape[2:]), op.stride, op.dilation)


FUNCTIONS = {
    "shift": shift,
    "sparse_shift": sparse_shift,
    "deform_conv2d": deform_conv2d,
    "irregular_conv2d": irregular_conv2d,
    "encoding": encoding,
    "roi_align": roi_align,
}
