"""Values joined, cut, reordered and repeated."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.dim import expression_of, is_free
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.importing.free_shapes import expand_to
from tinyinfer.ops.base import LARGEST, axis
from tinyinfer.ops.open_values import is_certain


def identity(call: Call) -> str:
    """Identity."""
    return call.x


def concat(call: Call) -> str:
    """Concat; what is empty adds nothing."""
    parts = [call.value(i) for i in range(len(call.inputs))]
    parts = [x for x in parts if 0 not in call.shape_of(x)] or parts[:1]
    dim = call.needed("axis")
    return call.apply("concat", *parts, dim=dim) if len(parts) > 1 else parts[0]


def split_by_attribute(call: Call) -> Sequence[str]:
    """Split whose sizes are an attribute."""
    return _split(call, call.attribute("split"))


def split(call: Call) -> Sequence[str]:
    """Split whose sizes are an input, or all the same but perhaps for the last."""
    count = call.attribute("num_outputs", len(call.node.outputs))
    if count != len(call.node.outputs):
        call.refuse(f"num_outputs: expected {len(call.node.outputs)}, the outputs there are, found {count}")
    return _split(call, call.sizes(1, "split") if call.has(1) else None)


def _split(call: Call, sizes: Sequence[int] | None) -> Sequence[str]:
    dim, count = axis(call.attribute("axis", 0), len(call.shape())), len(call.node.outputs)
    total = call.shape()[dim]
    if sizes is None:
        each = -(-total // count)
        sizes = [each] * (count - 1) + [total - each * (count - 1)]
    if len(sizes) != count:
        call.refuse(f"split: expected {count} sizes, one for each output, found {len(sizes)}")
    if count == 1:
        return [call.x]
    if 0 in sizes:
        call.refuse("values without elements are not supported")
    return call.apply_all("split", call.x, split_size_or_sections=tuple(sizes), dim=dim)


def slice_by_attributes(call: Call) -> str:
    """Slice whose bounds are attributes."""
    starts, ends = call.needed("starts"), call.needed("ends")
    return _slice(call, starts, ends, call.attribute("axes"), None)


def slice_(call: Call) -> str:
    """Slice whose bounds are inputs."""
    starts, ends = call.sizes(1, "starts"), call.sizes(2, "ends")
    dims = call.sizes(3, "axes") if call.has(3) else None
    return _slice(call, starts, ends, dims, call.sizes(4, "steps") if call.has(4) else None)


def _slice(
    call: Call, starts: Sequence[int], ends: Sequence[int], dims: Sequence[int] | None, steps: Sequence[int] | None
) -> str:
    rank = len(call.shape())
    dims = range(len(starts)) if dims is None else [axis(dim, rank) for dim in dims]
    steps = [1] * len(starts) if steps is None else steps
    if not len(starts) == len(ends) == len(dims) == len(steps):
        call.refuse(f"expected as many starts as ends, axes and steps, found {len(starts)}, {len(ends)}, "
                    f"{len(dims)} and {len(steps)}")  # fmt: skip
    cuts = []
    for dim, start, end, step in zip(dims, starts, ends, steps, strict=True):
        if is_free(step):
            call.fix([step], "slice takes a step that is fixed")
        size = call.shape()[dim]
        first, last = _bound(call, start, size), _bound(call, end, size)
        if step > 0 and last is not None and last >= LARGEST:
            last = None
        if (first, last, step) != (0, None, 1):
            cuts.append((dim, first if first is not None else LARGEST, last, step))
    if not cuts:
        return call.x
    columns = [tuple(column) for column in zip(*cuts, strict=True)]
    dim_, start_, end_, step_ = (c[0] if len(c) == 1 else c for c in columns)
    return call.apply("slice", call.x, dim=dim_, start=start_, end=end_, step=step_)


def _bound(call: Call, position: int, size: int) -> int | None:
    """A position in a dimension of this size without free sizes; None for its end."""
    if not is_free(position):
        return max(-LARGEST, min(position, LARGEST))
    from_end = position - size
    if not is_free(from_end):
        return None if from_end == 0 else max(-LARGEST, from_end) if from_end < 0 else LARGEST
    if is_certain(from_end, 0):
        return None
    call.fix([position, size], f"a slice ends at {expression_of(position)} of {expression_of(size)}")


def transpose(call: Call) -> str:
    """Transpose; without an order the dimensions are reversed."""
    order = call.attribute("perm")
    dims = tuple(range(len(call.shape())))[::-1] if order is None else tuple(order)
    return call.apply("permute", call.x, dims=dims) if len(dims) > 1 else call.x


def expand(call: Call) -> str:
    """Expand: both shapes broadcast."""
    return expand_to(call, call.x, call.sizes(1, "shape"))


def tile(call: Call) -> str:
    """Tile; a dimension of size 1 repeated as often as a free size says is expanded."""
    old, counts = call.shape(), call.sizes(1, "repeats")
    if len(counts) != len(old):
        call.refuse(f"repeats: expected {len(old)} numbers, found {len(counts)}")
    free = [i for i, count in enumerate(counts) if is_free(count)]
    for i in free:
        if is_free(old[i]) or old[i] != 1:
            call.fix([counts[i]], "tile repeats a dimension of more than one element")
    x = expand_to(call, call.x, tuple(counts[i] if i in free else 1 for i in range(len(old)))) if free else call.x
    fixed = tuple(1 if i in free else count for i, count in enumerate(counts))
    return x if set(fixed) <= {1} else call.apply("tile", x, dims=fixed)


def trilu(call: Call) -> str:
    """Trilu: a triangle above or below a diagonal."""
    diagonal = call.single(1, "k") if call.has(1) else 0
    return call.apply("triu" if call.attribute("upper", 1) else "tril", call.x, diagonal=diagonal)


def reverse_sequence(call: Call) -> str:
    """ReverseSequence."""
    dim, batch_dim = call.attribute("time_axis", 0), call.attribute("batch_axis", 1)
    return call.apply("reverse_sequence", call.x, call.value(1), dim=dim, batch_dim=batch_dim)


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("Identity", 1): identity,
    ("Concat", 4): concat,
    ("Split", 2): split_by_attribute,
    ("Split", 13): split,
    ("Slice", 1): slice_by_attributes,
    ("Slice", 10): slice_,
    ("Transpose", 1): transpose,
    ("Expand", 8): expand,
    ("Tile", 6): tile,
    ("Trilu", 14): trilu,
    ("ReverseSequence", 10): reverse_sequence,
}
