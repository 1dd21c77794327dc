"""Products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call
from tinyinfer.formats.ncnn.lowering.activations import NAMES_OF_ACTIVATION, activated
from tinyinfer.formats.ncnn.lowering.layer_kind import LayerKind, Layers
from tinyinfer.formats.ncnn.lowering.quantization import dequantized, rounded, weight_of, with_codes
from tinyinfer.formats.ncnn.reading.parameters import Parameters
from tinyinfer.formats.ncnn.reading.weights import WeightReader

INNER_PRODUCT = {0: "num_output", 1: "bias_term", 2: "weight_data_size", 8: "int8_scale_term"} | NAMES_OF_ACTIVATION
GEMM = {
    0: "alpha", 1: "beta", 2: "transA", 3: "transB", 4: "constantA", 5: "constantB", 6: "constantC", 7: "constantM",
    8: "constantN", 9: "constantK", 10: "constant_broadcast_type_C", 11: "output_N1M", 12: "output_elempack",
    13: "output_elemtype", 14: "output_transpose", 18: "int8_weight_term", 20: "constant_TILE_M",
    21: "constant_TILE_N", 22: "constant_TILE_K",
}  # fmt: skip


def _inner_product(call: Call, p: Parameters) -> str:
    p.integer("num_output")
    call.ignore("bias_term", "weight_data_size", "int8_scale_term")
    weight, x, shape = call.attribute("weight"), rounded(call, call.x, "input_scale"), call.shape()
    rows = len(shape) == 3 and shape[2] == weight.shape[1] and shape[1] > 1  # a product for every row
    if len(shape) > 2 and not rows:
        x = call.apply("flatten", x, start_dim=1)
    params = {"weight": weight_of(call), "bias": call.attribute("bias")}
    return activated(call, p, call.apply("linear", x, params=params))


def _inner_product_weights(p: Parameters, weights: WeightReader) -> dict[str, np.ndarray]:
    outputs, size = p.integer("num_output", least=1), p.integer("weight_data_size", least=1)
    if size % outputs:
        raise GraphError(f"weight: expected numbers for {outputs} outputs, found {size}")
    weight = weights.tagged(size)
    found = {"bias": weights.plain(outputs)} if p.flag("bias_term") else {}
    scales = None
    if p.integer("int8_scale_term"):
        scales = weights.plain(outputs)
        found |= with_codes(weight, scales, weights.plain(1))
    return {"weight": dequantized(weight, scales).reshape(outputs, -1), **found}


def _matmul(call: Call, p: Parameters) -> str:
    a, b = call.x, call.value(1)
    ranks = len(call.shape(0)), len(call.shape(1))
    if p.flag("transB") and ranks[1] > 2:
        b = _transposed(call, b)
    rank = max(*ranks, 3)
    # a vector is a row in first place, a column in second
    a = _with_rank(call, call.apply("unsqueeze", a, dim=1) if ranks[0] == 2 else a, rank)
    b = _with_rank(call, call.apply("unsqueeze", b, dim=2) if ranks[1] == 2 else b, rank)
    y = call.apply("matmul", a, b)
    gone = [rank - 2] * (ranks[0] == 2) + [rank - 1] * (ranks[1] == 2)
    return call.apply("squeeze", y, dim=tuple(gone)) if gone else y


def _with_rank(call: Call, value: str, rank: int) -> str:
    missing = rank - len(call.shape_of(value))
    return call.apply("unsqueeze", value, dim=tuple(range(1, 1 + missing))) if missing else value


def _transposed(call: Call, value: str) -> str:
    rank = len(call.shape_of(value))
    return call.apply("permute", value, dims=(*range(rank - 2), rank - 1, rank - 2))


def _gemm(call: Call, p: Parameters) -> str:
    """alpha (A B + beta C), of which each may be a blob or come with the layer."""
    if p.integer("int8_weight_term"):
        call.refuse("quantised products are not supported")
    if p.flag("output_N1M"):
        call.refuse("output_N1M is not supported")
    call.ignore(*(name for number, name in GEMM.items() if number in (7, 8, 9, 12, 13, 20, 21, 22)))
    inputs = iter([call.value(i) for i in range(len(call.inputs))])
    a = _operand(call, p, "A", inputs)
    b = _operand(call, p, "B", inputs)
    y = call.apply("matmul", a, b)
    alpha, beta = p.number("alpha", 1.0), p.number("beta", 1.0)
    c = _addend(call, p, inputs)
    if c is not None:
        c = c if beta == 1 else call.apply("mul", c, call.constant(beta, "float32"))
        y = call.apply("add", y, c)
    if alpha != 1:
        y = call.apply("scale_shift", y, scale=(alpha,))
    return _transposed(call, y) if p.flag("output_transpose") else y


def _operand(call: Call, p: Parameters, which: str, inputs: Any) -> str:
    """A factor as (batch, rows, columns)."""
    if p.flag(f"constant{which}"):
        value = call.constant(call.attribute(which)[None])
    else:
        value = next(inputs, None) or call.refuse(f"expected a blob for its factor {which}, found none")
        shape = call.shape_of(value)
        if len(shape) == 4 and 1 in shape[1:3]:  # (h, 1, w) or (1, h, w)
            value = call.apply("squeeze", value, dim=2 if shape[2] == 1 else 1)
        elif len(shape) != 3:
            call.refuse(f"factor {which}: expected a blob of 2 dimensions, found {len(shape) - 1}")
    return _transposed(call, value) if p.flag(f"trans{which}") else value


def _addend(call: Call, p: Parameters, inputs: Any) -> str | None:
    """What is added, as a value that broadcasts with the product."""
    kind = p.integer("constant_broadcast_type_C")
    if p.flag("constantC"):
        found = call.attribute("C")
        return None if kind == -1 else call.constant(found[None])
    value = next(inputs, None)
    if value is None:
        return None
    if len(call.shape_of(value)) == 2:
        call.refuse("a row as addend of a product of two blobs is not supported")
    return str(value)


def _gemm_weights(p: Parameters, weights: WeightReader) -> dict[str, np.ndarray]:
    if p.integer("int8_weight_term"):
        return {}
    m, n, k = (p.integer(f"constant{name}", least=0) for name in "MNK")
    found = {}
    if p.flag("constantA"):
        found["A"] = _matrix(weights, *((k, m) if p.flag("transA") else (m, k)))
    if p.flag("constantB"):
        found["B"] = _matrix(weights, *((n, k) if p.flag("transB") else (k, n)))
    kind = p.integer("constant_broadcast_type_C", least=-1, most=4)
    if p.flag("constantC") and kind != -1:
        found["C"] = _matrix(weights, *((1, 1), (m, 1), (m, 1), (m, n), (1, n))[kind])
    return found


def _matrix(weights: WeightReader, rows: int, columns: int) -> np.ndarray:
    return dequantized(weights.tagged(rows * columns), None).reshape(rows, columns)


LAYERS: Layers = {
    "Gemm": LayerKind(_gemm, GEMM, _gemm_weights),
    "InnerProduct": LayerKind(_inner_product, INNER_PRODUCT, _inner_product_weights),
    "MatMul": LayerKind(_matmul, {0: "transB"}),
}
