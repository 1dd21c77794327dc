"""Any function of single codes, as a table of its values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import Quant, TensorType
from tinyinfer.ops.arithmetic.quantization import DequantizeLinear, QuantizeLinear
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    operator,
    require,
    require_dtype,
    require_shape,
)
from tinyinfer.ops.quantized.requantization import CODES, all_codes, code, positive


@operator(kw_only=True)
class Lookup(Op):
    """y = table[x]: an activation, other scales, or both; the table's first entry is for the smallest code.

    x uint8 or int8 of any shape; table (256,) uint8 or int8, which is the output's dtype; ``scale`` and ``zero_point``
    are the output's, whose bytes stand for nothing but themselves without a scale.
    """

    name: ClassVar[str] = "lookup"
    dtypes: ClassVar[Sequence[str]] = CODES
    param_names: ClassVar[tuple[str, ...]] = ("table",)
    required_params: ClassVar[tuple[str, ...]] = ("table",)

    scale: float | None = None
    zero_point: int = 0

    def __post_init__(self) -> None:
        if self.scale is not None:
            self.normalize(scale=positive(self.scale, "scale"))
        else:
            require(self.zero_point == 0, "zero_point has no meaning without scale")

    def param_dtypes(self, role: str) -> Sequence[str]:
        """Codes."""
        return CODES

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        table = params["table"]
        require_dtype(table, CODES, "table")
        require_shape(table, (256,), "table")
        code(self.zero_point, "zero_point", table.dtype)
        quant = None if self.scale is None else Quant((self.scale,), (self.zero_point,))
        return [TensorType(inputs[0].shape, table.dtype, quant)]

    def learnable(self, params: ParamTypes) -> int:
        """None: the table says how to compute, not what was learned."""
        return 0

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        return [params["table"][x.astype(np.int32) - np.iinfo(x.dtype).min]]

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Codes from all of the range."""
        return [all_codes(t, rng) for t in inputs]

    @classmethod
    def cases(cls) -> list[Case]:
        shapes = ((2, 5, 7, 3), (3, 11), (1, 70, 4, 5))
        return [Case({"scale": 0.03}, (x,), {"table": (256,)}, (dtype,)) for x in shapes for dtype in CODES]


def table_of(
    function: Callable[[np.ndarray], np.ndarray], codes: Quant, dtype: str, out: Quant, out_dtype: str
) -> np.ndarray:
    """The table (256,) of a function of real numbers: from codes of one dtype and scale to those of another.

    Computed in float32, as it is between dequantize_linear and quantize_linear.
    """
    limits = np.iinfo(dtype)
    every = np.arange(limits.min, limits.max + 1).astype(dtype)
    (real,) = DequantizeLinear(codes.scale, codes.zero_point).reference([every], {})
    (table,) = QuantizeLinear(out.scale, out.zero_point, dtype=out_dtype).reference([function(real)], {})
    return table


OPS = (Lookup,)
