"""The ways to write a layer as two or three: what they keep of its weight, and the layers they give."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.linear import Linear
from tinyinfer.passes.portable.low_rank.spectrum import Spectrum, discarded, principal
from tinyinfer.weights import Shape

Layer = Conv2d | Linear
Ranks = tuple[int, ...]


class Part(NamedTuple):
    """One of the layers that take a layer's place; ``role`` tells their nodes apart."""

    role: str
    op: Layer
    shape: Shape


class Factorization(ABC):
    """A layer's weight, factorised in one way; singular values are worked out when they are asked for.

    The last part has the layer's activation, and takes its bias and its residual.
    """

    name: str

    def __init__(self, op: Layer, weight: np.ndarray) -> None:
        self.op, self.weight = op, weight

    @property
    @abstractmethod
    def full(self) -> Ranks:
        """The least ranks that are sure to lose nothing."""

    @abstractmethod
    def ranks(self, multiple: int) -> Iterator[Ranks]:
        """Ranks to choose from, ascending: multiples of a number, and the full ones."""

    @abstractmethod
    def error(self, ranks: Ranks) -> float:
        """|W - W'|^2 / |W|^2 at these ranks."""

    @abstractmethod
    def parts(self, ranks: Ranks) -> list[Part]:
        """The layers in order."""

    @abstractmethod
    def weights(self, ranks: Ranks) -> list[np.ndarray]:
        """Their weights, float32."""


class _OfOneMatrix(Factorization):
    """A factorisation of the weight as a matrix."""

    @property
    @abstractmethod
    def matrix(self) -> np.ndarray:
        """The weight as that matrix."""

    @cached_property
    def _spectrum(self) -> Spectrum:
        return Spectrum(self.matrix)

    @cached_property
    def _errors(self) -> np.ndarray:
        return discarded(self._spectrum.energies)

    @property
    def full(self) -> Ranks:
        return (min(self.matrix.shape),)

    def ranks(self, multiple: int) -> Iterator[Ranks]:
        (full,) = self.full
        yield from ((rank,) for rank in [*range(multiple, full, multiple), full])

    def error(self, ranks: Ranks) -> float:
        return float(self._errors[ranks[0]])


class OutputFactorization(_OfOneMatrix):
    """W (M, C R S) = (M, r) (r, C R S): the layer with r outputs, and a 1x1 convolution or linear layer behind it.

    Of linear layers and 1x1 convolutions this is the truncated SVD (Denton et al. 2014, section 3.2.1), of larger
    windows the channel decomposition (Zhang et al. 2015, section 3.1).
    """

    def __init__(self, op: Layer, weight: np.ndarray) -> None:
        super().__init__(op, weight)
        self.name = "svd" if set(weight.shape[2:]) <= {1} else "channel"

    @property
    def matrix(self) -> np.ndarray:
        return self.weight.reshape(len(self.weight), -1)

    def parts(self, ranks: Ranks) -> list[Part]:
        m, *inner = self.weight.shape
        first = dataclasses.replace(self.op, activation=None)
        last = Conv2d(activation=self.op.activation) if isinstance(self.op, Conv2d) else self.op
        window = (1,) * len(inner[1:])
        return [Part("reduce", first, (*ranks, *inner)), Part("expand", last, (m, *ranks, *window))]

    def weights(self, ranks: Ranks) -> list[np.ndarray]:
        left, right = self._spectrum.factors(*ranks)
        reduce, expand = (part.shape for part in self.parts(ranks))
        return [_float32(right, reduce), _float32(left, expand)]


