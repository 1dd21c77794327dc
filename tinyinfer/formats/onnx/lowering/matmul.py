"""MatMul, Gemm and MatMulInteger; with a matrix of the file on the right they are linear layers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.onnx.lowering.normalization import number
from tinyinfer.passes.portable.integer_arithmetic.codes import Codes


def matmul(call: Call) -> str:
    """MatMul."""
    return multiply(call, call.x, call.value(1))


def multiply(call: Call, a: str, b: str) -> str:
    """The product of two values."""
    weight = _weight(call, b)
    if weight is not None and call.importer.known(a) is None and len(call.shape_of(a)) > 0:
        return call.apply("linear", a, params={"weight": _transposed(call, b, weight)})
    return call.apply("matmul", a, b)


def _transposed(call: Call, value: str, matrix: np.ndarray) -> str | np.ndarray:
    """A matrix of the file the other way round: a view, however large; with its integers, if it was made of any."""
    codes = call.importer.codes.of(value)
    if codes is None:
        return matrix.T
    axis = None if codes.quant.axis is None else 1 - codes.quant.axis
    made = call.importer.constant(f"{value}/transposed", matrix.T)
    call.importer.codes.add(made, Codes(codes.name, codes.array.T, replace(codes.quant, axis=axis)))
    return made


def _weight(call: Call, value: str) -> np.ndarray | None:
    """The matrix of the file, of float32, that a value is; None if it is another value."""
    array = call.importer.known(value)
    return array if array is not None and array.ndim == 2 and array.dtype == np.float32 else None


def gemm(call: Call) -> str:
    """Gemm: alpha * A B + beta * C, A and B transposed or not; C broadcasts."""
    alpha, beta = call.attribute("alpha", 1.0), call.attribute("beta", 1.0)
    a, b, trans_b = call.x, call.value(1), bool(call.attribute("transB", 0))
    for i in (0, 1):
        if len(call.shape(i)) != 2:
            raise GraphError(f"input {i}: expected a matrix, found shape {call.type(i)}")
    if call.attribute("transA", 0):
        a = call.apply("permute", a, dims=(1, 0))
    matrix = _weight(call, b)
    if matrix is not None and call.importer.known(a) is None:
        weight: str | np.ndarray = b if trans_b else _transposed(call, b, matrix)
        if alpha != 1:
            weight = (matrix if trans_b else matrix.T) * np.float32(alpha)
        bias = _bias(call, beta, matrix.shape[0 if trans_b else 1])
        y = call.apply("linear", a, params={"weight": weight, "bias": bias})
        return y if bias is not None else _plus(call, y, beta)
    y = call.apply("matmul", a, call.apply("permute", b, dims=(1, 0)) if trans_b else b)
    return _plus(call, _times(call, y, alpha), beta)


def _bias(call: Call, beta: float, width: int) -> str | None:
    """beta * C as a row, if it is an array of the file and the same for all rows of A."""
    c = call.known(2)
    if c is None or c.dtype != np.float32 or c.size not in (1, width) or c.shape[:-1] not in ((), (1,)):
        return None
    row = call.apply("reshape", call.value(2), shape=(-1,))
    return _times(call, call.apply("expand", row, size=(width,)) if c.size != width else row, beta)


def _plus(call: Call, y: str, beta: float) -> str:
    """y + beta * C."""
    if beta == 0:
        call.ignore_inputs(2)
    return call.apply("add", y, _times(call, call.value(2), beta)) if call.has(2) and beta != 0 else y


def _times(call: Call, x: str, factor: float) -> str:
    """x * factor."""
    return x if factor == 1 else call.apply("mul", x, number(call, factor))


def matmul_integer(call: Call) -> str:
    """MatMulInteger: (A - zero point) (B - zero point) in int32."""
    a, b = (
        _from_zero(call, call.value(i), call.value(i + 2) if call.has(i + 2) else None, rows=i == 0) for i in (0, 1)
    )
    return call.apply("matmul", a, b)


def _from_zero(call: Call, x: str, zero: str | None, rows: bool) -> str:
    """x - zero in int32; zero points of rows of A are a column."""
    wide = call.apply("cast", x, dtype="int32")
    if zero is None:
        return wide
    if rows and call.shape_of(zero) and len(call.shape_of(zero)) == 1 and len(call.shape_of(x)) > 1:
        zero = call.apply("unsqueeze", zero, dim=-1)
    return call.apply("sub", wide, call.apply("cast", zero, dtype="int32"))


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("MatMul", 1): matmul,
    ("Gemm", 7): gemm,
    ("MatMulInteger", 10): matmul_integer,
}
