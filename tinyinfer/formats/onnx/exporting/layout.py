"""Operators that move values without computing anything, in ONNX: joining, cutting, picking, reshaping, padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tinyinfer.formats.onnx.exporting.writer import Call
from tinyinfer.ops.base import axis
from tinyinfer.ops.movement.pad import MODES

TO_THE_END = np.iinfo(np.int64).max


def concat(call: Call) -> str:
    """Concat."""
    return call.add("Concat", *call.node.inputs, axis=call.op.dim)


def split(call: Call) -> list[str]:
    """Split into listed sizes."""
    at = axis(call.op.dim, len(call.shapes[0]))
    sizes = [shape[at] for shape in call.out_shapes]
    if None in sizes:
        call.refuse(f"dim {call.op.dim}, which it splits, is free")
    return call.add_many("Split", call.x, call.ints(sizes), outputs=len(sizes), axis=at)


def slice_(call: Call) -> str:
    """Slice along one or several dimensions."""
    cuts = call.op.cuts(len(call.shapes[0]))
    ends = [(TO_THE_END if cut.step > 0 else -TO_THE_END) if cut.stop is None else cut.stop for cut in cuts.values()]
    starts, steps = [cut.start for cut in cuts.values()], [cut.step for cut in cuts.values()]
    return call.add("Slice", call.x, *map(call.ints, (starts, ends, [*cuts], steps)))


def index_select(call: Call) -> str:
    """Gather."""
    return call.add("Gather", call.x, call.ints(call.op.index), axis=axis(call.op.dim, len(call.shapes[0])))


def permute(call: Call) -> str:
    """Transpose."""
    return call.add("Transpose", call.x, perm=[axis(dim, len(call.op.dims)) for dim in call.op.dims])


def flatten(call: Call) -> str:
    """Reshape: dimensions before are copied, those after must be known."""
    rank = len(call.shapes[0])
    first, last = axis(call.op.start_dim, rank), axis(call.op.end_dim, rank)
    after = call.shapes[0][last + 1 :]
    if None in after:
        call.refuse(f"a dimension after dim {last} is free")
    return call.add("Reshape", call.x, call.ints((*[0] * first, -1, *after)))


def reshape(call: Call) -> str:
    """Reshape; zeros and -1 mean the same in ONNX, but for zeros that keep the dimension of another position."""
    keeps, old = call.op.keeps(), call.shapes[0]
    sizes = [
        size if at is None or at == i else old[at]
        for i, (size, at) in enumerate(zip(call.op.shape, keeps, strict=True))
    ]
    if -1 not in sizes and sizes.count(None) == 1:
        sizes[sizes.index(None)] = -1  # the one that is left
    if None not in sizes:
        return call.add("Reshape", call.x, call.ints(sizes))
    return call.add("Reshape", call.x, _sizes(call, call.x, call.op.shape, keeps))


def reshape_as(call: Call) -> str:
    """Reshape to the shape of the other value."""
    x, other = call.node.inputs
    return call.add("Reshape", x, call.add("Shape", other))


def _sizes(call: Call, value: str, sizes: Sequence[int], dims: Sequence[int | None]) -> str:
    """Sizes of which some, worked out when the network runs, are those of a value's dimensions."""
    parts = [
        call.ints([n]) if at is None else call.shape_of(value, at, at + 1) for n, at in zip(sizes, dims, strict=True)
    ]
    return call.add("Concat", *parts, axis=0)


def squeeze(call: Call) -> str:
    """Squeeze."""
    return call.add("Squeeze", call.x, call.ints(call.op.dim))


def unsqueeze(call: Call) -> str:
    """Unsqueeze."""
    return call.add("Unsqueeze", call.x, call.ints(call.op.dim))


def expand(call: Call) -> str:
    """Expand, where 1 leaves a dimension as it is."""
    own = [1 if size == -1 else size for size in call.op.size]
    if len(call.node.inputs) == 1 or 0 not in own:
        return call.add("Expand", call.x, call.ints(own))
    taken = iter([i for i, size in enumerate(own) if size == 0] if call.op.taken is None else call.op.taken)
    dims = [next(taken) if size == 0 else None for size in own]
    return call.add("Expand", call.x, _sizes(call, call.node.inputs[1], own, dims))


def tile(call: Call) -> str:
    """Tile, which takes a count for every dimension."""
    counts, x = call.op.counts(len(call.out_shapes[0])), call.x
    new = len(counts) - len(call.shapes[0])
    if new > 0:
        x = call.add("Unsqueeze", x, call.ints(range(new)))
    return call.add("Tile", x, call.ints(counts))


def constant(call: Call) -> str:
    """An initializer; what integers stand for is said where they are read."""
    return call.param("value")


def shape(call: Call) -> str:
    """Shape."""
    return call.add("Shape", call.x)


def nothing(call: Call) -> str:
    """The input itself."""
    return call.x


def pad(call: Call) -> str:
    """Slice where the padding is negative, then Pad where it is positive."""
    sides = [*zip(call.op.pad[::2], call.op.pad[1::2], strict=True)]
    before, after = np.transpose([(0, 0)] * (len(call.shapes[0]) - len(sides)) + sides)
    x = call.x
    if before.min() < 0 or after.min() < 0:
        ends = np.where(after < 0, after, TO_THE_END)
        x = call.add("Slice", x, call.ints(np.maximum(-before, 0)), call.ints(ends), call.ints(range(len(before))))
    widths = call.ints(np.maximum([*before, *after], 0))
    if call.op.mode == "constant":
        return call.add("Pad", x, widths, call.constant(np.asarray(call.op.value, call.dtypes[0])))
    return call.add("Pad", x, widths, mode=MODES[call.op.mode])


def channel_shuffle(call: Call) -> str:
    """Reshape, Transpose, Reshape: the channels as a table, transposed."""
    _, channels, *image = call.shapes[0]
    if channels is None:
        call.refuse("the number of channels is free")
    groups = call.op.groups
    table = call.add("Reshape", call.x, call.ints((0, groups, channels // groups, -1)))
    shuffled = call.add("Transpose", table, perm=(0, 2, 1, 3))
    whole = call.add("Shape", call.x) if None in image else call.ints((0, channels, *image))
    return call.add("Reshape", shuffled, whole)


EXPORTERS: dict[str, Callable[[Call], str | list[str]]] = {
    "constant": constant,
    "shape": shape,
    "concat": concat,
    "split": split,
    "slice": slice_,
    "index_select": index_select,
    "permute": permute,
    "flatten": flatten,
    "reshape": reshape,
    "reshape_as": reshape_as,
    "squeeze": squeeze,
    "unsqueeze": unsqueeze,
    "expand": expand,
    "tile": tile,
    "dropout": nothing,
    "identity": nothing,
    "pad": pad,
    "channel_shuffle": channel_shuffle,
}
