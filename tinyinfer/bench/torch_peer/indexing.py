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


def product(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """The product, over one dimension after the other."""
    x = inputs[0]
    dims = range(x.dim()) if node.op.dim is None else [dim % x.dim() for dim in node.op.dim]
    for dim in sorted(dims, reverse=True):
        x = x.prod(dim, node.op.keepdim, dtype=x.dtype)
    return x


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


def expand(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """To a size, of which the second input may give a part."""
    return inputs[0].expand(node.op.sizes(tuple(inputs[1].shape) if len(inputs) > 1 else None))


def cumsum(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """The running sum; without the element itself by taking it off, and backwards by turning it round."""
    x, dim = inputs[0], node.op.dim
    x = x.flip(dim) if node.op.reverse else x
    y = x.cumsum(dim, dtype=x.dtype) - (x if node.op.exclusive else torch.zeros_like(x))
    return y.flip(dim) if node.op.reverse else y


def scatter(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """torch.scatter and scatter_reduce, which take no negative indices."""
    x, index, elements = inputs
    index = index.long() % x.shape[node.op.dim]
    if node.op.reduce is None:
        return x.scatter(node.op.dim, index, elements)
    return x.scatter_reduce(node.op.dim, index, elements, node.op.reduce)


def scatter_nd(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """Elements put in place by indexing."""
    x, index, elements = inputs
    places = tuple(index.long().unbind(-1))
    return x.index_put(places, elements, accumulate=node.op.reduce == "sum")


def gather_nd(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """Picked by indexing, together with the dimensions that both share."""
    x, index = inputs[0], inputs[1].long()
    batch = node.op.batch_dims
    rank = index.dim() - 1
    shared = [torch.arange(n).reshape(n, *[1] * (rank - i - 1)) for i, n in enumerate(x.shape[:batch])]
    return x[(*shared, *index.unbind(-1))]


def reverse_sequence(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """Each row turned round up to its length."""
    rows = []
    for x, length in zip(inputs[0].unbind(node.op.batch_dim), inputs[1].tolist(), strict=True):
        dim = node.op.dim % inputs[0].dim() - (node.op.dim % inputs[0].dim() > node.op.batch_dim % inputs[0].dim())
        rows.append(torch.cat([x.narrow(dim, 0, length).flip(dim), x.narrow(dim, length, x.shape[dim] - length)], dim))
    return torch.stack(rows, node.op.batch_dim)


def non_max_suppression(_: Any, node: Any, inputs: Inputs, params: Params) -> Tensor:
    """The definition: torch has none of its own."""
    return torch.from_numpy(node.op.reference([x.numpy() for x in inputs], {})[0])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "slice": slice_,
    "clamp": clamp,
    "sum": total,
    "amax": extreme,
    "amin": extreme,
    "unsqueeze": unsqueeze,
    "expand": expand,
    "cumsum": cumsum,
    "scatter": scatter,
    "scatter_nd": scatter_nd,
    "gather_nd": gather_nd,
    "reverse_sequence": reverse_sequence,
    "non_max_suppression": non_max_suppression,
    "prod": product,
    "reshape_as": lambda net, node, inputs, params: inputs[0].reshape(inputs[1].shape),
    "tile": lambda net, node, inputs, params: inputs[0].tile(node.op.dims),
    "index": index,
    "gather": gather,
    "topk": topk,
    "cast": cast,
    "quantize_linear": quantize_linear,
    "dequantize_linear": dequantize_linear,
}
