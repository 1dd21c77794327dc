"""Transposed convolution of codes: one convolution for each phase of the outputs, written to every stride-th pixel."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.phases import Phase, phases, spacing
from tinyinfer.kernels.arguments.windows import Geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.matmul.joined_groups import group_count
from tinyinfer.kernels.parallel.task import in_turn
from tinyinfer.kernels.quantized.band_product import BandPlan
from tinyinfer.kernels.quantized.bands import run_count
from tinyinfer.kernels.quantized.epilogue.folding import signed_weight
from tinyinfer.kernels.quantized.epilogue.requantize import Requantize, Results
from tinyinfer.kernels.quantized.packed_layer import PackedLayer, pack_layer
from tinyinfer.ops.convolution.conv_transpose2d import exchanged
from tinyinfer.ops.quantized.conv_transpose import QuantizedConvTranspose2d
from tinyinfer.ops.quantized.convolution import QuantizedConv2d
from tinyinfer.ops.quantized.requantization import FLOAT


class Place(NamedTuple):
    """A phase both ways: its first row and column among all outputs, and what it sees."""

    row: int
    column: int
    down: Phase
    across: Phase

    @property
    def window(self) -> tuple[int, int]:
        """Rows and columns of the kernel of its convolution, which is not empty: of no taps it has one that is 0."""
        return max(1, len(self.down.taps)), max(1, len(self.across.taps))


def places(op: QuantizedConvTranspose2d, kernel: Sequence[int]) -> Iterator[Place]:
    """All phases of a kernel of this height and width, row by row."""
    rows, columns = (enumerate(phases(op.layer, kernel[i], i)) for i in range(2))
    for (row, down), (column, across) in itertools.product(rows, columns):
        yield Place(row, column, down, across)


def convolution_of(layer: Layer, place: Place) -> Layer:
    """The layer of codes whose outputs are those of a phase."""
    op, weight = layer.op, layer.params["weight"]
    assert isinstance(op, QuantizedConvTranspose2d)
    taps = exchanged(weight, op.groups)
    own = taps[:, :, place.down.taps][:, :, :, place.across.taps]
    if own.size == 0:
        own = np.full((*taps.shape[:2], *place.window), op.weight_zero_point, weight.dtype)
    shared = {name: value for name, value in op.attrs.items() if name not in ("output_padding", "padding", "stride")}
    dilation = spacing(op.layer, 0), spacing(op.layer, 1)
    return Layer(QuantizedConv2d(**{**shared, "dilation": dilation}), {**layer.params, "weight": own})


class Phases(Kernel):
    """Any window, stride, dilation and groups."""

    op = "quantized_conv_transpose2d"
    name = "phases"
    dtypes = ("uint8", "float32")
    tolerance = 1.0  # of codes, where the activation is a formula; else they are the reference's

    def __init__(self, problem: Problem, packed: tuple[PackedLayer, ...]) -> None:
        super().__init__(problem, packed)
        op, kernel = problem.op, problem.params["weight"].shape[2:]
        assert isinstance(op, QuantizedConvTranspose2d)
        (batch, c, *size), (*_, height, width) = problem.inputs[0], problem.outputs[0]
        apart = spacing(op.layer, 0), spacing(op.layer, 1)
        self.plans: list[tuple[Place, PackedLayer, BandPlan]] = []
        for place, own in zip(places(op, kernel), packed, strict=True):
            out_h, out_w = -(-(height - place.row) // op.stride[0]), -(-(width - place.column) // op.stride[1])
            if min(out_h, out_w) < 1:
                continue
            before = -place.down.offset, -place.across.offset
            geometry = Geometry(*size, out_h, out_w, *place.window, 1, 1, *before, *apart)
            parts = (problem.threads, 1)
            plan = BandPlan.of(geometry, batch * out_h, c, own, parts, op.input_zero_point, most_rows=1)
            self.plans.append((place, own, plan))
        self.workspace_floats = max(plan.workspace_floats for *_, plan in self.plans)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = problem.op
        assert isinstance(op, QuantizedConvTranspose2d)
        codes = {*problem.input_dtypes} == {"uint8"} and problem.output_dtypes[0] in ("uint8", FLOAT)
        return codes and op.activation in FUSED

    @classmethod
    def pack(cls, layer: Layer) -> tuple[PackedLayer, ...]:
        """The convolutions of all phases."""
        assert isinstance(layer.op, QuantizedConvTranspose2d)
        packed = []
        for place in places(layer.op, layer.params["weight"].shape[2:]):
            own = convolution_of(layer, place)
            channels = own.params["weight"].shape[1] * own.op.groups // group_count(own)
            runs = run_count(*place.window, channels, own.op.dilation[1])
            packed.append(pack_layer(own, runs))
        return tuple(packed)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,), op = inputs, outputs, self.problem.op
        assert isinstance(op, QuantizedConvTranspose2d)
        _, weight_zero = signed_weight(self.problem)
        whole = Results.of(y)
        row, image = y.w * whole.stride, y.h * y.w * whole.stride
        calls = []
        for place, packed, plan in self.plans:
            first = whole.at(place.row * y.w + place.column)
            results = first._replace(stride=op.stride[1] * whole.stride)
            epilogue = Requantize.of(op, packed.bias, packed.multiplier, inputs, y)
            steps = op.stride[0] * row, image
            calls.append(plan.bind(x, packed, weight_zero, results, steps, epilogue, workspace))
        return in_turn(calls)


KERNELS = (Phases,)
