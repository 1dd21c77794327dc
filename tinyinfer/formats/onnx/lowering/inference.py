"""What does nothing at inference: Dropout and Identity."""

from __future__ import annotations

from tinyinfer.formats.importing.call import Call, Lowering


def identity(call: Call) -> str:
    """Identity."""
    return call.x


def dropout(call: Call) -> list[str]:
    """Dropout, whose mask keeps everything."""
    call.ignore("ratio", "seed")
    call.ignore_inputs(1)  # the ratio of later versions
    if call.has(2) and call.array(2, "training_mode").any():
        call.refuse("training_mode is not supported")
    if len(call.node.outputs) == 1:
        return [call.x]
    mask = all_true(call, call.x)
    return [call.x, mask if call.version >= 10 else call.apply("cast", mask, dtype=call.type().dtype)]


def all_true(call: Call, x: str) -> str:
    """True for every element of a value whose size may be free."""
    same, other = call.apply("eq", x, x), call.apply("ne", x, x)  # NaN is not equal to itself
    return call.apply("logical_or", same, other)


LOWERINGS: dict[tuple[str, int], Lowering] = {("Identity", 1): identity, ("Dropout", 7): dropout}
