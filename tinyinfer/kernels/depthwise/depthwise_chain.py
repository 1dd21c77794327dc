"""Inverted residuals row by row: what lies between their layers never leaves the second cache.

Expanded rows go into a rolling line buffer just long enough for the windows of a band of the depthwise layer; its rows
of outputs go into ``middle``, and from there through the last matrix product.  The wide maps, six times the block's
input in MobileNet V2, would otherwise be written to memory and read again (lesson 05).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import Address, Epilogue, Image, ImageEpilogue, Rows
from tinyinfer.kernels.arguments.windows import Geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import load
from tinyinfer.kernels.depthwise.depthwise_pixel import MASKS, pack_filters
from tinyinfer.kernels.depthwise.depthwise_strip import ROWS, STRIPS, Extent, Inside, LineBuffer
from tinyinfer.kernels.depthwise.sparse_strip import order_by_tap, pack_sparse_filters, sparse_strips
from tinyinfer.kernels.matmul.gemm import L2_FLOATS, pack_bias
from tinyinfer.kernels.matmul.row_product import PRODUCT_TOLERANCE, pack_product, product_floats, row_product
from tinyinfer.kernels.parallel.pages import APART
from tinyinfer.kernels.parallel.parts import own_memory, own_range
from tinyinfer.kernels.parallel.task import Task, task
from tinyinfer.ops.convolution.depthwise_chain import DepthwiseChain


class Channels(NamedTuple):
    """Of inputs (0 where nothing is expanded), between the layers, and of outputs (0 where nothing is projected)."""

    k: int
    e: int
    n: int


class Stage(NamedTuple):
    """Packed weights, and what is done to the sums of their products."""

    w: Address
    epilogue: Epilogue


class Stages(NamedTuple):
    """All of a chain; the residual is the last one's."""

    expand: Stage
    depthwise: Stage
    project: Stage


class Lines(NamedTuple):
    """Rows of outputs: all, and of a band; and what of each part's memory the line buffer and the middle take."""

    number: int
    band: int
    buffer_bytes: int
    middle_bytes: int


