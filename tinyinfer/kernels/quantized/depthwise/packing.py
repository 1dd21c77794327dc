"""Weights of depthwise layers on codes as their kernels read them: block by block of channels, lane by lane."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import Address
from tinyinfer.kernels.base import Layer
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.dot_products import VNNI
from tinyinfer.kernels.parallel.pages import aligned_empty
from tinyinfer.kernels.quantized.depthwise.strip import REGISTERS, Shape
from tinyinfer.kernels.quantized.epilogue.folding import folded_bias, multipliers, signed_weight

MOST_TERMS = 2  # of a tap: more than any weight that is less its zero point needs, but for one of 255


class Blocks(NamedTuple):
    """Channels in blocks of one size: where each begins, and taps, biases and multipliers in the order of its lanes."""

    starts: np.ndarray
    taps: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray


class Walk(NamedTuple):
    """Blocks of ``size`` channels as kernels take them: addresses of what `Blocks` holds, and the bytes of a block.

    ``strip`` is the address of what computes ``rows`` rows of outputs of a block.
    """

    starts: np.ndarray
    taps: Address
    taps_bytes: int
    bias: Address
    multiplier: Address
    size: int
    strip: int
    rows: int

    @classmethod
    def of(cls, blocks: Blocks, size: int, strip: int = 0, rows: int = 1) -> Walk:
        """All blocks."""
        number = max(1, len(blocks.starts))
        arrays = (blocks.taps, blocks.bias, blocks.multiplier)
        taps, bias, multiplier = (Address.of(a if a.size else np.zeros(64, np.int8)) for a in arrays)
        return cls(blocks.starts, taps, blocks.taps.nbytes // number, bias, multiplier, size, strip, rows)


def shape_of(kernel: int, stride: int, registers: int) -> Shape:
    """As many rows of outputs side by side as there are registers for, where that spares anything."""
    two = stride == 1 and (kernel == 3 or (kernel == 5 and registers < 4))
    return Shape(kernel, stride, 2 if two else 1)


def starts_of(c: int) -> dict[int, np.ndarray]:
    """Where blocks of 4, 2 and 1 registers begin: few, of which the last overlaps the one before."""
    starts: dict[int, list[int]] = {registers: [] for registers in REGISTERS}
    at = 0
    while at < c:
        rest = c - at
        wide = rest > 3 * LANES and c >= 4 * LANES
        registers = 4 if wide else 2 if rest > LANES and c >= 2 * LANES else 1
        starts[registers].append(min(at, c - registers * LANES))
        at += registers * LANES
    return {registers: np.array(own, np.int64) for registers, own in starts.items()}


def lane_order(registers: int) -> np.ndarray:
    """The channel of each lane: of four registers as unpacking leaves them, else in order."""
    order = np.arange(registers * LANES)
    return order.reshape(-1, 4, 4).swapaxes(0, 1).reshape(-1) if registers == 4 else order


def pack_strips(layer: Layer, terms: list[np.ndarray]) -> tuple[Blocks, ...]:
    """Blocks of 4, 2 and 1 registers, of weights in these `terms_of` them."""
    kernel, (stride, _) = terms[0].shape[-1], layer.op.stride
    starts, columns = starts_of(len(terms[0])), (folded_bias(layer), multipliers(layer))
    padded = np.pad(np.stack(terms), ((0, 0), (0, 0), (0, 1), (0, 0)))  # the last row stands for what is none
    return tuple(
        pack_blocks(starts[registers], lane_order(registers), shape_of(kernel, stride, registers), padded, columns)
        for registers in REGISTERS
    )


def terms_of(layer: Layer) -> list[np.ndarray]:
    """Weights (C, K, K) less their zero point as a sum of arrays of what is multiplied: int8, or int16 without VNNI.

    None where two of them do not hold them.
    """
    weight, zero = signed_weight(layer)
    limits, terms = np.iinfo(np.int8 if VNNI else np.int16), list[np.ndarray]()
    rest = weight[:, 0].astype(np.int16) - zero
    while len(terms) < MOST_TERMS:
        terms.append(np.clip(rest, limits.min, limits.max).astype(limits.dtype))
        rest = rest - terms[-1]
        if not rest.any():
            return terms
    return []


def pack_blocks(
    starts: np.ndarray, order: np.ndarray, shape: Shape, padded: np.ndarray, columns: tuple[np.ndarray, np.ndarray]
) -> Blocks:
    """Terms (T, C, K + 1, K) as [block, piece, term, register, lane, line], missing taps being 0.

    Without VNNI they are 16-bit integers, and lines are apart: of each register first 0 and 2, then 1 and 3.
    ``columns`` are biases and multipliers.
    """
    channels = starts[:, None] + order  # (blocks, lanes)
    rows = {
        piece: [tap if 0 <= tap < shape.kernel else shape.kernel for tap in shape.taps(*piece[1:])]
        for piece in shape.pieces
    }
    in_blocks = np.moveaxis(padded[:, channels], 0, 1)  # (blocks, terms, lanes, K + 1, K)
    taps = np.stack([in_blocks[..., rows[piece], piece[0]] for piece in shape.pieces], axis=1)
    if not VNNI:
        lines = taps.reshape(*taps.shape[:3], len(order) // LANES, LANES, 2, 2)
        taps = lines.transpose(0, 1, 2, 3, 6, 4, 5)
    return Blocks(starts, *map(_aligned, (taps, *(values[channels] for values in columns))))


def pack_pixels(layer: Layer) -> Blocks:
    """Weights (C, 1, R, S), less their zero point, as [block, tap, lane] of 32 bits, and plain biases."""
    weight, zero = signed_weight(layer)
    c, _, kh, kw = weight.shape
    starts = np.maximum(0, np.minimum(np.arange(0, c, LANES), c - LANES))
    channels = np.minimum(starts[:, None] + np.arange(LANES), c - 1)
    taps = (weight.astype(np.int32) - zero).reshape(c, kh * kw)[channels].swapaxes(1, 2)
    bias = layer.params.get("bias", np.zeros(c, np.int32))
    return Blocks(starts, *map(_aligned, (taps, bias[channels], multipliers(layer)[channels])))


def _aligned(array: np.ndarray) -> np.ndarray:
    """A flat copy that begins at a cache line."""
    memory = aligned_empty(-(-array.nbytes // 4)).view(array.dtype)[: array.size]
    memory[:] = array.reshape(-1)
    return memory
