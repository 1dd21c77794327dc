"""The operators, one file per family: attributes, shape rule, cost rule, NumPy reference, example cases.

``reference("conv2d")(x, w, b, stride=2)`` calls the textbook version as torch.nn.functional would be called.
"""

from __future__ import annotations

import difflib
import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinyinfer.errors import GraphError, UnsupportedOpError
from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Op

# files that define operators and the names of these, so that a network brings in no others; each lists its own in OPS
_MODULES: dict[str, tuple[str, ...]] = {
    "activation.activation": (
        *("relu", "relu6", "sigmoid", "hardsigmoid", "hardswish", "silu", "tanh", "mish", "selu", "softsign"),
        *("logsigmoid", "tanhshrink"),
    ),
    "activation.parametric_activation": (
        *("gelu", "leaky_relu", "elu", "celu", "softplus", "hardtanh", "hardshrink", "softshrink", "threshold"),
        *("prelu",),
    ),
    "activation.softmax": ("softmax", "log_softmax"),
    "arithmetic.bitwise": (
        *("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "bitwise_not"),
    ),
    "arithmetic.clamp": ("clamp",),
    "arithmetic.comparison": (
        *("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor", "logical_not", "isnan"),
        *("isinf", "where"),
    ),
    "arithmetic.cumulative": ("cumsum",),
    "arithmetic.elementwise": ("add", "sub", "mul", "div", "pow", "minimum", "maximum"),
    "arithmetic.quantization": ("cast", "quantize_linear", "dequantize_linear"),
    "arithmetic.ranking": ("argmax", "argmin", "topk"),
    "arithmetic.reduction": ("mean", "sum", "prod", "amax", "amin"),
    "arithmetic.remainders": ("remainder", "fmod"),
    "arithmetic.trigonometry": ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh"),
    "arithmetic.unary": ("neg", "abs", "sign", "sqrt", "exp", "log", "reciprocal", "erf", "floor", "ceil", "round"),
    "constant": ("constant",),
    "convolution.conv2d": ("conv2d",),
    "convolution.conv_transpose2d": ("conv_transpose2d",),
    "convolution.deform_conv2d": ("deform_conv2d",),
    "convolution.depthwise_chain": ("depthwise_chain",),
    "convolution.gated_conv2d": ("gated_conv2d",),
    "convolution.irregular_conv2d": ("irregular_conv2d",),
    "convolution.linear": ("linear",),
    "convolution.matmul": ("matmul",),
    "convolution.shift": ("shift", "sparse_shift"),
    "detection.non_max_suppression": ("non_max_suppression",),
    "movement.channel_shuffle": ("channel_shuffle",),
    "movement.indexing": ("index", "gather", "gather_nd"),
    "movement.interleave": ("interleave", "deinterleave"),
    "movement.join_pixels": ("join_pixels", "pixels_to_images"),
    "movement.joining": ("concat", "split", "index_select", "permute"),
    "movement.pad": ("pad",),
    "movement.pixel_shuffle": ("pixel_shuffle", "pixel_unshuffle"),
    "movement.relayout": ("relayout",),
    "movement.repeating": ("expand", "tile"),
    "movement.reversing": ("reverse_sequence",),
    "movement.scattering": ("scatter", "scatter_nd"),
    "movement.slicing": ("slice",),
    "movement.triangles": ("tril", "triu"),
    "movement.views": ("flatten", "reshape", "reshape_as", "squeeze", "unsqueeze", "dropout", "identity"),
    "normalization.batch_norm": ("batch_norm",),
    "normalization.encoding": ("encoding",),
    "normalization.layer_scale": ("layer_scale",),
    "normalization.local_response_norm": ("local_response_norm",),
    "normalization.norms": ("layer_norm", "group_norm", "instance_norm"),
    "normalization.scale_shift": ("scale_shift",),
    "pooling.adaptive_pooling": ("adaptive_avg_pool2d", "adaptive_max_pool2d"),
    "pooling.grid_sample": ("grid_sample",),
    "pooling.interpolate": ("interpolate",),
    "pooling.pooling": ("max_pool2d", "avg_pool2d"),
    "pooling.resize": ("resize",),
    "pooling.roi_align": ("roi_align",),
    "pooling.unpooling": ("max_pool2d_with_indices", "max_unpool2d"),
    "quantized.arithmetic": ("quantized_add", "quantized_sub", "quantized_mul"),
    "quantized.conv_transpose": ("quantized_conv_transpose2d",),
    "quantized.convolution": ("quantized_conv2d",),
    "quantized.linear": ("quantized_linear",),
    "quantized.lookup": ("lookup",),
    "quantized.pooling": ("quantized_avg_pool2d", "quantized_adaptive_avg_pool2d"),
    "quantized.prelu": ("quantized_prelu",),
    "shape": ("shape",),
}

_FILES = {name: module for module, names in _MODULES.items() for name in names}


def names() -> list[str]:
    """Names of all operators."""
    return sorted(_FILES)


def get(name: str) -> type[Op]:
    """The operator's class; raises UnsupportedOpError with near names."""
    if name not in _FILES:
        near = difflib.get_close_matches(name, _FILES, n=3)
        raise UnsupportedOpError(f"operator {name!r} is not known" + (f"; near: {', '.join(near)}" if near else ""))
    return _class_of(name)


@functools.cache
def _class_of(name: str) -> type[Op]:
    module = importlib.import_module(f"tinyinfer.ops.{_FILES[name]}")
    op: type[Op] = next(op for op in module.OPS if op.name == name)
    return op


def create(name: str, attrs: Mapping[str, Any]) -> Op:
    """An operator from its name and the attributes a file holds.

    Raises UnsupportedOpError for an unknown name, GraphError for attributes it does not have, lacks or can't use.
    """
    cls = get(name)
    try:
        return cls(**attrs)
    except TypeError as error:  # dataclasses name the attribute that is missing or unexpected
        raise GraphError(f"operator {name!r}: {str(error).split('__init__() ')[-1]}") from None
    except GraphError as error:
        raise GraphError(f"operator {name!r}: {error}") from None


def reference(name: str) -> Callable[..., Any]:
    """The textbook version of an operator as a function: inputs, then parameters, then attributes by keyword.

    ``reference("batch_norm")(x, running_mean, running_var, weight, bias, eps=1e-3)``: parameters come in
    `Op.param_names` order or by keyword, and None leaves one out; inputs that not every call has, such as
    conv2d's ``residual``, come by keyword.  Several outputs come as a list.
    """

    def call(*arrays: Any, **attrs: Any) -> Any:
        op, inputs, params, _ = read_call(name, arrays, attrs)
        outputs = op.reference(inputs, params)
        return outputs[0] if len(outputs) == 1 else outputs

    call.__name__ = name
    call.__doc__ = get(name).__doc__
    return call


def read_call(
    name: str, arrays: Sequence[Any], attrs: Mapping[str, Any]
) -> tuple[Op, list[np.ndarray], dict[str, np.ndarray], list[TensorType]]:
    """Operator, inputs, parameters and types of the outputs of a call written as `reference` takes it.

    Raises GraphError when they do not fit, WeightsError for parameter values that the operator can't work with.
    """
    cls = get(name)
    count = len(arrays) if cls.arity is None else cls.arity
    if len(arrays) > count + len(cls.param_names):
        raise GraphError(f"{name}: expected at most {count + len(cls.param_names)} arrays, found {len(arrays)}")
    named = {role: attrs[role] for role in (*cls.optional_inputs, *cls.param_names) if role in attrs}
    op = create(name, {key: value for key, value in attrs.items() if key not in named})
    given = dict(zip(cls.param_names, arrays[count:], strict=False)) | named
    inputs = [np.asarray(array) for array in arrays[:count]]
    inputs += [np.asarray(given[role]) for role in cls.optional_inputs if given.get(role) is not None]
    params = {role: np.asarray(given[role]) for role in cls.param_names if given.get(role) is not None}
    outputs = op.infer([_type_of(x) for x in inputs], {role: _type_of(array) for role, array in params.items()})
    op.check_values(params)
    return op, inputs, params, outputs


def _type_of(array: np.ndarray) -> TensorType:
    return TensorType(array.shape, str(array.dtype))
