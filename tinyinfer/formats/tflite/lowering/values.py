"""Which of our values stand for a file's, and in which order their dimensions lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tinyinfer.dim import is_free
from tinyinfer.formats.importing.importer import Importer
from tinyinfer.formats.tflite.lowering.reshaping import reshaped
from tinyinfer.formats.tflite.lowering.weights import Weights
from tinyinfer.formats.tflite.reading.messages import TfliteTensor
from tinyinfer.graph import Quant, Shape

NCHW = (0, 3, 1, 2)  # where the dimensions of our images are in the file's, which are NHWC

Order = tuple[int, ...]


class Placed(NamedTuple):
    """A value of the graph whose dimension i is dimension ``order[i]`` of the file's value."""

    value: str
    order: Order

    def axis(self, dim: int) -> int:
        """Where a dimension of the file's value is here."""
        return self.order.index(dim)


@dataclass(frozen=True)
class Padding:
    """Zeros around an image, which convolutions may add themselves: (top, bottom, left, right)."""

    source: str
    pads: tuple[int, int, int, int]


@dataclass(frozen=True)
class Batched:
    """An image cut into ``block`` x ``block`` interleaved ones, as TensorFlow does around a dilated convolution.

    ``source`` is the image in whole, which ``pads`` (top, bottom, left, right) make a multiple of the blocks.
    """

    source: str
    block: tuple[int, int]
    pads: tuple[int, int, int, int]


class Values:
    """All values of one network by handle: what `lower_nodes` passes around for each of the file's names."""

    def __init__(self, importer: Importer, outputs: Mapping[str, TfliteTensor]) -> None:
        self.importer, self.outputs = importer, outputs  # what the file says of the values that nodes compute
        self.weights = Weights(importer)
        self.padded: dict[str, Padding] = {}  # by the graph's value
        self.flattened: dict[str, Placed] = {}  # images that the graph's value has in a row, in the file's order
        self.batched: dict[str, Batched] = {}  # by handle; there is no value of the graph for these
        self.window_positions: set[str] = set()  # handles of where maxima lay
        self.rounded: dict[str, tuple[Quant, str]] = {}  # values that are codes of this kind, dequantised
        self._placed: dict[str, Placed] = {}
        self._reordered: dict[tuple[str, Order], str] = {}

    def add(self, value: str, order: Order | None = None) -> str:
        """The handle for a value of the graph; without an order its dimensions lie as the file's do."""
        order = tuple(range(len(self.importer.shape(value)))) if order is None else order
        handle = f"{order}{value}"
        self._placed[handle] = Placed(value, order)
        return handle

    def placed(self, handle: str) -> Placed:
        """The value of the graph behind a handle, and its order."""
        return self._placed[handle]

    def shape(self, handle: str) -> Shape:
        """Sizes in the file's order."""
        value, order = self._placed[handle]
        sizes = self.importer.shape(value)
        return tuple(sizes[order.index(dim)] for dim in range(len(order)))

    def ordered(self, placed: Placed, order: Order) -> str:
        """The value in this order; moved only where it lies in another."""
        if placed.order == order:
            return placed.value
        dims = tuple(placed.order.index(dim) for dim in order)
        if (placed.value, dims) not in self._reordered:
            self._reordered[placed.value, dims] = self._move(placed.value, dims)
        return self._reordered[placed.value, dims]

    def _move(self, value: str, dims: Order) -> str:
        shape = self.importer.shape(value)
        name = f"{value}/{'nchw' if dims == NCHW else 'permuted'}"
        if keeps_memory(shape, dims):
            return reshaped(self.importer, value, tuple(shape[dim] for dim in dims), name)
        return self.importer.apply("permute", value, name=name, dims=dims)

    def nchw(self, handle: str) -> str:
        """The value in the order that images have here; any but those of rank 4 in the file's."""
        placed = self._placed[handle]
        rank = len(placed.order)
        return self.ordered(placed, NCHW if rank == len(NCHW) else tuple(range(rank)))

    def plain(self, handle: str) -> str:
        """The value in the file's order."""
        placed = self._placed[handle]
        return self.ordered(placed, tuple(sorted(placed.order)))

    def row(self, handle: str) -> str:
        """A value whose elements follow one another as the file's do, in whatever shape."""
        placed = self._placed[handle]
        dims = tuple(placed.order.index(dim) for dim in range(len(placed.order)))
        return placed.value if keeps_memory(self.importer.shape(placed.value), dims) else self.plain(handle)


def keeps_memory(shape: Shape, dims: Sequence[int]) -> bool:
    """Whether nothing moves in memory where dimension i becomes the one that was ``dims[i]``."""
    moving = [dim for dim in dims if is_free(shape[dim]) or shape[dim] != 1]
    return moving == sorted(moving)
