"""The onnx package's own cases of single operators: which concern this engine, and whether one comes out right."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tinyinfer.errors import TinyInferError
from tinyinfer.formats.onnx.load import OLDEST, load
from tinyinfer.model import Model
from tinyinfer.tensor_type import DTYPES

CORE = frozenset(
    """
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization BitShift
    BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu Clip Compress Concat Constant
    ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DeformConv DepthToSpace DequantizeLinear Div Dropout
    ConvInteger DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor Gather GatherElements
    GatherND Gelu Gemm
    GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization
    HardSigmoid HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu
    Less LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul MatMulInteger Max MaxPool MaxUnpool Mean
    MeanVarianceNormalization Min Mish Mod Mul Neg NonMaxSuppression NonZero Not OneHot Or PRelu Pad Pow
    QLinearConv QLinearMatMul QuantizeLinear Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
    ReduceMean
    ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence RoiAlign Round Scatter
    ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign
    SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze
    Upsample Where Xor
    """.split()  # noqa: SIM905
)
TENSOR_OF_STRINGS = 8


def collect() -> list[Any]:
    """The cases of a single core operator whose values are of the engine's dtypes and whose opset it reads."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cases overflow on purpose
        found = collect_testcases(None)
    return [case for case in found if _concerns_us(case.model)]


def _concerns_us(model: onnx.ModelProto) -> bool:
    nodes = model.graph.node
    if len(nodes) != 1 or nodes[0].op_type not in CORE or nodes[0].domain or model.opset_import[0].version < OLDEST:
        return False
    values = [value.type for value in (*model.graph.input, *model.graph.output)]
    return all(value.HasField("tensor_type") and _dtype(value.tensor_type.elem_type) in DTYPES for value in values)


def _dtype(number: int) -> str:
    return "string" if number == TENSOR_OF_STRINGS else str(helper.tensor_dtype_to_np_dtype(number))


def failure(case: Any, folder: Path) -> str:
    """Why a case fails, or nothing.

    Inputs that a network must know beforehand, such as axes, become arrays of the file: all are tried as inputs first,
    then the first alone, then none.
    """
    inputs, outputs = ([_array(value) for value in values] for values in case.data_sets[0])
    reasons = []
    for given in dict.fromkeys((len(inputs), min(1, len(inputs)), 0)):
        try:
            _check(case, inputs, outputs, given, folder / "case.onnx")
        except (TinyInferError, AssertionError) as error:
            reasons.append(" ".join(str(error).split())[-200:])
            continue
        return ""
    return "; ".join(reasons)


def with_arrays(case: Any, given: int) -> onnx.ModelProto:
    """The model of a case whose inputs but the first ``given`` are arrays of the file."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    graph = model.graph
    later = zip(map(_array, case.data_sets[0][0][given:]), graph.input[given:], strict=True)
    graph.initializer.extend(numpy_helper.from_array(array, value.name) for array, value in later)
    del graph.input[given:]
    if not given:
        graph.input.append(helper.make_tensor_value_info("unused", onnx.TensorProto.FLOAT, [1]))
    return model


def _check(case: Any, inputs: Sequence[Any], outputs: Sequence[Any], given: int, path: Path) -> None:
    path.write_bytes(with_arrays(case, given).SerializeToString())
    network, _ = load(path, allow_nonfinite=True)
    names = [value.name for value in case.model.graph.input]
    arrays = dict(zip(names, inputs[:given], strict=False)) or {"unused": np.zeros(1, np.float32)}
    found = Model(network, kernels="reference").run(arrays)
    for value, expected in zip(case.model.graph.output, outputs, strict=True):
        y = found[value.name]
        if case.model.graph.node[0].op_type == "NonMaxSuppression":  # rows of -1 stand for boxes that are not selected
            y = y[: len(expected)] if (y[len(expected) :] == -1).all() else y
        assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(y.astype(np.float64), expected.astype(np.float64), case.rtol, case.atol)
        else:
            np.testing.assert_array_equal(y, expected)


def _array(value: Any) -> Any:
    """An array; some cases have messages of the file format."""
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)
