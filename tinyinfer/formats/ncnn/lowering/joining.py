"""Blobs put together, taken apart and cut."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.dim import is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call
from tinyinfer.formats.ncnn.lowering.axes import dimension
from tinyinfer.formats.ncnn.lowering.layer_kind import LayerKind, Layers
from tinyinfer.formats.ncnn.reading.parameters import Parameters

REST = -233  # a size that is left to be found
CROP = {
    0: "woffset", 1: "hoffset", 2: "coffset", 3: "outw", 4: "outh", 5: "outc", 6: "woffset2", 7: "hoffset2",
    8: "coffset2", 9: "starts", 10: "ends", 11: "axes", 13: "doffset", 14: "outd", 15: "doffset2", 19: "starts_expr",
    20: "ends_expr", 21: "axes_expr",
}  # fmt: skip


def _concat(call: Call, p: Parameters) -> str:
    values = [call.value(i) for i in range(len(call.inputs))]
    return call.apply("concat", *values, dim=dimension(p.integer("axis"), len(call.shape())))


def _slice(call: Call, p: Parameters) -> Sequence[str]:
    axis, slices, indices = p.integer("axis"), p.integers("slices"), p.integers("indices")
    shape, count = call.shape(), len(call.node.outputs)
    dim = dimension(axis, len(shape))
    if is_free(size := shape[dim]):
        call.fix([size], "pieces are of fixed size")
    sizes = _between(indices, size, count) if indices else _shared(slices, size)
    if len(sizes) != count:
        raise GraphError(f"slices: expected one for each of {count} blobs, found {len(sizes)}")
    return call.apply_all("split", call.x, split_size_or_sections=sizes, dim=dim)


def _shared(slices: Sequence[int], size: int) -> tuple[int, ...]:
    """Sizes of pieces; those that are not given share what the ones before them leave."""
    sizes: list[int] = []
    for index, given in enumerate(slices):
        sizes.append((size - sum(sizes)) // (len(slices) - index) if given == REST else given)
    return tuple(sizes)


def _between(indices: Sequence[int], size: int, count: int) -> tuple[int, ...]:
    """Sizes of pieces that end at these places, the last at the end."""
    ends = [index + size if index < 0 else index for index in indices[: count - 1]]
    return tuple(end - start for start, end in zip([0, *ends], [*ends, size], strict=True))


def _crop(call: Call, p: Parameters) -> str:
    for name in ("starts_expr", "ends_expr", "axes_expr"):
        if call.attribute(name) is not None:
            call.refuse("cuts given as an expression are not supported")
    if p.integers("starts"):
        return _numpy_crop(call, p)
    rank = len(call.shape())
    if rank == 5:
        call.refuse("cutting blobs of 4 dimensions is not supported")
    names = "chw"[4 - rank :]
    offsets = [p.integer(f"{name}offset") for name in names]
    after = [p.integer(f"{name}offset2") for name in names]
    sizes = [p.integer(f"out{name}") for name in names]
    call.ignore(*CROP.values())
    if call.has(1):
        return _crop_like(call, offsets)
    cuts = {}
    for i, (start, end, size) in enumerate(zip(offsets, after, sizes, strict=True)):
        if start == REST:
            call.refuse(f"a crop without offset in dimension {i} is not supported")
        cuts[i + 1] = (start, -end or None) if size == REST else (start, start + size)
        if size not in (REST, 0) and not is_free(call.shape()[i + 1]):
            cuts[i + 1] = (start, min(start + size, call.shape()[i + 1] - end))
    return _cut(call, cuts)


def _crop_like(call: Call, offsets: Sequence[int]) -> str:
    """To the sizes of a second blob; the channels stay unless that has as many dimensions."""
    shape, like = call.shape(0), call.shape(1)
    first = 0 if len(like) == len(shape) else len(shape) - len(like)
    cuts: dict[int, tuple[int, int | None]] = {}
    for i, start in list(enumerate(offsets))[first:]:
        size, wanted = shape[i + 1], like[i + 1 - first]
        if is_free(size) or is_free(wanted):
            left = size - wanted - start
            if is_free(left):
                call.note("a crop to another value's size is kept as it is at the nominal size of the input")
            if left < 0:
                raise GraphError(f"expected a blob of at least {wanted} + {start} to crop, found {size}")
            cuts[i + 1] = (start, -int(left) or None)
        else:
            cuts[i + 1] = (start, start + wanted)
    return _cut(call, cuts)


def _numpy_crop(call: Call, p: Parameters) -> str:
    starts, ends, axes = p.integers("starts"), p.integers("ends"), p.integers("axes")
    call.ignore(*CROP.values())
    rank = len(call.shape())
    axes = axes or tuple(range(len(starts)))
    if not len(starts) == len(ends) == len(axes):
        raise GraphError(f"expected as many starts as ends and axes, found {len(starts)}, {len(ends)}, {len(axes)}")
    cuts: dict[int, tuple[int, int | None]] = {}
    for axis, start, end in zip(axes, starts, ends, strict=True):
        dim = dimension(axis, rank)
        cuts[dim] = (0 if start == REST else start, None if end in (REST, 0, 2**31 - 1) else end)
    return _cut(call, cuts)


def _cut(call: Call, cuts: dict[int, tuple[int, int | None]]) -> str:
    needed = {dim: cut for dim, cut in cuts.items() if cut != (0, None) and cut != (0, call.shape()[dim])}
    if not needed:
        return call.x
    starts, ends = zip(*needed.values(), strict=True)
    return call.apply("slice", call.x, dim=tuple(needed), start=starts, end=ends)


def _split(call: Call, p: Parameters) -> list[str]:
    return [call.x] * len(call.node.outputs)


def _gated(call: Call, p: Parameters) -> str:
    """The first half times the sigmoid of the second (GLU)."""
    axis, shape = p.integer("axis"), call.shape()
    dim = dimension(axis, len(shape))
    if shape[dim] % 2:
        call.refuse(f"axis: expected a dimension of even size, found {axis}")
    if is_free(shape[dim]):
        call.fix([shape[dim]], "halves are of fixed size")
    first, second = call.apply_all("split", call.x, split_size_or_sections=shape[dim] // 2, dim=dim)
    return call.apply("mul", first, call.apply("sigmoid", second))


def _cumulative_sum(call: Call, p: Parameters) -> str:
    return call.apply("cumsum", call.x, dim=dimension(p.integer("axis"), len(call.shape())))


def _flip(call: Call, p: Parameters) -> str:
    rank = len(call.shape())
    dims = tuple(sorted({dimension(axis, rank) for axis in p.integers("axes")}))
    return call.apply("slice", call.x, dim=dims, start=-1, step=-1) if dims else call.x


def _tile(call: Call, p: Parameters) -> str:
    axis, tiles, repeats = p.integer("axis"), p.integer("tiles", 1, least=1), p.integers("repeats")
    rank = len(call.shape())
    if repeats:
        if len(repeats) > rank - 1:
            call.refuse("repeats that make more dimensions are not supported")
        return call.apply("tile", call.x, dims=repeats)
    counts = [1] * rank
    counts[dimension(axis, rank)] = tiles
    return call.apply("tile", call.x, dims=tuple(counts))


LAYERS: Layers = {
    "Concat": LayerKind(_concat, {0: "axis"}),
    "Crop": LayerKind(_crop, CROP),
    "CumulativeSum": LayerKind(_cumulative_sum, {0: "axis"}),
    "Flip": LayerKind(_flip, {0: "axes"}),
    "GLU": LayerKind(_gated, {0: "axis"}),
    "Slice": LayerKind(_slice, {0: "slices", 1: "axis", 2: "indices"}),
    "Split": LayerKind(_split),
    "Tile": LayerKind(_tile, {0: "axis", 1: "tiles", 2: "repeats"}),
}
