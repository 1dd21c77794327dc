"""Layers with 8-bit weights: what convolutions, transposed ones and fully connected layers of codes share."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.errors import WeightsError
from tinyinfer.graph import Shape, TensorType
from tinyinfer.ops.base import Arrays, Op, Params, ParamTypes, Types, operator, require, require_dtype, require_shape
from tinyinfer.ops.quantized.arithmetic import QuantizedAdd
from tinyinfer.ops.quantized.requantization import CODES, Requantization, Term, check_scale, code, positive

LARGEST_SUM = 2**31 - 1
LARGEST_CODE = 255  # of inputs, less their zero point


@operator(kw_only=True)
class QuantizedLayer(Requantization):
    """Base: a layer's exact sums of integer products, of which a unit is worth input_scale * weight_scale.

    ``weight`` (M, ...) int8 within +-127 or uint8, both less ``weight_zero_point``; ``weight_scale`` (M,), one for each
    output channel; ``bias`` (M,) int32, in units of the sums.  A residual is read with ``residual_scale`` and
    ``residual_zero_point``; with ``inner_scale`` it is added to codes of that scale and ``inner_zero_point``, as by a
    quantized_add behind the layer.
    """

    param_names: ClassVar[tuple[str, ...]] = ("weight", "weight_scale", "bias")
    required_params: ClassVar[tuple[str, ...]] = ("weight", "weight_scale")
    optional_inputs: ClassVar[tuple[str, ...]] = ("residual",)
    channel_axis: ClassVar[int]  # of the output, counted from its end

    input_scale: float
    input_zero_point: int = 0
    weight_zero_point: int = 0
    residual_scale: float = 1.0
    residual_zero_point: int = 0
    inner_scale: float | None = None
    inner_zero_point: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.normalize(
            input_scale=positive(self.input_scale, "input_scale"),
            residual_scale=positive(self.residual_scale, "residual_scale"),
        )
        if self.inner_scale is not None:
            require(self.dtype in CODES, "inner_scale: expected codes as results")
            code(self.inner_zero_point, "inner_zero_point", self.dtype)
            self.normalize(inner_scale=positive(self.inner_scale, "inner_scale"))

    @property
    def inner(self) -> QuantizedLayer:
        """The layer that ends before the residual is added: itself without ``inner_scale``."""
        if self.inner_scale is None:
            return self
        ending = {"scale": self.inner_scale, "zero_point": self.inner_zero_point, "activation": None}
        return dataclasses.replace(self, **ending, inner_scale=None, inner_zero_point=0)  # type: ignore[arg-type]

    @property
    def addition(self) -> QuantizedAdd:
        """The sum of its codes and the residual."""
        return QuantizedAdd(
            a_scale=self.inner.scale, a_zero_point=self.inner.zero_point, b_scale=self.residual_scale,
            b_zero_point=self.residual_zero_point, scale=self.scale, zero_point=self.zero_point, dtype=self.dtype,
            activation=self.activation,
        )  # fmt: skip

    @property
    def layer(self) -> Op:
        """The layer of real numbers whose sums these are, without activation."""
        raise NotImplementedError

    def param_dtypes(self, role: str) -> Sequence[str]:
        """Integers but for the scales."""
        return {"weight": ("int8", "uint8"), "bias": ("int32",)}.get(role, ("float32",))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        weight, m = params["weight"], (self.output_channels(params["weight"].shape),)
        for role in self.param_names:
            if role in params:
                require_dtype(params[role], self.param_dtypes(role), role)
        code(self.weight_zero_point, "weight_zero_point", weight.dtype)
        require_shape(params["weight_scale"], m, "weight_scale")
        check_scale(inputs[0], self.input_scale, self.input_zero_point, "input")
        require(self.inner_scale is None or len(inputs) > 1, "inner_scale: expected a residual, found none")
        if len(inputs) > 1:
            check_scale(inputs[1], self.residual_scale, self.residual_zero_point, "residual")
        plain = {role: params[role] for role in ("weight", "bias") if role in params}
        (out,) = self.layer.output_types(inputs, plain)
        return [self.output(out.shape)]

    def macs(self, inputs: Types, params: ParamTypes, outputs: Types) -> int:
        """Those of the layer of real numbers."""
        return self.layer.macs(inputs, params, outputs)

    def learnable(self, params: ParamTypes) -> int:
        """Weights and bias: scales are what they are written with."""
        return sum(p.size for role, p in params.items() if role != "weight_scale")

    def check_values(self, params: Params) -> None:
        weight, scale, bias = params["weight"], params["weight_scale"], params.get("bias")
        if weight.dtype == np.int8 and weight.size and weight.min() < -127:
            raise WeightsError("weight: expected int8 within -127 to 127, found -128")
        if not np.all(np.isfinite(scale) & (scale > 0)):
            wrong = scale[~(np.isfinite(scale) & (scale > 0))][0]
            raise WeightsError(f"weight_scale: expected finite numbers above 0, found {wrong}")
        biases = np.zeros(1) if bias is None else np.abs(bias.astype(np.float64))
        terms = weight.size // max(1, len(scale))
        if LARGEST_CODE * LARGEST_CODE * terms + biases.max(initial=0) <= LARGEST_SUM:
            return  # whatever the weights are: without a look at each, which is much of what loading takes
        sums = LARGEST_CODE * np.abs(self.by_output(self._weights(weight))).sum(axis=1) + biases
        if sums.size and sums.max() > LARGEST_SUM:
            channel = int(sums.argmax())
            raise WeightsError(f"weight: sums of output channel {channel} can leave 32 bits ({sums[channel]:.0f})")

    def example_params(self, shapes: Mapping[str, Shape], rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Weights of all codes, and scales with which few results leave the output's codes."""
        weight = rng.integers(-127, 127, shapes["weight"], np.int8, endpoint=True)
        spread = (
            74 * 73 * np.sqrt(self.by_output(weight).shape[1])
        )  # deviation of a sum of products of such inputs and weights
        usual = 50 * self.scale / (self.input_scale * spread)
        scale = rng.uniform(usual / 2, usual, shapes["weight_scale"]).astype(np.float32)
        return {**super().example_params(shapes, rng), "weight": weight, "weight_scale": scale}

    def output_channels(self, weight: Shape) -> int:
        """M, of the shape of the weight."""
        return weight[0]

    def by_output(self, weight: np.ndarray) -> np.ndarray:
        """The weight as (M, weights of an output channel)."""
        return weight.reshape(len(weight), -1)

    def _weights(self, weight: np.ndarray) -> np.ndarray:
        return weight.astype(np.float64) - self.weight_zero_point

    def worths(self, weight_scale: np.ndarray) -> np.ndarray:
        """What a unit of each channel's sums is worth: a float32 product, as in XNNPACK, which runs TFLite files."""
        return np.asarray((np.float32(self.input_scale) * weight_scale).astype(np.float64))

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        """Sums in float64, where they are exact."""
        plain = {"weight": self._weights(params["weight"])}
        if "bias" in params:
            plain["bias"] = params["bias"].astype(np.float64)
        (sums,) = self.layer.reference([inputs[0].astype(np.float64) - self.input_zero_point], plain)
        across = (-1, *[1] * (-1 - self.channel_axis))
        terms: list[Term] = [(sums, self.worths(params["weight_scale"]).reshape(across))]
        if self.inner_scale is not None:
            return self.addition.reference([self.inner.finish(terms), inputs[1]], {})
        if len(inputs) > 1:
            terms.append((inputs[1].astype(np.int32) - self.residual_zero_point, self.residual_scale))
        return [self.finish(terms)]


def fields_of(op: Op, layer: type[Op]) -> dict[str, object]:
    """The attributes that an operator on real numbers shares with its quantised form, the activation apart."""
    names = {field.name for field in dataclasses.fields(layer)} - {"activation"}
    return {name: value for name, value in op.attrs.items() if name in names}


def example_scales(dtype: str) -> dict[str, object]:
    """Attributes of an example whose output has this dtype; its input is int8 if that is."""
    zero_point = {"uint8": 110, "int8": -5}.get(dtype, 0)
    input_zero_point = -7 if dtype == "int8" else 121
    return {
        "input_scale": 0.02, "input_zero_point": input_zero_point, "scale": 0.11, "zero_point": zero_point,
        "dtype": dtype,
    }  # fmt: skip
