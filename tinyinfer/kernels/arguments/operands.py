"""The arguments of kernels, by name.

Addresses are in bytes, distances between rows and pixels in floats, or in bytes where bytes are what lies in them.
`structs` tells how such arguments are passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import clip_and_formula
from tinyinfer.kernels.base import FeatureMap
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.structs import Address as Address
from tinyinfer.kernels.codegen.structs import struct


@struct
class Rows(NamedTuple):
    """A matrix in memory, or the pixels of a map: each row is contiguous, the next one begins ``stride`` floats on."""

    address: Address
    stride: int

    @classmethod
    def of(cls, pixels: FeatureMap) -> Rows:
        """The pixels of a whole batch, a row each."""
        return cls(Address.of(pixels.data), pixels.pixel_stride)

    def at(self, row: int, column: int = 0) -> Rows:
        """The part that begins at a row and a column."""
        return Rows(self.address + (row * self.stride + column) * 4, self.stride)

    def walk(self, row: int, way: int) -> Rows:
        """The rows from one on: those behind it for a ``way`` of 1, those before it for -1."""
        return Rows(self.address + row * self.stride * 4, self.stride * way)


@struct
class ByteRows(NamedTuple):
    """A matrix of bytes, or the pixels of a map of codes: each row is contiguous, ``stride`` bytes before the next."""

    address: Address
    stride: int

    @classmethod
    def of(cls, pixels: FeatureMap) -> ByteRows:
        """The pixels of a whole batch, a row each."""
        return cls(Address.of(pixels.data), pixels.pixel_stride)

    def at(self, row: int, column: int = 0) -> ByteRows:
        """The part that begins at a row and a column."""
        return ByteRows(self.address + (row * self.stride + column), self.stride)


@struct
class ByteImage(NamedTuple):
    """Pixels of an image of codes, or of a part of one: ``row`` bytes from one line to the next, ``pixel`` in it."""

    address: Address
    row: int
    pixel: int


@struct
class Epilogue(NamedTuple):
    """What is done to sums before they are stored: bias and residual are added, then comes the activation.

    Bias has a float for each column.  A residual whose stride is 0 is none.  An activation is a clip to lo .. hi or,
    where ``act`` is not 0, the formula of that number (`epilogue`).
    """

    bias: Address
    residual: Rows
    lo: float
    hi: float
    act: int

    @classmethod
    def of(cls, activation: str | None, bias: np.ndarray, inputs: Sequence[FeatureMap], output: FeatureMap) -> Epilogue:
        """That of a layer whose second input, if there is one, is the residual."""
        residual = Rows.of(inputs[1]) if len(inputs) > 1 else Rows(Address.of(output.data), 0)
        return cls(Address.of(bias), residual, *clip_and_formula(activation))

    def at(self, row: int, column: int = 0) -> Epilogue:
        """That of the part of the results that begins at a row and a column."""
        bias, residual = self.bias + column * 4, self.residual.at(row, column)
        return Epilogue(bias, residual, self.lo, self.hi, self.act)

    def with_bias(self, bias: Address) -> Epilogue:
        """The same with another bias."""
        return Epilogue(bias, self.residual, self.lo, self.hi, self.act)

    def walk(self, row: int, way: int) -> Epilogue:
        """That of the rows from one on, as `Rows.walk` takes them."""
        return Epilogue(self.bias, self.residual.walk(row, way), self.lo, self.hi, self.act)


@struct
class Image(NamedTuple):
    """Pixels of an image, or of a part of one, in rows: ``row`` floats from one to the next, as are ``pixel`` in it."""

    address: Address
    row: int
    pixel: int

    def at(self, row: int, column: int, channel: int = 0) -> Image:
        """The part that begins at a pixel and a channel."""
        return Image(self.address + (row * self.row + column * self.pixel + channel) * 4, self.row, self.pixel)

    def line(self, row: int) -> Rows:
        """The pixels of a row."""
        return Rows(self.address + row * self.row * 4, self.pixel)


@struct
class ImageEpilogue(NamedTuple):
    """An `Epilogue` of a part of an image, which is where the residual lies too."""

    bias: Address
    residual: Image
    lo: float
    hi: float
    act: int

    def at(self, row: int, column: int, channel: int = 0) -> ImageEpilogue:
        """That of the part that begins at a pixel and a channel."""
        residual = self.residual.at(row, column, channel)
        return ImageEpilogue(self.bias + channel * 4, residual, self.lo, self.hi, self.act)

    def with_bias(self, bias: Address) -> ImageEpilogue:
        """The same with another bias."""
        return ImageEpilogue(bias, self.residual, self.lo, self.hi, self.act)

    def line(self, row: int) -> Epilogue:
        """That of a row of pixels."""
        return Epilogue(self.bias, self.residual.line(row), self.lo, self.hi, self.act)


@inline
def plain_sum(bias, residual):
    """An epilogue without activation."""
    return Epilogue(bias, residual, np.float32(-np.inf), np.float32(np.inf), 0)


@struct
class Segments(NamedTuple):
    """How K, the length of a product's sums, lies in memory: ``number`` runs of ``size`` floats, ``stride`` apart."""

    number: int
    stride: int
    size: int


class Groups(NamedTuple):
    """The ``number`` groups of a convolution, each of which makes ``n`` channels of ``c`` of its own."""

    number: int
    c: int
    n: int
