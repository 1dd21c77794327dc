"""The operators, one file per family: attributes, shape rule, cost rule, NumPy reference, example cases.

``reference("conv2d")(x, w, b, stride=2)`` calls the textbook version as torch.nn.functional would be called.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinyinfer.errors import GraphError, UnsupportedOpError
from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Op

# files that define operators; each lists its own in OPS
_MODULES = (
    "activation.activation",
    "activation.parametric_activation",
    "activation.softmax",
    "arithmetic.bitwise",
    "arithmetic.clamp",
    "arithmetic.comparison",
    "arithmetic.cumulative",
    "arithmetic.elementwise",
    "arithmetic.quantization",
    "arithmetic.ranking",
    "arithmetic.reduction",
    "arithmetic.remainders",
    "arithmetic.trigonometry",
    "arithmetic.unary",
    "constant",
    "convolution.conv2d",
    "convolution.conv_transpose2d",
    "convolution.deform_conv2d",
    "convolution.depthwise_chain",
    "convolution.gated_conv2d",
    "convolution.irregular_conv2d",
    "convolution.linear",
    "convolution.matmul",
    "convolution.shift",
    "detection.non_max_suppression",
    "movement.channel_shuffle",
    "movement.indexing",
    "movement.interleave",
    "movement.join_pixels",
    "movement.joining",
    "movement.pad",
    "movement.pixel_shuffle",
    "movement.relayout",
    "movement.repeating",
    "movement.reversing",
    "movement.scattering",
    "movement.slicing",
    "movement.triangles",
    "movement.views",
    "normalization.batch_norm",
    "normalization.encoding",
    "normalization.layer_scale",
    "normalization.local_response_norm",
    "normalization.norms",
    "normalization.scale_shift",
    "pooling.adaptive_pooling",
    "pooling.grid_sample",
    "pooling.interpolate",
    "pooling.pooling",
    "pooling.resize",
    "pooling.roi_align",
    "pooling.unpooling",
    "shape",
)

_OPS: dict[str, type[Op]] = {
    op.name: op for module in _MODULES for op in importlib.import_module(f"tinyinfer.ops.{module}").OPS
}


def names() -> list[str]:
    """Names of all operators."""
    return sorted(_OPS)


def get(name: str) -> type[Op]:
    """The operator's class; raises UnsupportedOpError with near names."""
    if name not in _OPS:
        near = difflib.get_close_matches(name, _OPS, n=3)
        raise UnsupportedOpError(f"operator {name!r} is not known" + (f"; near: {', '.join(near)}" if near else ""))
    return _OPS[name]


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