class SpatialFactorization(_OfOneMatrix):
    """W (M, C, R, S) as r upright windows (R, 1), then M level ones (1, S) (Jaderberg et al. 2014, scheme 2).

    Padding and strides of rows go to the first, those of columns to the second.
    """

    name = "spatial"

    @property
    def matrix(self) -> np.ndarray:
        m, c, r, s = self.weight.shape
        return self.weight.transpose(0, 3, 1, 2).reshape(m * s, c * r)

    def parts(self, ranks: Ranks) -> list[Part]:
        op, (m, c, r, s) = self.op, self.weight.shape
        assert isinstance(op, Conv2d)
        rows = columns = op.padding  # a padding by name is one for each axis
        if not isinstance(op.padding, str):
            rows, columns = (*op.padding[:2], 0, 0), (0, 0, *op.padding[2:])
        (down, across), (apart, beside) = op.stride, op.dilation
        upright = dataclasses.replace(op, stride=(down, 1), dilation=(apart, 1), padding=rows, activation=None)
        level = dataclasses.replace(op, stride=(1, across), dilation=(1, beside), padding=columns)
        return [Part("upright", upright, (*ranks, c, r, 1)), Part("level", level, (m, *ranks, 1, s))]

    def weights(self, ranks: Ranks) -> list[np.ndarray]:
        m, _, _, s = self.weight.shape
        left, right = self._spectrum.factors(*ranks)
        upright, level = (part.shape for part in self.parts(ranks))
        return [_float32(right, upright), _float32(left.reshape(m, s, -1).transpose(0, 2, 1), level)]


class TuckerFactorization(Factorization):
    """W (M, C, R, S) as 1x1 from C to r channels, the window from r to q, and 1x1 from q to M (Kim et al. 2016).

    Either side is projected on the first singular vectors of the weight unfolded there (Tucker 1966); of the ranks
    (r, q), the first is the least that keeps as much as the second.
    """

    name = "tucker"

    @cached_property
    def _inner(self) -> tuple[np.ndarray, np.ndarray]:
        return principal(self.weight.swapaxes(0, 1).reshape(self.weight.shape[1], -1))

    @cached_property
    def _outer(self) -> tuple[np.ndarray, np.ndarray]:
        return principal(self.weight.reshape(len(self.weight), -1))

    @cached_property
    def _core(self) -> np.ndarray:
        """The weight in the singular vectors of both sides, (M, C, R, S)."""
        projected = np.tensordot(self._outer[1].T, self.weight.astype(np.float64), 1)
        return np.tensordot(self._inner[1].T, projected, ((1,), (1,))).swapaxes(0, 1)

    @cached_property
    def _kept(self) -> np.ndarray:
        """Energy of the first rows and columns of the core, by how many they are, (M, C)."""
        return np.asarray(np.square(self._core).sum(axis=(2, 3)).cumsum(axis=0).cumsum(axis=1))

    @property
    def full(self) -> Ranks:
        return self.weight.shape[1], self.weight.shape[0]

    def ranks(self, multiple: int) -> Iterator[Ranks]:
        inner, outer = discarded(self._inner[0]), discarded(self._outer[0])
        c, m = self.full
        for q in [*range(multiple, m, multiple), m]:
            least = int(np.argmax(inner <= outer[q]))
            yield min(c, max(multiple, -(-least // multiple) * multiple)), q

    def error(self, ranks: Ranks) -> float:
        (r, q), total = ranks, self._kept[-1, -1]
        return max(0.0, 1 - float(self._kept[q - 1, r - 1] / total)) if total > 0 else 0.0

    def parts(self, ranks: Ranks) -> list[Part]:
        (r, q), (m, c, *window) = ranks, self.weight.shape
        core = dataclasses.replace(self.op, activation=None)
        expand = Conv2d(activation=self.op.activation)
        return [
            Part("reduce", Conv2d(), (r, c, 1, 1)),
            Part("core", core, (q, r, *window)),
            Part("expand", expand, (m, q, 1, 1)),
        ]

    def weights(self, ranks: Ranks) -> list[np.ndarray]:
        r, q = ranks
        arrays = self._inner[1][:, :r].T, self._core[:q, :r], self._outer[1][:, :q]
        return [_float32(array, part.shape) for array, part in zip(arrays, self.parts(ranks), strict=True)]


def factorizations(op: Layer, weight: np.ndarray) -> list[Factorization]:
    """All that a layer's weight has, (M, C) or (M, C, R, S)."""
    found: list[Factorization] = [OutputFactorization(op, weight)]
    if found[0].name == "channel":
        found.append(TuckerFactorization(op, weight))
        if min(weight.shape[2:]) > 1:
            found.append(SpatialFactorization(op, weight))
    return found


def _float32(array: np.ndarray, shape: Shape) -> np.ndarray:
    return np.ascontiguousarray(array.reshape(shape), np.float32)
