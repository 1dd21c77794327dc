"""Convolutions of codes of any window, whose products `band_product` computes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.kernels.arguments.windows import window_geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.matmul.joined_groups import group_count
from tinyinfer.kernels.quantized.band_product import BandPlan
from tinyinfer.kernels.quantized.bands import run_count
from tinyinfer.kernels.quantized.epilogue.folding import signed_weight
from tinyinfer.kernels.quantized.epilogue.requantize import Requantize, Results
from tinyinfer.kernels.quantized.matrix_layers import by_panels, takes_codes
from tinyinfer.kernels.quantized.packed_layer import PackedLayer, pack_layer
from tinyinfer.ops.quantized.convolution import QuantizedConv2d


class Windows(Kernel):
    """Any window, stride, dilation, padding and groups."""

    op = "quantized_conv2d"
    name = "windows"
    dtypes = ("uint8", "float32")
    tolerance = 1.0  # of codes, where the activation is a formula; else they are the reference's

    def __init__(self, problem: Problem, packed: PackedLayer) -> None:
        super().__init__(problem, packed)
        op, geometry = problem.op, window_geometry(problem)
        assert isinstance(op, QuantizedConv2d)
        (batch, c), m, threads = problem.inputs[0][:2], problem.outputs[0][1], problem.threads
        lines = batch * geometry.out_h
        panels = packed.groups == 1 and by_panels(lines * geometry.out_w, m, threads)
        parts = (1, threads) if panels else (threads, 1)
        self.plan = BandPlan.of(geometry, lines, c, packed, parts, op.input_zero_point, geometry.out_h)
        self.workspace_floats = self.plan.workspace_floats

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return takes_codes(problem)

    @classmethod
    def pack(cls, layer: Layer) -> PackedLayer:
        op, (_, c, kh, kw) = layer.op, layer.params["weight"].shape
        assert isinstance(op, QuantizedConv2d)
        joined = c * op.groups // group_count(layer)
        return pack_layer(layer, run_count(kh, kw, joined, op.dilation[1]))

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        y, op, packed = outputs[0], self.problem.op, self.packed
        assert isinstance(op, QuantizedConv2d)
        _, weight_zero = signed_weight(self.problem)
        results, epilogue = Results.of(y), Requantize.of(op, packed.bias, packed.multiplier, inputs, y)
        steps = y.w * results.stride, y.h * y.w * results.stride
        return self.plan.bind(inputs[0], packed, weight_zero, results, steps, epilogue, workspace)


KERNELS = (Windows,)
