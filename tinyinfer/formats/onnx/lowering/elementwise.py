"""Operators that are ours element by element, without attributes."""

from __future__ import annotations

from collections.abc import Callable

from tinyinfer.formats.importing.call import Call, Lowering


def unary(name: str) -> Lowering:
    """An operator with one input and no attributes."""

    def lower(call: Call) -> str:
        return call.apply(name, call.x)

    return lower


def binary(name: str) -> Callable[[Call], str]:
    """An operator with two inputs that broadcast."""

    def lower(call: Call) -> str:
        return call.apply(name, call.x, call.value(1))

    return lower


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("Add", 7): binary("add"),
    ("Sub", 7): binary("sub"),
    ("Mul", 7): binary("mul"),
    ("Neg", 6): unary("neg"),
    ("Abs", 6): unary("abs"),
    ("Sign", 9): unary("sign"),
    ("Reciprocal", 6): unary("reciprocal"),
    ("Sqrt", 6): unary("sqrt"),
    ("Exp", 6): unary("exp"),
    ("Log", 6): unary("log"),
    ("Erf", 9): unary("erf"),
    ("Floor", 6): unary("floor"),
    ("Ceil", 6): unary("ceil"),
    ("Round", 11): unary("round"),
    ("Sin", 7): unary("sin"),
    ("Cos", 7): unary("cos"),
    ("Tan", 7): unary("tan"),
    ("Asin", 7): unary("asin"),
    ("Acos", 7): unary("acos"),
    ("Atan", 7): unary("atan"),
    ("Sinh", 9): unary("sinh"),
    ("Cosh", 9): unary("cosh"),
    ("Asinh", 9): unary("asinh"),
    ("Acosh", 9): unary("acosh"),
    ("Atanh", 9): unary("atanh"),
    ("BitwiseAnd", 18): binary("bitwise_and"),
    ("BitwiseOr", 18): binary("bitwise_or"),
    ("BitwiseXor", 18): binary("bitwise_xor"),
    ("BitwiseNot", 18): unary("bitwise_not"),
    ("Equal", 7): binary("eq"),
    ("Less", 7): binary("lt"),
    ("LessOrEqual", 12): binary("le"),
    ("Greater", 7): binary("gt"),
    ("GreaterOrEqual", 12): binary("ge"),
    ("And", 7): binary("logical_and"),
    ("Or", 7): binary("logical_or"),
    ("Xor", 7): binary("logical_xor"),
    ("Not", 1): unary("logical_not"),
    ("IsNaN", 9): unary("isnan"),
}
