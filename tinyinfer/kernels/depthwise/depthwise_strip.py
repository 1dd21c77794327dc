r"""Strips of a depthwise convolution: a few columns of outputs, walked down row by row.

A vector of channels is a vector of convolutions.  A row of inputs reaches several rows of outputs, and all of their
sums stay in registers while the strip walks down: so every input is loaded once and then used for all outputs it
reaches (lesson 04).  With a kernel of 3x3 and stride 1:

                  sums[0]      sums[1]      sums[2]
    line i        row 2 of w   row 1 of w   row 0 of w    sums[0] has seen its three lines: epilogue, store;
                         \____________ \____________      sums[1] and sums[2] move up, a new sum begins
    line i + 1    row 2 of w   row 1 of w   row 0 of w

At stride 2 two new lines come before each move, and two rows of sums are enough.

Row by row, hundreds of channels do not stay in L1 until the next row of outputs wants them again.  The
columns beside the image are read from a line of zeros, which costs a conditional move.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

from tinyinfer.kernels.arguments.operands import Image, ImageEpilogue
from tinyinfer.kernels.codegen.cpu import LANES, vector_registers
from tinyinfer.kernels.codegen.jit import inline, shared
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import struct
from tinyinfer.kernels.depthwise.depthwise_pixel import MASKS, block_start, finish

Accumulate = Callable[[Any, Any, Any, Any], Any]  # (words, total, value, tap) to the new total

# outputs side by side, by kernel: their sums in all rows, a row of inputs and one tap just fit the registers
WIDTHS = (
    {3: (7, 3, 1), 5: (4, 2, 1), 7: (2, 1, 1)}
    if vector_registers() == 32
    else {3: (3, 2, 1), 5: (2, 1, 1), 7: (1, 1, 1)}
)
ROWS = 7  # of outputs in a strip: of longer ones L1 does not keep the lines that hold the next vector of channels too


def multiply_add(v: Any, total: Any, value: Any, tap: Any) -> Any:
    """What a convolution does with each value that an output sees."""
    return v.fma(value, tap, total)


@struct
class LineBuffer(NamedTuple):
    """Where lines of inputs begin again: after ``wrap`` of them the others lie ``back`` floats further back."""

    wrap: int
    back: int


@struct
class Inside(NamedTuple):
    """The taps that lie in the image, counted from the first of all: lines top .. bottom, columns left .. right."""

    top: int
    bottom: int
    left: int
    right: int

    def at(self, column: int) -> Inside:
        """The same, counted from a column on."""
        return Inside(self.top, self.bottom, self.left - column, self.right - column)


@struct
class Extent(NamedTuple):
    """What there is to do: rows and columns of outputs, and of ``channels`` the blocks first .. end."""

    rows: int
    columns: int
    channels: int
    first: int
    end: int


strip_function = vector_function(
    x=Image, buffer=LineBuffer, inside=Inside, w="address", zeros="address", y=Image, rows="int", count="int",
    epilogue=ImageEpilogue,
)  # fmt: skip


def make_strip(outputs: int, masked: bool, kernel: int, stride: int, group: int, accumulate: Accumulate) -> Any:
    """``rows`` rows of ``outputs`` neighbouring outputs, for one vector of ``count`` channels.

    ``x`` is the first tap of the first output.  At most kernel // 2 columns on either side lie beside the image.

    With a ``group`` of several channels each output also sees the others of its group: the same inputs serve with
    their lanes shuffled, lane i from lane i ^ distance, and ``w`` has taps for each distance.
    """
    columns, border = (outputs - 1) * stride + kernel, kernel // 2
    reached = -(-kernel // stride)  # rows of outputs that a line of inputs reaches

    def places_of(v, x, buffer, inside, zeros, across, line):
        """Addresses of a line's inputs, or of zeros where it lies beside the image."""
        places = across(x.address + (line * x.row - v.select(line < buffer.wrap, 0, buffer.back)) * 4)
        for column in range(border):
            places[column] = v.select(inside.left < column + 1, places[column], zeros)
        for column in range(columns - border, columns):
            places[column] = v.select(inside.right < column + 1, zeros, places[column])
        return places

    def values_at(v, places, distance, mask):
        """A line's inputs, the lanes of each shuffled."""
        values = []
        for place in places:
            values.append(v.load_masked(place, 0, mask) if masked else v.load(place))
            if distance == 0:
                v.prefetch(place, LANES, level=1)  # the next vector of channels, which comes next
        return [v.xor_shuffle(value, distance) for value in values] if distance > 0 else values

    def add_line(v, sums, values, w, taps):
        """A line's products with a row of taps, which begins at tap number ``taps``, onto a row of sums."""
        for j in range(kernel):
            tap = v.load(w, (taps + j) * LANES)
            for t, total in enumerate(sums):
                total.set(accumulate(v, total.get(), values[t * stride + j], tap))

    @strip_function
    def strip(v, x, buffer, inside, w, zeros, y, rows, count, epilogue):
        mask = v.mask(count) if masked else None
        across = v.evenly_spaced(columns, x.pixel)
        sums = [[v.variable(v.load(epilogue.bias)) for _ in range(outputs)] for _ in range(reached)]
        with v.loop(rows + (reached - 1)) as step:
            row = step - (reached - 1)  # of outputs, that of sums[0]; the first steps only fill the sums
            for new in range(kernel - stride, kernel):
                line = row * stride + new
                with v.when(line > inside.top - 1), v.when(line < inside.bottom):
                    places = places_of(v, x, buffer, inside, zeros, across, line)
                    for distance in range(group):
                        values = values_at(v, places, distance, mask)
                        for later in range(min(reached, new // stride + 1)):
                            i = new - later * stride  # row of the kernel that this line is for sums[later]
                            with v.when(row + later > -1), v.when(row + later < rows):  # rows of the strip alone
                                add_line(v, sums[later], values, w, (distance * kernel + i) * kernel)
            with v.when(row > -1):
                finish(v, [s.get() for s in sums[0]], y.line(row), mask, epilogue.line(row))
            for above, below in itertools.pairwise(sums):
                for a, b in zip(above, below, strict=True):
                    a.set(b.get())
            for total in sums[-1]:
                total.set(v.load(epilogue.bias))

    return strip


def make_strips(widths: tuple[int, int, int], stride: int, block: int, make: Callable[[int, bool], Any]) -> Any:
    """Rows of outputs in strips, all blocks of channels, each with ``block`` floats of filters, of one before the next.

    ``make`` gives the strip of so many outputs side by side, for a whole vector or a masked one.
    """
    most, some, _ = widths
    full, rest, one = make(most, False), make(some, MASKS), make(1, MASKS)

    @inline
    def strips(x, buffer, inside, w, y, extent, epilogue):
        c, rows = extent.channels, extent.rows
        zeros, count = epilogue.bias + -(-c // LANES) * (LANES * 4), min(c, LANES)
        ox = 0
        while ox < extent.columns:
            whole = ox + most <= extent.columns and c >= LANES
            size = most if whole else some if ox + some <= extent.columns else 1
            own = inside.at(ox * stride)
            for b in range(extent.first, extent.end):  # all channels of a strip before the next: they lie side by side
                at = block_start(b, c)
                xb, yb, wb = x.at(0, ox * stride, at), y.at(0, ox, at), w + b * (block * 4)
                eb = epilogue.at(0, ox, at).with_bias(epilogue.bias + b * LANES * 4)
                if whole:
                    full(xb, buffer, own, wb, zeros, yb, rows, count, eb)
                elif size == some:
                    rest(xb, buffer, own, wb, zeros, yb, rows, count, eb)
                else:
                    one(xb, buffer, own, wb, zeros, yb, rows, count, eb)
            ox += size

    return strips


STRIP_ARGUMENTS = {
    "stride": "int", "x": Image, "buffer": LineBuffer, "inside": Inside, "w": "address", "y": Image, "extent": Extent,
    "epilogue": ImageEpilogue,
}  # fmt: skip


def for_either_stride(widths: tuple[int, int, int], block: int, make: Callable[..., Any]) -> Any:
    """`make_strips` at stride 1 or 2, which ``make`` gets too."""
    strips_1, strips_2 = (
        make_strips(widths, stride, block, functools.partial(make, stride=stride)) for stride in (1, 2)
    )

    @inline
    def strips(stride, x, buffer, inside, w, y, extent, epilogue):
        if stride == 1:
            strips_1(x, buffer, inside, w, y, extent, epilogue)
        else:
            strips_2(x, buffer, inside, w, y, extent, epilogue)

    return strips


def dense_strips(kernel: int, group: int = 1, accumulate: Accumulate = multiply_add) -> Any:
    """Rows of outputs with all taps of a kernel."""
    make = functools.partial(make_strip, kernel=kernel, group=group, accumulate=accumulate)
    return for_either_stride(WIDTHS[kernel], group * kernel * kernel * LANES, make)


STRIPS = {kernel: shared(f"depthwise_strips_{kernel}", **STRIP_ARGUMENTS)(dense_strips(kernel)) for kernel in WIDTHS}
