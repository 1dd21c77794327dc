"""The operators, one file per family: attributes, shape rule, cost rule, NumPy reference, example cases.

``reference("conv2d")(x, w, b, stride=2)`` calls the textbook version as torch.nn.functional would be called.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import numpy as np

from tinyinfer.errors import UnsupportedOpError
from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Op
from tinyinfer.ops.conv2d import Conv2d

_OPS: dict[str, type[Op]] = {op.name: op for op in (Conv2d,)}


def names() -> list[str]:
    """Names of all operators."""
    return sorted(_OPS)


def get(name: str) -> type[Op]:
    """The operator's class; raises UnsupportedOpError with near names."""
    if name not in _OPS:
        near = difflib.get_close_matches(name, _OPS, n=3)
        raise UnsupportedOpError(f"operator {name!r} is not known" + (f"; near: {', '.join(near)}" if near else ""))
    return _OPS[name]


def reference(name: str) -> Callable[..., Any]:
    """The textbook version of an operator as a function: input arrays, then parameters, then attributes by keyword.

    Parameters follow in `Op.param_names` order, or by keyword; None leaves one out.
    """
    cls = get(name)

    def call(*arrays: Any, **attrs: Any) -> Any:
        params = {role: attrs.pop(role) for role in cls.param_names if role in attrs}
        op = cls(**attrs)
        count = len(arrays) if cls.arity is None else cls.arity
        inputs = list(arrays[:count])
        params |= dict(zip(cls.param_names, arrays[count:], strict=False))
        params = {role: array for role, array in params.items() if array is not None}
        types = [TensorType(np.shape(x)) for x in inputs]
        op.infer(types, {role: TensorType(np.shape(array)) for role, array in params.items()})
        outputs = op.reference(inputs, params)
        return outputs[0] if len(outputs) == 1 else outputs

    call.__name__ = name
    call.__doc__ = cls.__doc__
    return call
