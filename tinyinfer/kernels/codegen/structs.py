"""Arguments with names: NamedTuples of numbers that compiled code keeps in registers, as if each came by itself.

    @struct
    class Rows(NamedTuple):
        address: Address
        stride: int

        def at(self, row: int, column: int = 0) -> Rows:
            return Rows(self.address + (row * self.stride + column) * 4, self.stride)

A struct is the same in a plan, where its fields are Python's numbers, in what Numba compiles, and in the body of a
vector function.  Its methods are too: where Numba compiles a call, the method runs once, on integers of the machine
code, and emits its few instructions there.  They take positional arguments, and their annotations are needed.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from llvmlite import ir

from tinyinfer.kernels.codegen.integers import Int, raw
from tinyinfer.kernels.codegen.numba_internals import errors, lower_builtin, templates, types, typing_of


class Address(int):
    """Where an array begins, in bytes; the array lives as long as its address does."""

    array: np.ndarray

    @classmethod
    def of(cls, array: np.ndarray) -> Address:
        """The address of an array's first element."""
        address = cls(array.ctypes.data)
        address.array = array
        return address


Kind = Any  # of an argument: "address", "int" or "float", those types themselves, a struct, or a tuple of kinds
ADDRESS, INT, FLOAT = types.intp, types.intp, types.float32
_SCALARS: dict[Kind, types.Type] = {
    "address": ADDRESS, Address: ADDRESS, "int": INT, int: INT, "float": FLOAT, float: FLOAT,
}  # fmt: skip

Struct = TypeVar("Struct", bound=type)


def is_struct(kind: Kind) -> bool:
    """Whether this is a class of NamedTuples, not a kind of number."""
    return isinstance(kind, type) and issubclass(kind, tuple)


@functools.cache
def field_kinds(kind: Any) -> tuple[Kind, ...]:
    """The kinds of a struct's fields, from their annotations."""
    if isinstance(kind, tuple):
        return kind
    hints = typing.get_type_hints(kind)
    return tuple(hints[name] for name in kind._fields)


@functools.cache
def numba_type(kind: Kind) -> types.Type:
    """What Numba calls an argument of a kind."""
    if kind in _SCALARS:
        return _SCALARS[kind]
    fields = [numba_type(field) for field in field_kinds(kind)]
    return types.BaseTuple.from_types(fields, kind if is_struct(kind) else None)


def accepted_type(given: types.Type, kind: Kind) -> types.Type:
    """The type as which an argument is taken: numbers are cast, structs are taken as they are.

    Raises Numba's TypingError for any other struct, or none.
    """
    if not is_struct(kind):
        return numba_type(kind)
    if not isinstance(given, types.BaseNamedTuple) or given.instance_class is not kind:
        raise errors.TypingError(f"expected {kind.__name__}, found {given}")
    return given


def wrap(context: Any, builder: ir.IRBuilder, given: types.Type, value: ir.Value, kind: Kind) -> Any:
    """A value of Numba's as the vector language has it: `Int`, a float of LLVM, or a struct of such."""
    if is_struct(kind):
        fields = [builder.extract_value(value, i) for i in range(len(given))]
        return kind(*map(functools.partial(wrap, context, builder), given, fields, field_kinds(kind)))
    number = context.cast(builder, value, given, numba_type(kind))
    return number if numba_type(kind) is FLOAT else Int(builder, number)


def unwrap(builder: ir.IRBuilder, value: Any, kind: Kind) -> ir.Value:
    """What `wrap` was given, with every field in the type that its kind has."""
    if kind in _SCALARS:
        return value if isinstance(value, ir.Value) else raw(value)
    result = ir.Constant(_llvm_type(numba_type(kind)), ir.Undefined)
    for i, (field, own) in enumerate(zip(value, field_kinds(kind), strict=True)):
        result = builder.insert_value(result, unwrap(builder, field, own), i)
    return result