def make_chain(kernel: int, strips: Any) -> Task:
    """Rows of outputs through all layers, for square depthwise kernels.

    Each part expands anew the rows that its first window shares with another's.
    """

    @task
    def chain(
        part, parts, x: Rows, channels: Channels, geometry: Geometry, stages: Stages, y: Rows, lines: Lines, memory
    ):
        h, width, out_h, out_w, _, _, stride, _, top, left, _, _ = geometry
        k, e, n = channels
        blocks, buffer_rows = -(-e // LANES), (lines.band - 1) * stride + kernel
        buffer = Image(np.intp(own_memory(part, memory, parts).ctypes.data), width * e, e)
        middle, workspace = (
            Rows(buffer.address + lines.buffer_bytes, e),
            buffer.address + lines.buffer_bytes + lines.middle_bytes,
        )
        depthwise = stages.depthwise.epilogue
        p, p1 = own_range(part, lines.number, parts)
        image, done = -1, 0
        while p < p1:
            oy = p % out_h
            rows, iy = min(lines.band, p1 - p, out_h - oy), oy * stride - top
            bottom = min(h, iy + (rows - 1) * stride + kernel)
            if p // out_h != image:
                image, done = p // out_h, max(0, iy)
            if k > 0:
                while done < bottom:  # expand the rows that the windows have reached
                    new = min(bottom - done, buffer_rows - done % buffer_rows)
                    row_product(
                        x.at((image * h + done) * width), new * width, k, stages.expand.w,
                        buffer.line(done % buffer_rows), e, stages.expand.epilogue, workspace,
                    )  # fmt: skip
                    done += new
                source = buffer.at(iy % buffer_rows, -left)
                wrap = LineBuffer(buffer_rows - iy % buffer_rows, buffer_rows * width * e)
            else:
                source = Image(x.at((image * h + iy) * width - left).address, width * x.stride, x.stride)
                wrap = LineBuffer(h + kernel, 0)
            to, other = middle if n > 0 else y.at(p * out_w), depthwise.residual.at(p * out_w)
            strips(
                stride, source, wrap, Inside(max(0, -iy), h - iy, left, left + width), stages.depthwise.w,
                Image(to.address, out_w * to.stride, to.stride), Extent(rows, out_w, e, 0, blocks),
                ImageEpilogue(
                    depthwise.bias, Image(other.address, out_w * other.stride, other.stride), depthwise.lo,
                    depthwise.hi, depthwise.act,
                ),
            )  # fmt: skip
            if n > 0:
                row_product(
                    middle, rows * out_w, e, stages.project.w, y.at(p * out_w), n,
                    stages.project.epilogue.at(p * out_w), workspace,
                )  # fmt: skip
            p += rows

    return chain


DENSE = {kernel: make_chain(kernel, strips) for kernel, strips in STRIPS.items()}
SPARSE = {kernel: make_chain(kernel, sparse_strips) for kernel in STRIPS}


class RowRing(Kernel):
    """Depthwise kernels of 3x3, 5x5 or 7x7, stride 1 or 2, zero padding of at most half a kernel beside the image."""

    op = "depthwise_chain"
    name = "rolling_lines"
    tolerance = PRODUCT_TOLERANCE

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        params, threads = problem.params, problem.threads
        e, _, kernel, _ = params["depthwise_weight"].shape
        width, (out_h, out_w) = problem.inputs[0][3], problem.outputs[0][2:]
        assert isinstance(problem.op, DepthwiseChain)
        stride, expands, projects = problem.op.stride[0], "expand_weight" in params, "project_weight" in params
        a_row = (stride * width * expands + out_w * projects) * e  # what another row of the band adds
        self.band = max(1, min(ROWS, (L2_FLOATS - kernel * width * e * expands) // a_row, -(-out_h // threads)))
        buffer_rows = (self.band - 1) * stride + kernel
        self.buffer = buffer_rows * width * e * expands
        self.middle = self.band * out_w * e * projects
        expanding = product_floats(problem.inputs[0][1], e, buffer_rows * width) if expands else 0
        projecting = product_floats(e, problem.outputs[0][1], self.band * out_w) if projects else 0
        own = -(-(self.buffer + self.middle + max(expanding, projecting)) // LANES) * LANES
        self.workspace_floats = threads * (own + APART // 4 * (threads > 1))

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = problem.op
        assert isinstance(op, DepthwiseChain)
        e, _, kh, kw = problem.params["depthwise_weight"].shape
        (h, width), out_w = problem.inputs[0][2:], problem.outputs[0][3]
        left = op.middle(e).pads((h, width), (kh, kw))[2]
        right = (out_w - 1) * op.stride[1] + kw - left - width
        fits = kh == kw in STRIPS and op.stride in ((1, 1), (2, 2)) and max(left, right) <= kw // 2
        known = {op.expand_activation, op.depthwise_activation, op.project_activation} <= FUSED
        return fits and known and (MASKS or e >= LANES)

    @classmethod
    def pack(cls, layer: Layer) -> Any:
        """Panels and bias of both matrix products (empty where there is none), filters and bias of the depthwise.

        And whether these filters are sparse.
        """
        p = _by_tap(layer.params)

        def product(layer: str) -> tuple[np.ndarray, np.ndarray]:
            if f"{layer}_weight" not in p:
                return np.empty(0, np.float32), np.empty(0, np.float32)
            weight = p[f"{layer}_weight"]
            return pack_product(weight[:, :, 0, 0].T), pack_bias(p.get(f"{layer}_bias"), weight.shape[0])

        filters, bias = pack_filters(p["depthwise_weight"], p.get("depthwise_bias"))
        sparse = pack_sparse_filters(filters, p["depthwise_weight"].shape[3])
        own = filters if sparse is None else sparse
        return (*product("expand"), own, bias, *product("project")), sparse is not None

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y, op, threads = inputs[0], outputs[0], self.problem.op, self.problem.threads
        assert isinstance(op, DepthwiseChain)
        e, _, kh, kw = self.problem.params["depthwise_weight"].shape
        top, _, left, _ = op.middle(e).pads((x.h, x.w), (kh, kw))
        geometry = Geometry(x.h, x.w, y.h, y.w, kh, kw, *op.stride, top, left, 1, 1)
        (we, be, wd, bd, wp, bp), sparse = self.packed
        before = [] if self.middle else inputs  # what the depthwise layer has for inputs, if it is the last
        stages = Stages(
            Stage(Address.of(we), Epilogue.of(op.expand_activation, be, [], y)),
            Stage(Address.of(wd), Epilogue.of(op.depthwise_activation, bd, before, y)),
            Stage(Address.of(wp), Epilogue.of(op.project_activation, bp, inputs, y)),
        )
        channels = Channels(x.c if self.buffer else 0, e, y.c if self.middle else 0)
        lines = Lines(y.n * y.h, self.band, self.buffer * 4, self.middle * 4)
        load(sparse_strips if sparse else STRIPS[kw])
        chain = (SPARSE if sparse else DENSE)[kw]
        return chain.bind(threads, Rows.of(x), channels, geometry, stages, Rows.of(y), lines, workspace)


def _by_tap(params: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """The same chain with its inner channels in the order of their taps, if each has one and both products are there.

    Nobody sees their order but the two products.
    """
    if "expand_weight" not in params or "project_weight" not in params:
        return params
    order = order_by_tap(params["depthwise_weight"])
    if order is None:
        return params
    inner = {role: array[order] for role, array in params.items() if not role.startswith("project")}
    return {**params, **inner, "project_weight": params["project_weight"][:, order]}


KERNELS = (RowRing,)
