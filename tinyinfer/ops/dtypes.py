"""The element types that values can have, in the groups that operators take; float64 is for references alone."""

from __future__ import annotations

from tinyinfer.tensor_type import INTEGERS as INTEGERS

FLOAT32 = ("float32", "float64")
FLOATS = ("float16", *FLOAT32)
SIGNED_INTEGERS = ("int8", "int32", "int64")
INDICES = ("int32", "int64")
NUMBERS = (*FLOATS, *INTEGERS)
BOOL = ("bool",)
ANY_DTYPE = (*NUMBERS, *BOOL)
BYTES = ("uint8", "int8", "bool")
CODES = ("uint8", "int8")  # that stand for real numbers, or are bytes of a picture
