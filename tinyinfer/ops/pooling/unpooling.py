"""Max pooling that remembers where the largest values lay, and the unpooling that puts values back there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.graph import OpCost, Shape, TensorType
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    operator,
    pair,
    require,
    require_rank,
    require_shape,
)
from tinyinfer.ops.dtypes import FLOAT32
from tinyinfer.ops.geometry import pad_image, taps
from tinyinfer.ops.pooling.pooling import MaxPool2d

EXACT = 2**24  # whole numbers up to here are exact in float32, the only type that values of a network have

Pair = tuple[int, int]


def check_exact(size: Shape) -> None:
    """Raise GraphError for maps whose positions float32 can't count."""
    pixels = size[0] * size[1]
    require(pixels <= EXACT, f"indices of {size[0]}x{size[1]} pixels: expected at most {EXACT}, found {pixels}")


class MaxPool2dWithIndices(MaxPool2d):
    """max_pool2d, and as a second output each maximum's position, row * W + column, in its channel of the input.

    Positions are whole numbers in the dtype of the values; of equal values the first counts, a NaN counts as the
    largest, as in torch.
    """

    name: ClassVar[str] = "max_pool2d_with_indices"
    dtypes: ClassVar[Sequence[str]] = FLOAT32  # which hold positions beside values

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        require_rank(inputs[0], 4)
        check_exact(inputs[0].shape[2:])
        return super().output_types(inputs, params) * 2

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        size = (x.shape[2], x.shape[3])
        (top, bottom, left, right), (below, beside) = self.pads(size), self.overhang(size)
        border = (top, bottom + below, left, right + beside)
        position = np.arange(size[0] * size[1], dtype=x.dtype).reshape(1, 1, *size)
        windows = (self.kernel_size, self.step, self.dilation)
        values = taps(pad_image(x, border, constant_values=-np.inf), *windows)
        positions = taps(pad_image(position, border, constant_values=-1), *windows)
        _, _, y = next(values)
        at = np.broadcast_to(next(positions)[2], y.shape)
        for (_, _, seen), (_, _, there) in zip(values, positions, strict=True):
            better = (there >= 0) & ((at < 0) | (seen > y) | np.isnan(seen))
            y, at = np.where(better, seen, y), np.where(better, there, at)
        return [y, np.ascontiguousarray(at)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [case for case in super().cases() if not case.dtypes]


@operator
class MaxUnpool2d(Op):
    """y[indices] = x in every channel and 0 elsewhere, as torch's max_unpool2d (Zeiler and Fergus 2014, section 2.1).

    x and indices (N, C, H, W), the indices as `MaxPool2dWithIndices` gives them; y has ``output_size``, or the height
    and width of a third input, ``like``, or (H - 1) * stride - 2 * padding + kernel_size.
    Where an index occurs twice, the last value stays; one outside the output raises InputError.
    """

    name: ClassVar[str] = "max_unpool2d"
    arity: ClassVar[int | None] = 2
    optional_inputs: ClassVar[tuple[str, ...]] = ("like",)

    kernel_size: Pair
    stride: Pair | None = None
    padding: Pair = (0, 0)
    output_size: Pair | None = None

    def __post_init__(self) -> None:
        stride = self.kernel_size if self.stride is None else self.stride
        self.normalize(
            kernel_size=pair(self.kernel_size, "kernel_size", least=1),
            stride=pair(stride, "stride", least=1),
            padding=pair(self.padding, "padding", least=0),
        )
        if self.output_size is not None:
            self.normalize(output_size=pair(self.output_size, "output_size", least=1))

    def out_size(self, size: Shape, like: Shape | None = None) -> Pair:
        """Height and width of the output; raises GraphError for one that no pooling would have come from."""
        assert self.stride is not None
        require(like is None or self.output_size is None, "expected output_size or an input to be like, found both")
        usual = [
            (s - 1) * step - 2 * p + k
            for s, step, p, k in zip(size, self.stride, self.padding, self.kernel_size, strict=True)
        ]
        height, width = self.output_size or (like[2:] if like else usual)
        for side, expected, step in zip((height, width), usual, self.stride, strict=True):
            near = expected - step < side < expected + step
            require(near, f"output size: expected less than {step} from {expected}, found {side}")
        return height, width

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        for t, what in zip(inputs, ("input", "indices", "like"), strict=False):
            require_rank(t, 4, what)
        require_shape(inputs[1], x.shape, "indices")
        out = self.out_size(x.shape[2:], inputs[2].shape if len(inputs) > 2 else None)
        check_exact(out)
        return [TensorType((*x.shape[:2], *out), x.dtype)]

    def cost(self, inputs: Types, params: ParamTypes, outputs: Types) -> OpCost:
        """As any elementwise operator's; of ``like`` nothing but the shape is read."""
        return super().cost(inputs[:2], params, outputs)

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Normal values, and indices that occur once each as long as there is room."""
        x, _, *like = super().example_inputs(inputs, rng)
        n, c, h, w = inputs[0].shape
        pixels = int(np.prod(self.out_size((h, w), inputs[2].shape if like else None)))
        order = np.argsort(rng.random((n, c, pixels)), axis=2)
        return [x, np.resize(order, (n, c, h * w)).reshape(n, c, h, w).astype(x.dtype), *like]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        n, c, *size = x.shape
        height, width = self.out_size(tuple(size), inputs[2].shape if len(inputs) > 2 else None)
        indices = inputs[1].reshape(n, c, -1)
        inside = (indices >= 0) & (indices < height * width)
        if not inside.all():
            raise InputError(f"indices: expected 0 to {height * width - 1}, found {indices[~inside][0]:g}")
        y = np.zeros((n, c, height * width), x.dtype)
        np.put_along_axis(y, indices.astype(np.int64), x.reshape(n, c, -1), axis=2)
        return [y.reshape(n, c, height, width)]

    @classmethod
    def cases(cls) -> list[Case]:
        x = (2, 5, 4, 3)
        return [
            Case({"kernel_size": 2}, (x, x)),
            Case({"kernel_size": 2, "output_size": (9, 7)}, (x, x)),
            Case({"kernel_size": 3, "stride": 2, "padding": 1, "output_size": (8, 6)}, ((1, 19, 4, 3), (1, 19, 4, 3))),
            Case({"kernel_size": (3, 2), "stride": (3, 1)}, (x, x)),
            Case({"kernel_size": 2}, (x, x, (2, 1, 9, 6))),
        ]


OPS = (MaxPool2dWithIndices, MaxUnpool2d)
