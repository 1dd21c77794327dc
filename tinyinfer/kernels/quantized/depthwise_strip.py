r"""Rows of a depthwise convolution of codes: windows walk along them, and four lines are multiplied at once.

A lane of 32 bits holds four codes of one channel, one below the other: a quad.  One `dot4` multiplies it with four taps
of a column of the kernel.  With a kernel of 3x3 and stride 1 a quad is of use for two rows of outputs:

    line 0     w0  .         A quad is made of four lines by unpacking bytes and then pairs of them, which leaves
    line 1     w1  w0        channels in an order of its own: registers of taps and sums have that order too, and the
    line 2     w2  w1        instructions that pack sums into bytes undo it.
    line 3     .   w2

A column of quads serves all outputs that it reaches, whose sums stay in registers while the walk goes on: those of an
output are complete when its last column has been seen.  What lies beside the image is read from a line of zero points.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import Address, struct
from tinyinfer.kernels.depthwise.depthwise_strip import Inside
from tinyinfer.kernels.quantized.requantize import Finishing, Requantize, Results

WIDE = 4 * LANES  # channels whose codes fill a register; where fewer are left, LANES at a time
LARGEST = 2.0**20  # beyond all codes, and what it is the bound of can be rounded to 32 bits


@struct
class ByteImage(NamedTuple):
    """Pixels of an image of codes, or of a part of one: ``row`` bytes from one line to the next, ``pixel`` in it."""

    address: Address
    row: int
    pixel: int


@struct
class Bounds(NamedTuple):
    """The smallest and the largest code of the output."""

    low: int
    high: int


class Shape(NamedTuple):
    """The kernel's size, its stride, and how many rows of outputs are computed side by side."""

    kernel: int
    stride: int
    rows: int

    @property
    def lines(self) -> int:
        """Lines of inputs that these rows see."""
        return self.kernel + (self.rows - 1) * self.stride

    @property
    def quads(self) -> int:
        """Fours of these lines."""
        return -(-self.lines // 4)

    @property
    def reached(self) -> int:
        """Outputs side by side that a column of inputs reaches."""
        return -(-self.kernel // self.stride)

    def taps(self, quad: int, row: int) -> list[int]:
        """The rows of the kernel that a quad's four lines are multiplied with for a row of outputs; some do not exist."""
        return [4 * quad + line - row * self.stride for line in range(4)]

    def meets(self, quad: int, row: int) -> bool:
        """Whether one of them exists."""
        return any(0 <= tap < self.kernel for tap in self.taps(quad, row))

    @property
    def pieces(self) -> list[tuple[int, int, int]]:
        """(column of the kernel, quad, row of outputs) of each register of taps, in their order."""
        places = itertools.product(range(self.kernel), range(self.quads), range(self.rows))
        return [(column, quad, row) for column, quad, row in places if self.meets(quad, row)]


strip_function = vector_function(
    x=ByteImage, inside=Inside, w="address", zeros="address", y=Results, y_row="int", rows="int", columns="int",
    count="int", epilogue=Requantize, bounds=Bounds,
)  # fmt: skip


def make_strip(shape: Shape, wide: bool, masked: bool) -> Any:
    """``rows`` rows of ``columns`` outputs, of `WIDE` channels or else LANES, of which a mask selects ``count``.

    ``x`` is the first tap of the first output.
    """
    registers, size = (4, WIDE) if wide else (1, LANES)
    places = {piece: number for number, piece in enumerate(shape.pieces)}

    def lines_at(v: Any, starts: list[Any], x: Any, inside: Any, zeros: Any, column: Any, mask: Any) -> list[Any]:
        """A column's codes in each line."""

        def place(start: Any) -> Any:
            within = v.select(column < inside.right, start + column * x.pixel, zeros)
            return v.select(inside.left < column + 1, within, zeros)

        words = v.registers(4) if wide else v
        return [words.load_bytes(place(start), 0, mask) for start in starts]

    def quad_of(v: Any, lines: list[Any]) -> list[Any]:
        """Up to four lines as registers of quads; what repeats is multiplied by nothing."""
        first, second, third, fourth = (lines * 4)[:4] if len(lines) != 3 else [*lines, lines[2]]
        if not wide:
            return [v.zip_four([first, second, third, fourth])]
        words = v.registers(4)
        above, below = words.unpack(first, second, 1), words.unpack(third, fourth, 1)
        return [v.as_lanes(quad) for pair in zip(above, below, strict=True) for quad in words.unpack(*pair, 2)]

    def finish(
        v: Any,
        finishing: Finishing,
        sums: list[Any],
        y: Any,
        address: Any,
        row: Any,
        epilogue: Any,
        bounds: Any,
        mask: Any,
    ) -> None:
        values = [
            v.variable(finishing.scaled(total.get(), v.load(epilogue.multiplier, number * LANES)))
            for number, total in enumerate(sums)
        ]
        if wide:
            for value in values:
                finishing.activate(value)
            integers = [v.rounded(v.min(value.get(), v.constant(LARGEST))) for value in values]
            codes = v.pack_codes(integers, epilogue.zero, bounds.low, bounds.high)
            v.registers(4).store_bytes(codes, address)
            return
        (value,) = values
        residual = epilogue.residual
        with v.when(residual.stride != 0):
            value.set(finishing.with_residual(value.get(), residual.address, row * residual.stride, mask))
        finishing.activate(value)
        with v.either(y.size == 1) as (as_codes, as_floats):
            with as_codes:
                finishing.store_codes(value.get(), address, 0, mask)
            with as_floats:
                finishing.store_floats(value.get(), address, 0, mask)

    @strip_function
    def strip(v, x, inside, w, zeros, y, y_row, rows, columns, count, epilogue, bounds):
        mask, finishing = v.mask(count) if masked else None, Finishing(v, epilogue)
        starts = [
            v.select(inside.top < line + 1, v.select(inside.bottom > line, x.address + x.row * line, zeros), zeros)
            for line in range(shape.lines)
        ]
        biases = [v.load_sums(epilogue.bias, number * LANES) for number in range(registers)]
        sums = [[[v.variable(bias) for bias in biases] for _ in range(shape.rows)] for _ in range(shape.reached)]
        with v.loop(columns + (shape.reached - 1)) as step:
            for new in range(shape.stride):
                lines = lines_at(v, starts, x, inside, zeros, step * shape.stride + new, mask)
                quads = [quad_of(v, lines[4 * quad : 4 * quad + 4]) for quad in range(shape.quads)]
                for (column, quad, row), number in places.items():
                    age, rest = divmod(column, shape.stride)
                    if rest != new:
                        continue
                    for register, total in enumerate(sums[age][row]):
                        taps = v.load_sums(w, (number * registers + register) * LANES)
                        total.set(v.dot4(total.get(), quads[quad][register], taps))
            done = step - (shape.reached - 1)
            with v.when(done > -1):
                for row in range(shape.rows):
                    with v.when(rows > row):
                        finish(
                            v,
                            finishing,
                            sums[-1][row],
                            y,
                            y.address + (y_row * row + done * y.stride),
                            done + row * columns,
                            epilogue,
                            bounds,
                            mask,
                        )
            for younger, older in reversed([*itertools.pairwise(sums)]):
                for own, others in zip(older, younger, strict=True):
                    for total, other in zip(own, others, strict=True):
                        total.set(other.get())
            for own in sums[0]:
                for total, bias in zip(own, biases, strict=True):
                    total.set(bias)

    assert size == registers * LANES
    return strip


Strips = dict[Shape, Callable[..., Any]]
