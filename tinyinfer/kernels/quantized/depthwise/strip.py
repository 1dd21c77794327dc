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
from typing import Any, NamedTuple

from tinyinfer.kernels.arguments.operands import ByteImage
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.dot_products import VNNI
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import struct
from tinyinfer.kernels.depthwise.depthwise_strip import Inside
from tinyinfer.kernels.quantized.epilogue.finish import Finishing
from tinyinfer.kernels.quantized.epilogue.requantize import Requantize

REGISTERS = (4, 2, 1)  # of channels that a strip may have; the codes of 4 fill a register
# for so many lines of a quad the one of each byte, so that two are one of its `pairs`; any line may stand where none is
PLACES = {1: (0, None, None, None), 2: (0, None, 1, None), 3: (0, 1, 2, None), 4: (0, 1, 2, 3)}


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
        """The rows of the kernel that a quad's bytes are multiplied with for a row of outputs; some do not exist."""
        first = 4 * quad - row * self.stride
        return [self.kernel if line is None else first + line for line in PLACES[min(4, self.lines - 4 * quad)]]

    def pairs(self, quad: int, row: int) -> list[int]:
        """Which of the pairs of a quad, bytes 0 and 2 or 1 and 3, have taps for a row of outputs."""
        exist = [0 <= tap < self.kernel for tap in self.taps(quad, row)]
        return [pair for pair in range(2) if exist[pair] or exist[pair + 2]]

    def meets(self, quad: int, row: int) -> bool:
        """Whether one of them exists."""
        return any(0 <= tap < self.kernel for tap in self.taps(quad, row))

    @property
    def pieces(self) -> list[tuple[int, int, int]]:
        """(column of the kernel, quad, row of outputs) of each register of taps, in their order."""
        places = itertools.product(range(self.kernel), range(self.quads), range(self.rows))
        return [(column, quad, row) for column, quad, row in places if self.meets(quad, row)]


STRIP = {
    "x": ByteImage, "inside": Inside, "w": "address", "zeros": "address", "y": ByteImage, "rows": "int",
    "columns": "int", "epilogue": Requantize, "bounds": Bounds,
}  # fmt: skip


def make_strip(shape: Shape, registers: int, terms: int) -> Any:
    """``rows`` rows of ``columns`` outputs, for so many registers of channels, one of `REGISTERS`.

    ``x`` is the first tap of the first output.  Each tap is the sum of so many ``terms``, which lie side by side: those
    of weights with a zero point can be too wide for 8 bits.
    """
    places = {piece: number for number, piece in enumerate(shape.pieces)}

    def lines_at(v: Any, starts: list[Any], x: Any, inside: Any, zeros: Any, column: Any) -> list[Any]:
        """A column's codes in each line."""
        words = v.registers(registers)
        within = [v.select(column < inside.right, start + column * x.pixel, zeros) for start in starts]
        return [words.load_byte_vector(v.select(inside.left < column + 1, place, zeros)) for place in within]

    def quads_of(v: Any, lines: list[Any], quad: int) -> list[Any]:
        """Four of the lines, or what is left of them, as registers of quads.

        Where there is no line stands one that is multiplied by 0, and no neighbour: of twins LLVM makes longer code.
        """
        own, others = lines[4 * quad : 4 * quad + 4], iter(lines)
        places = PLACES[len(own)]
        first, second, third, fourth = (next(others) if line is None else own[line] for line in places)
        words = v.registers(registers)
        if registers < 4:
            return v.split(words.zip_four([first, second, third, fourth]))
        above, below = words.unpack(first, second, 1), words.unpack(third, fourth, 1)
        return [v.as_lanes(quad) for pair in zip(above, below, strict=True) for quad in words.unpack(*pair, 2)]

    def finish(v: Any, finishing: Finishing, sums: list[Any], address: Any, epilogue: Any, bounds: Any) -> None:
        """Sums of an output to codes in memory."""
        factors = [v.load(epilogue.multiplier, number * LANES) for number in range(registers)]
        values = [v.variable(finishing.scaled(*pair)) for pair in zip(sums, factors, strict=True)]
        finishing.activate(*values)
        if registers < 4:
            for number, value in enumerate(values):
                finishing.store_codes(value.get(), address, number * LANES)
            return
        integers = [v.rounded(value.get()) for value in values]  # which 32 bits hold: multipliers are below 1
        codes = v.pack_codes(integers, epilogue.zero, bounds.low, bounds.high)
        v.registers(registers).store_byte_vector(codes, address)

    @vector_function(**STRIP)
    def strip(v, x, inside, w, zeros, y, rows, columns, epilogue, bounds):
        finishing = Finishing(v, epilogue)
        starts = [
            v.select(inside.top < line + 1, v.select(inside.bottom > line, x.address + x.row * line, zeros), zeros)
            for line in range(shape.lines)
        ]
        biases = [v.load_sums(epilogue.bias, number * LANES) for number in range(registers)]
        sums = [[[v.variable(bias) for bias in biases] for _ in range(shape.rows)] for _ in range(shape.reached)]

        def advance(v, step, by_age):
            """The columns of a step onto all sums; the oldest are complete then, and begin anew."""
            for new in range(shape.stride):
                lines = lines_at(v, starts, x, inside, zeros, step * shape.stride + new)
                quads = [quads_of(v, lines, quad) for quad in range(shape.quads)]
                if not VNNI:
                    quads = [[*map(v.pairs, quad)] for quad in quads]
                for (column, quad, row), number in places.items():
                    age, of_step = divmod(column, shape.stride)
                    if of_step == new:
                        for term, (register, total) in itertools.product(range(terms), enumerate(by_age[age][row])):
                            at = (number * terms + term) * registers + register
                            if VNNI:
                                taps = v.load_sums(w, at * LANES)
                                total.set(v.dot4(total.get(), quads[quad][register], taps))
                            else:
                                taps = v.load_pairs(w, at * 4 * LANES)
                                for pair in shape.pairs(quad, row):
                                    products = v.dot2(quads[quad][register][pair], taps[pair])
                                    total.set(v.add_integers(total.get(), products))
            done = step - (shape.reached - 1)
            with v.when(done > -1):
                for row in range(shape.rows):
                    with v.when(rows > row):
                        complete = [total.get() for total in by_age[-1][row]]
                        finish(v, finishing, complete, y.address + (y.row * row + done * y.pixel), epilogue, bounds)
            for own in by_age[-1]:
                for total, bias in zip(own, biases, strict=True):
                    total.set(bias)

        steps = columns + (shape.reached - 1)
        with v.loop(steps, shape.reached) as first:
            for phase in range(shape.reached):
                # sums by age: unrolled, so that they grow older where they are
                by_age = [sums[(phase - age) % shape.reached] for age in range(shape.reached)]
                with v.when(first < steps - phase):
                    advance(v, first + phase, by_age)

    return strip