def argument_kinds(function: Any, kinds: Mapping[str, Kind]) -> list[Kind]:
    """The structs and addresses among a function's arguments, by ``kinds`` or annotations, and None for all others."""
    hints = {**typing.get_type_hints(function), **kinds}
    found = [hints.get(name) for name in inspect.signature(function).parameters]
    return [kind if (is_struct(kind) and kind is not tuple) or kind is Address else None for kind in found]


@functools.cache
def flattener(kind: Kind) -> Callable[[Any], Any] | None:
    """What makes a struct a tuple, with integers for addresses; None for what stays as it is."""
    if not is_struct(kind):
        return int if kind is Address else None
    parts = tuple(map(flattener, field_kinds(kind)))

    def flatten(value: Any) -> tuple[Any, ...]:
        if type(value) is not kind:
            raise TypeError(f"expected {kind.__name__}, found {value!r}")
        return tuple([part(field) if part else field for part, field in zip(parts, value, strict=True)])

    return flatten


def named_type(plain: types.Type, kind: Kind) -> types.Type:
    """The type of a struct that came as a tuple."""
    if not is_struct(kind):
        return plain
    return types.BaseTuple.from_types([named_type(*pair) for pair in zip(plain, field_kinds(kind), strict=True)], kind)


def with_names(context: Any, builder: ir.IRBuilder, value: ir.Value, named: types.Type) -> ir.Value:
    """The value of a tuple as that of a struct: LLVM may have an array for one and a structure for the other."""
    if not isinstance(named, types.BaseNamedTuple):
        return value
    fields = [with_names(context, builder, builder.extract_value(value, i), field) for i, field in enumerate(named)]
    return context.make_tuple(builder, named, fields)


def _llvm_type(kind: types.Type) -> ir.Type:
    """As Numba lays tuples out."""
    if isinstance(kind, types.UniTuple | types.NamedUniTuple):
        return ir.ArrayType(_llvm_type(kind.dtype), len(kind))
    if isinstance(kind, types.BaseTuple):
        return ir.LiteralStructType([_llvm_type(field) for field in kind])
    return ir.FloatType() if kind is FLOAT else ir.IntType(64)


def struct(cls: Struct) -> Struct:
    """Let Numba's code call the methods of a class of NamedTuples."""
    for name, method in _methods(cls).items():
        lower_builtin((cls, name), types.VarArg(types.Any))(functools.partial(_emit_method, method))
    return cls


def _methods(cls: type) -> dict[str, Any]:
    public = {name: value for name, value in vars(cls).items() if not name.startswith("_")}
    return {name: value for name, value in public.items() if inspect.isfunction(value)}


@functools.cache
def _method_kinds(method: Any) -> tuple[Sequence[Kind], Kind]:
    """Kinds of a method's arguments, and of its result."""
    hints = typing.get_type_hints(method)
    *arguments, result = (hints[name] for name in [*list(inspect.signature(method).parameters)[1:], "return"])
    return arguments, result


def _emit_method(method: Any, context: Any, builder: Any, signature: Any, values: Any) -> Any:
    given, _ = _method_kinds(method)
    kinds = [signature.args[0].instance_class, *given]
    wrapped = [
        wrap(context, builder, own, value, kind)
        for own, value, kind in zip(signature.args, values, kinds, strict=False)  # the last may have defaults
    ]
    return unwrap(builder, method(*wrapped), _method_kinds(method)[1])


@templates.infer_getattr
class _Methods(templates.AttributeTemplate):  # type: ignore[misc]
    key = types.BaseNamedTuple

    def generic_resolve(self, value: Any, attr: str) -> Any:
        cls = value.instance_class
        method = _methods(cls).get(attr)
        if method is None:
            return None

        class Method(templates.AbstractTemplate):  # type: ignore[misc]
            key = (cls, attr)

            def generic(self, args: Any, kws: Any) -> Any:
                kinds, result = _method_kinds(method)
                accepted = [accepted_type(*pair) for pair in zip(args, kinds, strict=False)]
                return None if kws else typing_of.signature(numba_type(result), *accepted, recvr=value)

        return types.BoundFunction(Method, value)
