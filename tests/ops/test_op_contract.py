"""What every operator promises, walked over the example cases: shapes, dtypes, JSON attributes, untouched inputs."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walks import each_case, names_with_cases

from tinyinfer import ops
from tinyinfer.errors import GraphError, TinyInferError, UnsupportedOpError, WeightsError
from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Case

COUNTED = (
    "conv2d",
    "conv_transpose2d",
    "deform_conv2d",
    "depthwise_chain",
    "gated_conv2d",
    "irregular_conv2d",
    "linear",
    "matmul",
    "quantized_conv2d",
    "quantized_conv_transpose2d",
    "quantized_linear",
)  # what has multiply-adds


def arrays(name: str, case: Case, dtype: type) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    types = [TensorType(t.shape, t.dtype.replace("float32", dtype.__name__)) for t in case.input_types]
    op = ops.create(name, case.attrs)
    inputs, params = op.example_inputs(types, rng), op.example_params(case.params, rng)
    if "running_var" in params:
        params["running_var"] = np.abs(params["running_var"]) + 0.1
    return inputs, params


def types(values: dict[str, np.ndarray]) -> dict[str, TensorType]:
    return {role: TensorType(v.shape, str(v.dtype)) for role, v in values.items()}


@each_case()
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_reference_gives_what_infer_says(name: str, case: Case, dtype: type) -> None:
    op = ops.create(name, case.attrs)
    inputs, params = arrays(name, case, dtype)
    before = [x.copy() for x in inputs]
    inferred = op.infer([TensorType(x.shape, str(x.dtype)) for x in inputs], types(params))
    outputs = op.reference(inputs, params)
    assert [(y.shape, str(y.dtype)) for y in outputs] == [(t.shape, t.dtype) for t in inferred]
    for x, copy in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(x, copy)


@each_case()
def test_float32_agrees_with_float64(name: str, case: Case) -> None:
    op = ops.create(name, case.attrs)
    inputs, params = arrays(name, case, np.float32)
    exact = op.reference([x.astype(np.float64) if x.dtype == np.float32 else x for x in inputs], params)
    for y, y64 in zip(op.reference(inputs, params), exact, strict=True):
        assert np.abs(y - y64.astype(np.float64)).max() <= 1e-5 * max(1, np.abs(y64).max())


@each_case()
def test_attributes_survive_json(name: str, case: Case) -> None:
    op = ops.create(name, case.attrs)
    assert ops.create(name, json.loads(json.dumps(op.attrs))) == op
    assert hash(op) == hash(ops.create(name, op.attrs))


@each_case()
def test_cost_is_consistent(name: str, case: Case) -> None:
    op = ops.create(name, case.attrs)
    inputs = case.input_types
    params = op.param_types(case.params)
    outputs = op.infer(inputs, params)
    cost = op.cost(inputs, params, outputs)
    assert (cost.macs > 0) == (name in COUNTED)
    assert cost.params <= sum(p.size for p in params.values())
    assert cost.memory_access == cost.reads + cost.writes
    if name not in ("flatten", "reshape", "reshape_as", "squeeze", "unsqueeze", "dropout", "identity"):
        assert cost.writes == sum(t.size for t in outputs)


JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)


@pytest.mark.parametrize("name", names_with_cases())
@given(data=st.data())
def test_junk_attributes_are_refused_by_our_own_errors(name: str, data: st.DataObject) -> None:
    cls = ops.get(name)
    case = data.draw(st.sampled_from(cls.cases()))
    fields = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    key = data.draw(st.sampled_from([*fields, "unknown"]))
    try:
        op = ops.create(name, {**case.attrs, key: data.draw(JUNK)})
        op.infer(case.input_types, op.param_types(case.params))
    except TinyInferError as error:
        assert str(error)  # noqa: PT017  whether it is refused depends on the junk


IMAGE = (1, 6, 8, 8)
BAD_ATTRIBUTES: list[tuple[str, dict[str, Any], str]] = [
    ("conv2d", {"stride": 0}, "stride: expected at least 1, found 0"),
    ("conv2d", {"stride": (1, 2, 3)}, "stride: expected one or two integers"),
    ("conv2d", {"stride": 1.5}, "stride: expected an integer, found 1.5"),
    ("conv2d", {"dilation": (1, 0)}, "dilation: expected at least 1, found 0"),
    ("conv2d", {"groups": 0}, "groups: expected at least 1, found 0"),
    ("conv2d", {"groups": True}, "groups: expected an integer, found True"),
    ("conv2d", {"padding": -1}, "padding: expected at least 0, found -1"),
    ("conv2d", {"padding": "full"}, "padding: expected same, same_lower or integers, found 'full'"),
    ("conv2d", {"padding": (1, 2, 3)}, "padding: expected 1, 2 or 4 integers"),
    ("conv2d", {"padding_mode": "mirror"}, "padding_mode: unknown 'mirror'"),
    ("conv2d", {"activation": "prelu"}, "activation: expected one of relu, .*found 'prelu'"),
    ("conv2d", {"bias": True}, "operator 'conv2d': .*unexpected keyword argument 'bias'"),
    ("conv2d", {"groups": 10**12}, "groups: expected at most"),
    ("max_pool2d", {}, "missing 1 required positional argument: 'kernel_size'"),
    ("max_pool2d", {"kernel_size": 0}, "kernel_size: expected at least 1"),
    ("max_pool2d", {"kernel_size": 2, "ceil_mode": 1}, "ceil_mode: expected true or false, found 1"),
    ("avg_pool2d", {"kernel_size": 2, "divisor_override": 0}, "divisor_override: expected at least 1"),
    ("adaptive_avg_pool2d", {"output_size": 0}, "output_size: expected at least 1"),
    ("batch_norm", {"eps": float("nan")}, "eps: expected a finite number, found nan"),
    ("leaky_relu", {"negative_slope": "0.1"}, "negative_slope: expected a finite number"),
    ("celu", {"alpha": 0}, "alpha: expected a number other than 0"),
    ("softplus", {"beta": 0}, "beta: expected a number above 0"),
    ("hardtanh", {"min_val": 1, "max_val": 0}, "min_val 1.0 exceeds max_val 0.0"),
    ("gelu", {"approximate": "erf"}, "approximate: expected 'none' or 'tanh', found 'erf'"),
    ("split", {"split_size_or_sections": 0}, "split_size_or_sections: expected at least 1"),
    ("split", {"split_size_or_sections": []}, "split_size_or_sections: expected at least one size"),
    ("slice", {"step": 0}, "step: expected numbers other than 0, found 0"),
    ("slice", {"dim": (1, 2), "step": (1, 0)}, r"step: expected numbers other than 0, found \(1, 0\)"),
    ("slice", {"dim": (1, 2), "start": (0,)}, "start: expected 2 numbers, one for each dim, found 1"),
    ("slice", {"dim": 1.5}, "dim: expected an integer, found 1.5"),
    ("slice", {"start": None}, "start: expected an integer, found None"),
    ("div", {"rounding_mode": "round"}, "rounding_mode: expected 'trunc', 'floor' or none, found 'round'"),
    ("clamp", {"min": float("inf")}, "min: expected a finite number, found inf"),
    ("mean", {"dim": 1.0}, "dim: expected an integer, found 1.0"),
    ("sum", {"dim": ()}, "dim: expected one or more integers, found none"),
    ("amax", {"dim": 0, "keepdim": 1}, "keepdim: expected true or false, found 1"),
    ("argmax", {"dim": (0, 1)}, r"dim: expected an integer, found \(0, 1\)"),
    ("topk", {"k": 0}, "k: expected at least 1, found 0"),
    ("topk", {"k": 1, "largest": "yes"}, "largest: expected true or false, found 'yes'"),
    ("squeeze", {}, "missing 1 required positional argument: 'dim'"),
    ("squeeze", {"dim": ()}, "dim: expected one or more integers, found none"),
    ("unsqueeze", {"dim": 0.0}, "dim: expected an integer, found 0.0"),
    ("expand", {"size": (2, 0), "taken": ()}, "taken: expected 1 dimensions, one for each 0, found"),
    ("expand", {"size": (2, 0), "taken": (-1,)}, "taken: expected at least 0, found -1"),
    ("reshape", {"shape": (0, -1), "kept": (0, 1)}, "kept: expected 1 dimensions, one for each 0, found"),
    ("scatter", {"dim": 0, "reduce": "mean"}, "reduce: expected sum, prod, amax, amin or none, found 'mean'"),
    ("non_max_suppression", {"max_output_boxes": 0}, "max_output_boxes: expected at least 1, found 0"),
    ("non_max_suppression", {"max_output_boxes": 1, "iou_threshold": 2}, "iou_threshold: expected 0 to 1, found 2"),
    ("cumsum", {}, "missing 1 required positional argument: 'dim'"),
    ("gather_nd", {"batch_dims": -1}, "batch_dims: expected at least 0, found -1"),
    ("expand", {"size": (-2,)}, "size: expected at least -1, found -2"),
    ("tile", {"dims": (2, 0)}, "dims: expected at least 1, found 0"),
    ("gather", {}, "missing 1 required positional argument: 'dim'"),
    ("index", {"dim": None}, "dim: expected an integer, found None"),
    ("cast", {"dtype": "float64"}, "dtype: expected one of float16, float32, uint8, .*, bool, found 'float64'"),
    ("quantize_linear", {"scale": 0.0}, "scale: expected numbers above 0 in float32, found 0.0"),
    ("quantize_linear", {"scale": -1.0}, "scale: expected numbers above 0 in float32, found -1.0"),
    ("quantize_linear", {"scale": 1e-60}, "scale: expected numbers above 0 in float32, found 1e-60"),
    ("quantize_linear", {"scale": ()}, "scale: expected one or more numbers, found none"),
    ("quantize_linear", {"scale": (1, 2)}, "axis: expected the dimension that 2 scales belong to, found none"),
    ("quantize_linear", {"scale": 1, "zero_point": 256}, "zero_point: expected 0 to 255 for uint8, found 256"),
    ("quantize_linear", {"scale": 1, "zero_point": 0.5}, "zero_point: expected an integer, found 0.5"),
    ("quantize_linear", {"scale": 1, "dtype": "int32"}, "dtype: expected one of uint8, int8, found 'int32'"),
    (
        "dequantize_linear",
        {"scale": (1, 2), "zero_point": (1, 2, 3), "axis": 0},
        "zero_point: expected 1 or 2 integers",
    ),
    ("index_select", {"dim": 1, "index": ()}, "index: expected at least one entry"),
    ("index_select", {"dim": 1, "index": (-1,)}, "index: expected at least 0, found -1"),
    ("reshape", {"shape": (-1, -1)}, "shape: expected at most one -1"),
    ("pad", {"pad": (1, 1, 1)}, "pad: expected two integers for each dimension"),
    ("pad", {"pad": (1, 1, 1, 1), "mode": "zeros"}, "mode: expected one of reflect, replicate, circular, constant"),
    ("dropout", {"p": 1.5}, "p: expected 0 to 1, found 1.5"),
    ("channel_shuffle", {"groups": 0}, "groups: expected at least 1"),
    ("layer_norm", {"normalized_shape": ()}, "normalized_shape: expected at least one size"),
    ("layer_norm", {"normalized_shape": (6,), "dim": -1}, "dim: expected at least 0, found -1"),
    ("group_norm", {"num_groups": 0}, "num_groups: expected at least 1"),
    ("shift", {"kernel_size": 0}, "kernel_size: expected at least 1"),
    ("deform_conv2d", {"offset_groups": 0}, "offset_groups: expected at least 1"),
    ("irregular_conv2d", {"padding": "full"}, "padding: expected same, same_lower or integers"),
]


@pytest.mark.parametrize(("name", "attrs", "message"), BAD_ATTRIBUTES)
def test_bad_attributes(name: str, attrs: dict[str, Any], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        ops.create(name, attrs)


Shapes = list[tuple[int, ...]]
BAD_SHAPES: list[tuple[str, dict[str, Any], Shapes, dict[str, tuple[int, ...]], str]] = [
    ("conv2d", {"groups": 4}, [IMAGE], {"weight": (8, 1, 3, 3)}, "groups 4 do not divide 6 input channels"),
    ("conv2d", {"groups": 3}, [IMAGE], {"weight": (8, 2, 3, 3)}, "groups 3 do not divide 8 output channels"),
    ("conv2d", {}, [IMAGE], {"weight": (8, 3, 3, 3)}, "weight 8x3x3x3 with groups 1 takes 3 channels, found 6"),
    ("conv2d", {}, [IMAGE], {"weight": (8, 6, 9, 1)}, "extent 9 is larger than the padded input of 8"),
    ("conv2d", {"dilation": 4}, [IMAGE], {"weight": (8, 6, 3, 3)}, "extent 9 is larger than the padded input of 8"),
    ("conv2d", {}, [IMAGE], {"weight": (8, 6, 1, 1), "bias": (6,)}, "bias: expected shape 8, found 6"),
    ("conv2d", {}, [IMAGE], {}, "its weight is missing"),
    ("conv2d", {}, [IMAGE], {"weight": (8, 6, 1, 1), "scale": (8,)}, "no parameter 'scale', only weight, bias"),
    ("conv2d", {}, [], {"weight": (8, 6, 1, 1)}, "expected 1 to 2 inputs, found 0"),
    ("conv2d", {}, [IMAGE, IMAGE], {"weight": (8, 6, 1, 1)}, "residual: expected shape 1x8x8x8, found 1x6x8x8"),
    ("conv2d", {}, [(6, 8, 8)], {"weight": (8, 6, 1, 1)}, "input: expected rank 4, found shape 6x8x8"),
    (
        "conv2d",
        {"padding": 8, "padding_mode": "reflect"},
        [IMAGE],
        {"weight": (8, 6, 1, 1)},
        "padding 8 in mode 'reflect' reaches past an image side of 8",
    ),
    (
        "conv2d",
        {"padding": (0, 0, 0, 9), "padding_mode": "circular"},
        [IMAGE],
        {"weight": (8, 6, 1, 1)},
        "padding 9 in mode 'circular' reaches past an image side of 8",
    ),
    (
        "gated_conv2d",
        {},
        [IMAGE, (1, 6, 8, 8)],
        {"weight": (4, 6, 1, 1)},
        "gate: expected shape 1x6x1x1, found 1x6x8x8",
    ),
    ("gated_conv2d", {}, [IMAGE, (1, 6, 1, 1)], {"weight": (4, 6, 3, 3)}, "weight: expected 1x1, found 4x6x3x3"),
    ("join_pixels", {"width": 5}, [IMAGE], {}, "an image of 1x6x8x8 does not fill rows of 5"),
    (
        "join_pixels",
        {"width": 2},
        [IMAGE, (2, 6, 8, 8)],
        {},
        "expected inputs of as many images, found 1x6x8x8 and 2x6x8x8",
    ),
    ("linear", {}, [(2, 5)], {"weight": (3, 4)}, "weight 3x4 takes 4 features, found 5"),
    ("batch_norm", {}, [IMAGE], {"running_mean": (6,)}, "its running_var is missing"),
    ("batch_norm", {}, [IMAGE], {"running_mean": (5,), "running_var": (6,)}, "running_mean: expected shape 6, found 5"),
    ("prelu", {}, [IMAGE], {"weight": (5,)}, "weight: expected shape 1 or 6, found 5"),
    ("max_pool2d", {"kernel_size": 9}, [IMAGE], {}, "extent 9 is larger than the padded input of 8"),
    ("max_pool2d", {"kernel_size": 2, "padding": 2}, [IMAGE], {}, "padding 2 is not smaller than the window of 2"),
    ("add", {}, [IMAGE, (1, 5, 8, 8)], {}, "shapes 1x6x8x8 and 1x5x8x8 do not broadcast"),
    ("add", {}, [IMAGE], {}, "expected 2 inputs, found 1"),
    ("concat", {"dim": 1}, [IMAGE, (1, 6, 8, 7)], {}, "differ along dim 1 only, found 1x6x8x8 and 1x6x8x7"),
    ("concat", {"dim": 4}, [IMAGE], {}, "dim: expected -4 to 3 for rank 4, found 4"),
    ("concat", {}, [], {}, "expected 1 or more inputs, found 0"),
    ("split", {"split_size_or_sections": (3, 4), "dim": 1}, [IMAGE], {}, r"\(3, 4\) add up to 7, dim 1 has 6"),
    ("slice", {"dim": 1, "start": 6}, [IMAGE], {}, "the output would be empty: 1x0x8x8"),
    ("flatten", {"start_dim": 2, "end_dim": 1}, [IMAGE], {}, "start_dim 2 comes after end_dim 1"),
    ("reshape", {"shape": (0, 7, -1)}, [IMAGE], {}, "1x6x8x8 with 384 elements does not fit shape"),
    ("reshape", {"shape": (1, 6, 8, 8, 0)}, [IMAGE], {}, "keeps a dimension that 1x6x8x8 does not have"),
    ("index_select", {"dim": 1, "index": (0, 6)}, [IMAGE], {}, "index: expected below 6, found 6"),
    ("permute", {"dims": (0, 1, 1, 2)}, [IMAGE], {}, "do not name each of 4 dimensions once"),
    ("pad", {"pad": (-4, -4, 0, 0)}, [IMAGE], {}, "cuts off all of 8"),
    ("pad", {"pad": (0, 0, 0, 0)}, [(8,)], {}, "expected rank 2 or more"),
    ("pad", {"pad": (0, 9, 0, 0), "mode": "circular"}, [IMAGE], {}, "padding 9 in mode 'circular' reaches past"),
    ("pad", {"pad": (-5, 3, 0, 0), "mode": "reflect"}, [IMAGE], {}, "padding 3 in mode 'reflect' .* side of 3"),
    ("channel_shuffle", {"groups": 4}, [IMAGE], {}, "groups 4 do not divide 6 channels"),
    ("layer_norm", {"normalized_shape": (6,)}, [IMAGE], {}, r"input: expected \(6,\) in dims 3 to 3, found shape"),
    ("layer_norm", {"normalized_shape": (6,), "dim": 1}, [IMAGE], {"bias": (8,)}, "bias: expected shape 6, found 8"),
    ("group_norm", {"num_groups": 4}, [IMAGE], {}, "num_groups 4 do not divide 6 channels"),
    ("instance_norm", {}, [IMAGE], {"running_var": (6,)}, "both or neither, found running_var alone"),
    ("shift", {}, [(6, 8, 8)], {}, "input: expected rank 4, found shape 6x8x8"),
    ("sparse_shift", {}, [IMAGE], {"offset": (5, 2)}, "offset: expected shape 6x2, found 5x2"),
    ("deform_conv2d", {}, [IMAGE, (1, 9, 6, 6)], {"weight": (4, 6, 3, 3)}, "offset: expected shape 1x18x6x6, found"),
    ("deform_conv2d", {"offset_groups": 4}, [IMAGE, IMAGE], {"weight": (4, 6, 3, 3)}, "offset_groups 4 do not divide"),
    ("deform_conv2d", {}, [IMAGE], {"weight": (4, 6, 3, 3)}, "expected 2 to 3 inputs, found 1"),
    ("irregular_conv2d", {}, [IMAGE], {"weight": (4, 6, 3, 3), "offset": (3, 2, 2)}, "offset: expected shape 3x3x2"),
    ("encoding", {}, [IMAGE], {"codewords": (4, 5), "scale": (4,)}, "codewords 4x5 take 5 channels, found 6"),
    ("sub", {}, [(2, 3), (2, 4)], {}, "shapes 2x3 and 2x4 do not broadcast"),
    ("where", {}, [(2, 3), (2, 3)], {}, "expected 3 inputs, found 2"),
    ("clamp", {}, [(3,)], {}, "expected min, max or both, found neither"),
    ("clamp", {"min": 0}, [(3,), (), ()], {}, "expected bounds as attributes or as inputs, found both"),
    ("clamp", {}, [(3,), ()], {}, "expected two bounds as inputs or none, found one"),
    ("mean", {"dim": (1, -1)}, [(3, 4)], {}, r"dim: expected each dimension once, found \(1, -1\) for rank 2"),
    ("amin", {"dim": 2}, [(3, 4)], {}, "dim: expected -2 to 1 for rank 2, found 2"),
    ("sum", {"dim": 0}, [()], {}, "dim: expected a tensor of rank 1 or more, found dim 0 of a scalar"),
    ("argmin", {"dim": -3}, [(3, 4)], {}, "dim: expected -2 to 1 for rank 2, found -3"),
    ("topk", {"k": 5}, [(3, 4)], {}, "k: expected at most 4, the size of dim 1, found 5"),
    ("squeeze", {"dim": 1}, [(3, 4)], {}, "dim 1: expected size 1, found 4 in 3x4"),
    ("unsqueeze", {"dim": (0, 3)}, [(3,)], {}, "dim: expected -3 to 2 for rank 3, found 3"),
    ("unsqueeze", {"dim": (0, -3)}, [(3,)], {}, "dim: expected each dimension once"),
    ("expand", {"size": (2, 5)}, [(3, 1)], {}, r"size: 3x1 does not expand to \(2, 5\)"),
    ("expand", {"size": (2, 0)}, [(3, 1)], {}, "size: expected a second input to take a size from, found none"),
    ("expand", {"size": (0, 0, 0)}, [(1,), (3, 4)], {}, "size: 3x4 has too few dimensions to take from"),
    ("reshape", {"shape": (0, -1), "kept": (4,)}, [IMAGE], {}, "keeps a dimension that 1x6x8x8 does not have"),
    ("expand", {"size": (5,)}, [(3, 1)], {}, "size: expected 2 dimensions or more for 3x1"),
    ("expand", {"size": (-1, 3, 5)}, [(3, 1)], {}, "size: expected sizes for the 1 new dimensions"),
    ("expand", {"size": (2**31 - 1, 4)}, [(1, 1)], {}, "output: expected at most 2147483648 elements, found"),
    ("tile", {"dims": (2**20, 2**20)}, [(3, 4)], {}, "output: expected at most 2147483648 elements, found"),
    ("slice", {"dim": (1, -2)}, [IMAGE[1:]], {}, "dim: expected each dimension once"),
    ("slice", {"dim": 0, "start": 3, "end": 1}, [(5,)], {}, "the output would be empty: 0"),
    ("slice", {"dim": 0, "step": -1, "end": 0}, [(5,)], {}, "the output would be empty: 0"),
    ("matmul", {}, [(3, 4), (5, 4)], {}, "3x4 has rows of 4, 5x4 columns of 5"),
    ("matmul", {}, [(), (4,)], {}, "expected vectors, matrices or stacks of them"),
    ("matmul", {}, [(2, 3, 4), (3, 4, 5)], {}, "shapes 2 and 3 do not broadcast"),
    ("quantize_linear", {"scale": (1, 2), "axis": 1}, [(2, 3)], {}, "scale: expected 3 numbers for shape 2x3, found 2"),
    ("quantize_linear", {"scale": (1, 2), "axis": 2}, [(2, 3)], {}, "dim: expected -2 to 1 for rank 2, found 2"),
    ("softmax", {"dim": 2}, [(3, 4)], {}, "dim: expected -2 to 1 for rank 2, found 2"),
]


@pytest.mark.parametrize(("name", "attrs", "inputs", "params", "message"), BAD_SHAPES)
def test_bad_shapes(
    name: str, attrs: dict[str, Any], inputs: Shapes, params: dict[str, tuple[int, ...]], message: str
) -> None:
    op = ops.create(name, attrs)
    with pytest.raises(GraphError, match=message):
        op.infer([TensorType(s) for s in inputs], {role: TensorType(s) for role, s in params.items()})


BAD_DTYPES: list[tuple[str, dict[str, Any], tuple[str, ...], str]] = [
    ("relu", {}, ("int64",), "expected inputs of float32, found int64"),
    ("add", {}, ("float32", "int64"), "expected inputs of one dtype, found float32 and int64"),
    ("mul", {}, ("bool", "bool"), "expected inputs of float16, float32, uint8, int8, int32, int64, found bool"),
    ("div", {}, ("int32", "int32"), "rounding_mode: expected 'trunc' or 'floor' for integers"),
    ("sqrt", {}, ("int32",), "expected inputs of float16, float32, found int32"),
    ("neg", {}, ("uint8",), "expected inputs of float16, float32, int8, int32, int64, found uint8"),
    ("clamp", {"max": 0.5}, ("int32",), "max: expected a whole number for int32, found 0.5"),
    ("clamp", {}, ("int32", "float32", "float32"), "expected inputs of one dtype, found int32 and float32"),
    ("eq", {}, ("float32", "int64"), "expected inputs of one dtype"),
    ("lt", {}, ("bool", "bool"), "found bool"),
    ("logical_and", {}, ("bool", "float32"), "expected inputs of bool, found float32"),
    ("where", {}, ("float32", "float32", "float32"), "condition: expected bool, found float32"),
    ("where", {}, ("bool", "float32", "int64"), "expected inputs of one dtype, found float32 and int64"),
    ("mean", {}, ("int64",), "expected inputs of float16, float32, found int64"),
    ("sum", {}, ("uint8",), "expected inputs of float16, float32, int32, int64, found uint8"),
    ("concat", {}, ("int64", "float32"), "expected inputs of one dtype.*, found int64 and float32"),
    ("index", {}, ("float32", "float32"), "index: expected int32, int64, found float32"),
    ("gather", {"dim": 0}, ("float32", "uint8"), "index: expected int32, int64, found uint8"),
    ("matmul", {}, ("int8", "int8"), "expected inputs of float16, float32, int32, int64, found int8"),
    ("quantize_linear", {"scale": 1}, ("int32",), "expected inputs of float16, float32, found int32"),
    ("dequantize_linear", {"scale": 1}, ("int64",), "expected inputs of uint8, int8, int32, found int64"),
    ("dequantize_linear", {"scale": 1, "zero_point": -1}, ("uint8",), "zero_point: expected 0 to 255 for uint8"),
    ("dequantize_linear", {"scale": 1, "zero_point": 1}, ("int32",), "zero_point: expected 0 for int32, found"),
]


@pytest.mark.parametrize(("name", "attrs", "dtypes", "message"), BAD_DTYPES)
def test_bad_dtypes(name: str, attrs: dict[str, Any], dtypes: tuple[str, ...], message: str) -> None:
    op = ops.create(name, attrs)
    with pytest.raises(GraphError, match=message):
        op.infer([TensorType((2, 2), dtype) for dtype in dtypes], {})


def test_variance_that_has_no_root_is_refused() -> None:
    norm = ops.create("batch_norm", {"eps": 1e-3})
    norm.check_values({"running_var": np.array([0.0, 1.0])})
    for value in (-1e-3, -1.0, np.nan):
        with pytest.raises(WeightsError, match=r"running_var \+ eps: expected above 0, found"):
            norm.check_values({"running_var": np.array([1.0, value])})


def test_unknown_operator_names_near_ones() -> None:
    with pytest.raises(UnsupportedOpError, match="operator 'conv2' is not known; near: conv2d"):
        ops.get("conv2")


def test_reference_takes_parameters_in_torchs_order_or_by_name() -> None:
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((1, 3, 5, 5)), rng.standard_normal((4, 3, 3, 3)), rng.standard_normal(4)
    conv = ops.reference("conv2d")
    assert conv.__name__ == "conv2d"
    assert (conv(x, w, b, stride=2) == conv(x, bias=b, weight=w, stride=2)).all()
    assert (conv(x, w, None) == conv(x, w)).all()
    with pytest.raises(GraphError, match="conv2d: expected at most 3 arrays, found 4"):
        conv(x, w, b, b)
