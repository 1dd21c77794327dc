"""Weights of layers of codes, packed: panels, group by group, and what the sums of each column are worth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.base import Layer
from tinyinfer.kernels.codegen.structs import Address, struct
from tinyinfer.kernels.matmul.joined_groups import group_count, joined_groups
from tinyinfer.kernels.quantized.byte_panels import CodeWeights, Runs, column_terms, pack_columns, pack_panels
from tinyinfer.kernels.quantized.epilogue.folding import folded_bias, multipliers, signed_weight
from tinyinfer.ops.quantized.convolution import QuantizedConv2d


class PackedLayer(NamedTuple):
    """A layer's panels, group by group, and for each column of these what its sums begin with and are worth.

    Each group has so many ``outputs``, less than columns where the last panel is padded.
    """

    weights: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    groups: int
    outputs: int


@struct
class WeightGroups(NamedTuple):
    """The weights of the first of ``number`` groups, and bytes from those of one to the next, and of its columns."""

    first: CodeWeights
    number: int
    weight_bytes: int
    column_bytes: int

    @classmethod
    def of(cls, packed: PackedLayer, runs: Runs, n: int, zero: int) -> WeightGroups:
        """Those of a layer whose groups make n outputs of runs of inputs."""
        return cls(
            CodeWeights(Address.of(packed.weights), runs, n, zero), packed.groups,
            packed.weights.size // packed.groups, packed.bias.size // packed.groups * 4,
        )  # fmt: skip

    def group(self, g: int) -> CodeWeights:
        """Those of a group."""
        first = self.first
        return CodeWeights(first.address + g * self.weight_bytes, first.runs, first.n, first.zero)


def pack_layer(layer: Layer, runs: int) -> PackedLayer:
    """The packed form of weights (M, C / groups, R, S) or (M, C) in so many runs; narrow groups are joined."""
    weight, zero = signed_weight(layer)
    own, groups = (layer.op.groups, group_count(layer)) if isinstance(layer.op, QuantizedConv2d) else (1, 1)
    joined = joined_groups(weight, own, groups, zero)  # (G, N, C, R, S) or (1, M, C)
    n = joined.shape[1]
    rows = np.moveaxis(joined, 2, -1).reshape(groups, n, runs, -1).transpose(0, 2, 3, 1)  # (G, runs, size, N)
    panels = [pack_panels(w, zero) for w in rows]
    too_much = np.concatenate([column_terms(w, zero) for w in rows])
    bias, multiplier = (
        np.concatenate([pack_columns(values[g * n : (g + 1) * n]) for g in range(groups)])
        for values in ((folded_bias(layer) - too_much).astype(np.int32), multipliers(layer))
    )
    return PackedLayer(panels[0] if groups == 1 else np.concatenate(panels), bias, multiplier, groups, n)
