"""Write a network down layer by layer: the builder follows the shapes and makes room for the weights.

    b = Builder()
    x = b.input(channels=3, size=224)
    x = b.conv2d(x, 64, 7, name="conv1", stride=2, padding=3, bias=False)
    graph = b.finish([b.linear(b.flatten(x, name="flatten"), 10, name="fc")])

Values are known by name, and a layer's value is called what the layer is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinyinfer import ops
from tinyinfer.errors import GraphError
from tinyinfer.graph import Graph, Input, Node, Shape, TensorType
from tinyinfer.ops.base import Op
from tinyinfer.tensor_type import dtype_name
from tinyinfer.weights import Weights, placeholder

Size = int | tuple[int, int]
Padding = int | tuple[int, ...] | str


class Builder:
    """Grows a `Graph`; every layer method takes value names and returns the name of what it computes.

    Layers without a method of their own go through `apply`.  What does not fit raises GraphError naming the layer.
    """

    def __init__(self) -> None:
        self._inputs: list[Input] = []
        self._nodes: list[Node] = []
        self._weights: dict[str, np.ndarray] = {}
        self._types: dict[str, TensorType] = {}

    def input(self, channels: int = 3, size: Size = 224, name: str = "input") -> str:
        """Images (N, channels, H, W) of any batch and size, designed for ``size``."""
        height, width = _pair(size)
        self._inputs.append(Input(name, (None, channels, None, None), (1, channels, height, width)))
        self._define(name, TensorType((1, channels, height, width)))
        return name

    def constant(self, value: Any, *, name: str, **quant: Any) -> str:
        """An array of any dtype and rank that comes with the network; ``quant``: scale, zero_point, axis."""
        self._weights[f"{name}.value"] = array = np.asarray(value)
        return self.apply("constant", name=name, params={"value": array.shape}, **quant)

    def finish(self, outputs: Sequence[str] | str) -> Graph:
        """The graph with these output values."""
        outputs = [outputs] if isinstance(outputs, str) else list(outputs)
        for value in outputs:
            self.shape(value)
        return Graph(list(self._inputs), list(self._nodes), outputs, Weights(self._weights))

    def shape(self, value: str) -> Shape:
        """Shape of a value at the nominal input size; raises GraphError for an unknown one."""
        if value not in self._types:
            raise GraphError(f"no value named {value!r}")
        return self._types[value].shape

    def channels(self, value: str) -> int:
        """Number of channels (axis 1) of a value."""
        return self.shape(value)[1]

    # -- any operator --------------------------------------------------------------------------

    def apply_all(
        self,
        op: str | Op,
        *inputs: str,
        name: str,
        params: Mapping[str, Shape] | None = None,
        key: str | None = None,
        **attrs: Any,
    ) -> list[str]:
        """Apply an operator, given by name and attributes or ready made; returns the names of all its values.

        ``params`` gives the shape of each parameter by role; they are kept as ``<key>.<role>``, the key being the
        layer's name unless said, so that layers of one key share their weights.
        """
        operator = ops.create(op, attrs) if isinstance(op, str) else op
        try:
            kinds = operator.param_types(params or {})
            keys = {role: self._weight(f"{key or name}.{role}", kind) for role, kind in kinds.items()}
            weights = {role: self._weights[k] for role, k in keys.items()}
            types = {role: TensorType(w.shape, dtype_name(w.dtype)) for role, w in weights.items()}
            for value in inputs:
                self.shape(value)
            results = operator.infer([self._types[value] for value in inputs], types)
        except GraphError as error:
            raise GraphError(f"layer {name!r} ({operator.name}): {error}") from None
        values = [name] if len(results) == 1 else [f"{name}:{i}" for i in range(len(results))]
        for value, result in zip(values, results, strict=True):
            self._define(value, result)
        self._nodes.append(Node(name, operator, inputs, tuple(values), keys))
        return values

    def apply(self, op: str | Op, *inputs: str, name: str, **options: Any) -> str:
        """`apply_all` for an operator with a single output; returns its name."""
        (value,) = self.apply_all(op, *inputs, name=name, **options)
        return value

    def _define(self, value: str, kind: TensorType) -> None:
        if value in self._types:
            raise GraphError(f"value {value!r} is defined twice")
        self._types[value] = kind

    def _weight(self, key: str, kind: TensorType) -> str:
        known = self._weights.setdefault(key, placeholder(kind.shape, kind.dtype))
        if known.shape != tuple(kind.shape):
            raise GraphError(f"weight {key!r}: shared with shape {known.shape}, found {tuple(kind.shape)}")
        return key

    # -- layers with weights -------------------------------------------------------------------

    def conv2d(
        self,
        x: str,
        out_channels: int,
        kernel_size: Size,
        *,
        name: str,
        stride: Size = 1,
        padding: Padding = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        key: str | None = None,
    ) -> str:
        """Convolution to ``out_channels``."""
        if groups < 1 or self.channels(x) % groups:
            raise GraphError(
                f"layer {name!r} (conv2d): groups {groups} do not divide {self.channels(x)} input channels"
            )
        params: dict[str, Shape] = {"weight": (out_channels, self.channels(x) // groups, *_pair(kernel_size))}
        if bias:
            params["bias"] = (out_channels,)
        attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        return self.apply("conv2d", x, name=name, params=params, key=key, **attrs)

    def linear(self, x: str, out_features: int, *, name: str, bias: bool = True, key: str | None = None) -> str:
        """Fully connected layer on the last axis."""
        params: dict[str, Shape] = {"weight": (out_features, self.shape(x)[-1])}
        if bias:
            params["bias"] = (out_features,)
        return self.apply("linear", x, name=name, params=params, key=key)

    def batch_norm(self, x: str, *, name: str, eps: float = 1e-5, affine: bool = True, key: str | None = None) -> str:
        """Normalisation of each channel by its running statistics."""
        roles = ("weight", "bias", "running_mean", "running_var") if affine else ("running_mean", "running_var")
        params = {role: (self.channels(x),) for role in roles}
        return self.apply("batch_norm", x, name=name, params=params, key=key, eps=eps)

    # -- layers without ------------------------------------------------------------------------

    def activation(self, x: str, kind: str, *, name: str, **attrs: Any) -> str:
        """Any activation by its operator's name: "relu", "hardswish", "leaky_relu" ..."""
        return self.apply(kind, x, name=name, **attrs)

    def relu(self, x: str, *, name: str) -> str:
        """max(0, x)."""
        return self.apply("relu", x, name=name)

    def max_pool2d(
        self, x: str, kernel_size: Size, *, name: str, stride: Size | None = None, padding: Padding = 0, **attrs: Any
    ) -> str:
        """Largest value of each window; ``attrs``: dilation, ceil_mode."""
        return self.apply("max_pool2d", x, name=name, kernel_size=kernel_size, stride=stride, padding=padding, **attrs)

    def avg_pool2d(
        self, x: str, kernel_size: Size, *, name: str, stride: Size | None = None, padding: Padding = 0, **attrs: Any
    ) -> str:
        """Mean of each window; ``attrs``: ceil_mode, count_include_pad, divisor_override."""
        return self.apply("avg_pool2d", x, name=name, kernel_size=kernel_size, stride=stride, padding=padding, **attrs)

    def adaptive_avg_pool2d(self, x: str, output_size: Size = 1, *, name: str) -> str:
        """Means of ``output_size`` bins; size 1 is global average pooling."""
        return self.apply("adaptive_avg_pool2d", x, name=name, output_size=output_size)

    def add(self, x: str, y: str, *, name: str) -> str:
        """x + y."""
        return self.apply("add", x, y, name=name)

    def mul(self, x: str, y: str, *, name: str) -> str:
        """x * y, broadcast."""
        return self.apply("mul", x, y, name=name)

    def sub(self, x: str, y: str, *, name: str) -> str:
        """x - y, broadcast."""
        return self.apply("sub", x, y, name=name)

    def div(self, x: str, y: str, *, name: str) -> str:
        """x / y, broadcast."""
        return self.apply("div", x, y, name=name)

    def matmul(self, x: str, y: str, *, name: str) -> str:
        """Matrix product of the last two axes, those before broadcast."""
        return self.apply("matmul", x, y, name=name)

    def mean(self, x: str, dim: int | tuple[int, ...] | None = None, *, name: str, keepdim: bool = False) -> str:
        """Mean over some axes, or over all."""
        return self.apply("mean", x, name=name, dim=dim, keepdim=keepdim)

    def concat(self, *values: str, name: str, dim: int = 1) -> str:
        """Values side by side, along the channels unless said."""
        return self.apply("concat", *values, name=name, dim=dim)

    def split(self, x: str, sizes: int | Sequence[int], *, name: str, dim: int = 1) -> list[str]:
        """Pieces of one size or of these sizes, along the channels unless said."""
        return self.apply_all("split", x, name=name, split_size_or_sections=sizes, dim=dim)

    def pad(self, x: str, pad: tuple[int, ...], *, name: str, mode: str = "constant", value: float = 0.0) -> str:
        """Borders: ``pad`` is (top, bottom, left, right), or with (front, back) channels first."""
        return self.apply("pad", x, name=name, pad=pad, mode=mode, value=value)

    def channel_shuffle(self, x: str, groups: int, *, name: str) -> str:
        """Channels (groups, C / groups) transposed."""
        return self.apply("channel_shuffle", x, name=name, groups=groups)

    def flatten(self, x: str, *, name: str = "flatten") -> str:
        """All but the batch as one axis."""
        return self.apply("flatten", x, name=name, start_dim=1)

    def reshape(self, x: str, shape: tuple[int, ...], *, name: str) -> str:
        """Another shape: 0 keeps an axis, one -1 takes what is left."""
        return self.apply("reshape", x, name=name, shape=shape)

    def permute(self, x: str, dims: tuple[int, ...], *, name: str) -> str:
        """Axes in another order."""
        return self.apply("permute", x, name=name, dims=dims)

    def slice(self, x: str, dim: int, *, name: str, start: int = 0, end: int | None = None, step: int = 1) -> str:
        """x[start:end:step] along an axis, backwards for a negative step."""
        return self.apply("slice", x, name=name, dim=dim, start=start, end=end, step=step)

    def softmax(self, x: str, dim: int = -1, *, name: str) -> str:
        """Scores to probabilities along an axis."""
        return self.apply("softmax", x, name=name, dim=dim)

    def dropout(self, x: str, p: float = 0.5, *, name: str) -> str:
        """Nothing at inference; training drops with probability ``p``."""
        return self.apply("dropout", x, name=name, p=p)


def _pair(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size
