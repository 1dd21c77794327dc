"""Operators that make images larger again, in torch: transposed convolution, interpolation, unpooling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Inputs = Sequence[Tensor]
Params = Mapping[str, Tensor]


def conv_transpose2d(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """Transposed convolution, and the fused activation."""
    attrs = dict(node.op.attrs)
    activation = attrs.pop("activation")
    y = F.conv_transpose2d(inputs[0], params["weight"], params.get("bias"), **attrs)
    return y if activation is None else getattr(F, activation)(y)


def interpolate(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """Resizing, to the size of the second input if there is one."""
    attrs = dict(node.op.attrs)
    if len(inputs) > 1:
        attrs["size"] = inputs[1].shape[2:]
    return F.interpolate(inputs[0], **attrs)


def max_pool2d_with_indices(_: Any, node: Any, inputs: Inputs, params: Params) -> tuple[Tensor, Tensor]:
    """Pooling with positions; uneven padding moves them, which is undone."""
    op, x = node.op, inputs[0]
    width = x.shape[3]
    top, bottom, left, right = op.pads(tuple(x.shape[2:]))
    padding: Any = (top, left)
    uneven = (top, left) != (bottom, right)
    if uneven:
        x, padding = F.pad(x, (left, right, top, bottom), value=-torch.inf), 0
    y, at = F.max_pool2d(x, op.kernel_size, op.stride, padding, op.dilation, op.ceil_mode, return_indices=True)
    if uneven:
        at = (at // x.shape[3] - top) * width + at % x.shape[3] - left
    return y, at.to(y.dtype)


def max_unpool2d(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """Unpooling, to the size of the third input if there is one."""
    op = node.op
    size = op.output_size if len(inputs) < 3 else inputs[2].shape[2:]
    return F.max_unpool2d(inputs[0], inputs[1].long(), op.kernel_size, op.stride, op.padding, size)


def resize(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """A matrix product along each dimension."""
    op, y = node.op, inputs[0]
    sizes = op.out_sizes(tuple(y.shape), tuple(inputs[1].shape) if len(inputs) > 1 else None)
    for i, (dim, out) in enumerate(zip(op.dims, sizes, strict=True)):
        line = op.line(i, y.shape[dim], out)
        matrix = torch.zeros(out, y.shape[dim], dtype=y.dtype)
        matrix.scatter_add_(1, torch.from_numpy(line.source), torch.from_numpy(line.weight).to(y))
        y = (y.movedim(dim, -1) @ matrix.T).movedim(-1, dim)
        outside = torch.from_numpy(line.outside).reshape(-1, *[1] * (y.ndim - 1 - dim))
        y = torch.where(outside, op.extrapolation_value, y)
    return y


FUNCTIONS = {
    "resize": resize,
    "conv_transpose2d": conv_transpose2d,
    "interpolate": interpolate,
    "max_pool2d_with_indices": max_pool2d_with_indices,
    "max_unpool2d": max_unpool2d,
}
