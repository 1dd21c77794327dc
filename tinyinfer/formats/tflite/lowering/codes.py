"""Values that the file has as 8-bit codes, rounded to the real numbers that these stand for.

Operators are lowered over real numbers all the same; what of it is computed with integers is `in_integers`' to see.
"""

from __future__ import annotations

from dataclasses import replace

from tinyinfer.formats.tflite.lowering.values import Values
from tinyinfer.formats.tflite.reading.messages import TfliteTensor
from tinyinfer.graph import Quant
from tinyinfer.ops.quantized.requantization import CODES


def rounded(values: Values, handle: str, tensor: TfliteTensor) -> str:
    """The handle of a value after its codes: itself where the file does not have it as codes of one scale."""
    quant = quant_of(tensor)
    if values.importer.dequantize or quant is None or tensor.dtype not in CODES or quant.axis is not None:
        return handle
    batched = values.batched.get(handle)
    if batched is not None:
        values.batched[handle] = replace(batched, source=_rounded(values, batched.source, tensor, quant))
        return handle
    value, order = values.placed(handle)
    found = _rounded(values, value, tensor, quant)
    if found == value:
        return handle
    padding = values.padded.get(value)
    if padding is not None and values.rounded.get(padding.source) == (quant, tensor.dtype):
        values.padded[found] = padding
    if value in values.flattened:
        values.flattened[found] = values.flattened[value]
    return values.add(found, order)


def quant_of(tensor: TfliteTensor) -> Quant | None:
    """What the integers of a tensor stand for, None where they are numbers themselves."""
    found = tensor.quantization
    if found is None:
        return None
    axis = found.axis if found.scale.size > 1 else None
    return Quant(tuple(found.scale.tolist()), tuple(found.zero_point.tolist()), axis)


def _rounded(values: Values, value: str, tensor: TfliteTensor, quant: Quant) -> str:
    importer, kind = values.importer, (quant, tensor.dtype)
    computed = importer.known(value) is None and importer.type(value).dtype == "float32"
    if not computed or values.rounded.get(value) == kind:
        return value
    scales = {"scale": quant.scale, "zero_point": quant.zero_point}
    codes = importer.apply("quantize_linear", value, name=f"{tensor.name}/codes", dtype=tensor.dtype, **scales)
    found = importer.apply("dequantize_linear", codes, name=f"{tensor.name}/real", **scales)
    values.rounded[found] = kind
    return found
