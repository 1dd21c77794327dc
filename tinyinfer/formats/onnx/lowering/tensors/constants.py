"""Values that the file states or that follow from sizes: Constant, ConstantOfShape, Range, EyeLike."""

from __future__ import annotations

import math

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.importing.free_shapes import expand_to
from tinyinfer.formats.onnx.reading.tensors import ELEMENT_TYPES
from tinyinfer.ops.known_values import is_open

MOST_COUNTED = 2**24  # numbers of a Range, identity matrices' elements: a file of few bytes can ask for any number
FORMS = {"value_int": np.int64, "value_ints": np.int64, "value_float": np.float32, "value_floats": np.float32}


def constant(call: Call) -> str:
    """Constant, in any of its forms."""
    tensor = call.attribute("value")
    if tensor is not None:
        return call.importer.constant(call.name, tensor, given=True)
    for name, dtype in FORMS.items():
        found = call.attribute(name)
        if found is not None:
            return call.constant(found, dtype)
    call.refuse("expected a tensor, numbers or one number")


def constant_of_shape(call: Call) -> str:
    """ConstantOfShape: one number, 0 unless it is said, everywhere."""
    sizes, value = call.sizes(0, "input"), call.attribute("value")
    value = np.zeros(1, np.float32) if value is None else value
    if value.size != 1:
        call.refuse(f"value: expected one number, found {value.size}")
    if min(sizes, default=1) < 0:
        call.refuse(f"input: expected sizes from 0 on, found {min(sizes)}")
    if 0 in sizes:
        return call.constant(np.zeros([int(size) for size in sizes], value.dtype))
    return expand_to(call, call.constant(value.reshape(())), sizes)


def range_(call: Call) -> str:
    """Range: from a start by steps to before a limit; up to a free size it is counted when the network runs."""
    call.ignore("stash_type")
    start, limit, delta = (call.array(i, what) for i, what in enumerate(("start", "limit", "delta")))
    if not start.size == limit.size == delta.size == 1:
        call.refuse("expected a start, a limit and a delta of one number each")
    if is_open(start) or is_open(delta):
        call.fix([*start.flat, *delta.flat], "a range starts, or steps, by a free size")
    if delta.item() == 0:
        call.refuse("delta: expected a number other than 0")
    if not is_open(limit):
        count = (limit.item() - start.item()) / delta.item()
        if not count <= MOST_COUNTED:
            call.refuse(f"expected at most {MOST_COUNTED} numbers, found {count}")
        count = max(math.ceil(count), 0)
        return call.constant(np.asarray(start.item() + np.arange(count) * delta.item(), start.dtype))
    (end,) = limit.reshape(-1).tolist()
    if not isinstance(end, int) or delta.item() < 0:
        call.fix([end], "a range of floats, or downwards, ends at a free size")
    count = -(-(end - start.item()) // delta.item())
    ones = expand_to(call, call.constant(np.ones((), start.dtype)), (count,))
    steps = call.apply("cumsum", ones, dim=0, exclusive=True)
    scaled = call.apply("mul", steps, call.constant(delta)) if delta.item() != 1 else steps
    return call.apply("add", scaled, call.constant(start)) if start.item() != 0 else scaled


def eye_like(call: Call) -> str:
    """EyeLike: ones on a diagonal of a matrix as large as the input."""
    sizes, number = call.shape(), call.attribute("dtype")
    if any(map(is_free, sizes)):
        call.fix(sizes, "the size of a matrix that is written out")
    if len(sizes) != 2 or math.prod(sizes) > MOST_COUNTED:
        call.refuse(f"expected a matrix of at most {MOST_COUNTED} elements, found {call.type()}")
    kind = ELEMENT_TYPES.get(number)
    dtype = kind.name if kind else call.type().dtype
    if number is not None and kind is None:
        call.refuse(f"dtype {number} is not supported")
    return call.constant(np.eye(*sizes, k=call.attribute("k", 0)), dtype)


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("Constant", 1): constant,
    ("ConstantOfShape", 9): constant_of_shape,
    ("Range", 11): range_,
    ("EyeLike", 9): eye_like,
}
