"""Operators on values of any rank and dtype whose spelling differs from torch's: picking, repeating, quantising."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

Inputs = Sequence[Tensor]
Params = Mapping[str, Tensor]


def slice_(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """Slicing; backwards, which torch has not, by indices."""
    x = inputs[0]
    for dim, cut in node.op.cuts(x.dim()).items():
        x = x.index_select(dim, torch.arange(x.shape[dim])[range(x.shape[dim])[cut]])
    return x


def clamp(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """Between numbers or tensors."""
    return torch.clamp(*inputs) if len(inputs) > 1 else torch.clamp(inputs[0], **node.op.attrs).to(inputs[0].dtype)


def total(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """The sum, in the dtype of the input."""
    return inputs[0].sum(node.op.dim, node.op.keepdim, dtype=inputs[0].dtype)


def extreme(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """amax and amin, for which torch says all dimensions with an empty tuple."""
    function = getattr(torch, node.op.name)
    result: Tensor = function(inputs[0], () if node.op.dim is None else node.op.dim, node.op.keepdim)
    return result


def unsqueeze(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """New dimensions, one by one from the front."""
    x, rank = inputs[0], inputs[0].dim() + len(node.op.dim)
    for dim in sorted(d % rank for d in node.op.dim):
        x = x.unsqueeze(dim)
    return x


def index(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """An index of any rank in the place of a dimension."""
    return inputs[0][(*[slice(None)] * (node.op.dim % inputs[0].dim()), inputs[1].long())]


def gather(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """torch.gather, which takes no negative indices."""
    x, index = inputs[0], inputs[1].long()
    return x.gather(node.op.dim, index % x.shape[node.op.dim])


def topk(_: Any, node: Any, inputs: Inputs, params: Params) -> tuple[Tensor, Tensor]:
    """The first of all in order, since torch.topk leaves open which of equal elements comes first."""
    op = node.op
    values, indices = torch.sort(inputs[0], dim=op.dim, descending=op.largest, stable=True)
    return values.narrow(op.dim, 0, op.k), indices.narrow(op.dim, 0, op.k)


def cast(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """Another dtype."""
    return inputs[0].to(getattr(torch, node.op.dtype))


def quantize_linear(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """Rounded and clamped by its definition."""
    x = inputs[0]
    scale, zero = (torch.from_numpy(array) for array in node.op.parameters(x.dim(), x.numpy().dtype))
    limits = torch.iinfo(getattr(torch, node.op.dtype))
    return (torch.round(x / scale) + zero).clamp(limits.min, limits.max).to(getattr(torch, node.op.dtype))


def dequantize_linear(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """Shifted and scaled by its definition."""
    q = inputs[0].double()
    scale, zero = (torch.from_numpy(array) for array in node.op.parameters(q.dim(), q.numpy().dtype))
    return (q - zero).float() * scale.float()


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "slice": slice_,
    "clamp": clamp,
    "sum": total,
    "amax": extreme,
    "amin": extreme,
    "unsqueeze": unsqueeze,
    "reshape_as": lambda net, node, inputs, params: inputs[0].reshape(inputs[1].shape),
    "expand": lambda net, node, inputs, params: inputs[0].expand(node.op.size),
    "tile": lambda net, node, inputs, params: inputs[0].tile(node.op.dims),
    "index": index,
    "gather": gather,
    "topk": topk,
    "cast": cast,
    "quantize_linear": quantize_linear,
    "dequantize_linear": dequantize_linear,
}
