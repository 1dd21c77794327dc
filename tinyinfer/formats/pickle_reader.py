"""An interpreter of the few pickle opcodes that checkpoints are written with.

It builds dicts, lists, tuples, strings and numbers.  A global is whatever `Globals` gives for its name, usually an
error; REDUCE applies such a stand-in, never a class or function of the file's choosing.  Nothing is imported,
looked up by attribute or called by name, so there is no code that a file could reach.
Opcodes: Python's pickletools, protocols 0 to 4 as far as torch's writers use them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.limits import DEFAULT, Limits

_KEYS = (str, int, float, bytes, type(None))  # a tuple could take exponential time to hash


@dataclass(frozen=True)
class StandIn:
    """What a global of a pickle becomes: its name, and what applying it to a tuple of arguments gives."""

    name: str
    apply: Callable[[tuple[Any, ...]], Any]


Globals = Callable[[str, str], StandIn]  # (module, name); raises for what is not allowed
Persistent = Callable[[Any], Any]  # what a persistent id stands for


def read_pickle(file: BinaryIO, where: str, limits: Limits, find_global: Globals, find_persistent: Persistent) -> Any:
    """The value of the pickle that starts at the file's position, which is left just behind it.

    Raises ModelFormatError for a damaged pickle, opcodes beyond the list below and anything over the limits.
    """
    return _Machine(file, where, limits, find_global, find_persistent).run()


def read_plain_pickle(file: BinaryIO, where: str, limits: Limits = DEFAULT) -> Any:
    """`read_pickle` of numbers, strings and containers only."""

    def refuse(*_: Any) -> NoReturn:
        raise ModelFormatError(f"{where}: expected plain values, found a global or persistent id")

    return read_pickle(file, where, limits, refuse, refuse)


class _Machine:
    """The pickle virtual machine: a stack, marks into it, and a memo."""

    def __init__(
        self, file: BinaryIO, where: str, limits: Limits, find_global: Globals, find_persistent: Persistent
    ) -> None:
        self._read = file.read
        self._where = where
        self._limits = limits
        self._bytes_left = limits.pickle_bytes
        self._find_global = find_global
        self._find_persistent = find_persistent
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(self._limits.opcodes):
            code = self.take(1)
            if code == b".":
                return self._finish()
            action = _ACTIONS.get(code)
            if action is None:
                self.fail(f"opcode {code!r} is not accepted")
            action(self)
        self.fail(f"expected at most {self._limits.opcodes} opcodes")

    def _finish(self) -> Any:
        if len(self._stack) != 1 or self._marks:
            self.fail(f"expected one value at the end, found {len(self._stack)}")
        return self._stack[0]

    def fail(self, message: str) -> NoReturn:
        raise ModelFormatError(f"{self._where}: damaged or hostile pickle: {message}")

    # -- operands --------------------------------------------------------------------------------

    def take(self, count: int) -> bytes:
        self._bytes_left -= count
        if self._bytes_left < 0:
            self.fail(f"expected at most {self._limits.pickle_bytes} bytes")
        data = self._read(count)
        if len(data) < count:
            self.fail("it ends early")
        return data

    def skip(self, count: int) -> None:
        self.take(count)

    def take_number(self, layout: struct.Struct) -> Any:
        return layout.unpack(self.take(layout.size))[0]

    def take_line(self) -> str:
        line = bytearray()
        while (byte := self.take(1)) != b"\n":
            line += byte
            if len(line) > self._limits.name_length:
                self.fail(f"expected names of at most {self._limits.name_length} bytes")
        return self.decode(bytes(line))

    def decode(self, data: bytes) -> str:
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            self.fail(f"text {data[:20]!r} is not UTF-8")

    # -- stack -----------------------------------------------------------------------------------

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def pop(self) -> Any:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            self.fail("a value is taken from an empty stack")
        return self._stack.pop()

    def drop(self) -> None:
        self.pop()

    def top(self, kind: type, what: str) -> Any:
        value = self.pop()
        if type(value) is not kind:
            self.fail(f"{what} of a {type(value).__name__}")
        self._stack.append(value)
        return value

    def mark(self) -> None:
        if len(self._marks) >= self._limits.marks:
            self.fail(f"expected at most {self._limits.marks} open containers")
        self._marks.append(len(self._stack))

    def pop_to_mark(self) -> list[Any]:
        if not self._marks:
            self.fail("a container ends that never began")
        at = self._marks.pop()
        items = self._stack[at:]
        del self._stack[at:]
        return items

    # -- memo ------------------------------------------------------------------------------------

    def remember(self, index: int) -> None:
        value = self.pop()
        self._stack.append(value)
        self._memo[index] = value

    def memoize(self) -> None:
        self.remember(len(self._memo))

    def recall(self, index: int) -> None:
        if index not in self._memo:
            self.fail(f"memo entry {index} is read before it is written")
        self.push(self._memo[index])

    # -- containers ------------------------------------------------------------------------------

    def push_tuple(self, count: int) -> None:
        items = [self.pop() for _ in range(count)]
        self.push(tuple(reversed(items)))

    def append(self, values: list[Any]) -> None:
        self.top(list, "APPEND").extend(values)

    def set_items(self, flat: list[Any]) -> None:
        if len(flat) % 2:
            self.fail("a key without a value")
        target = self.top(dict, "SETITEM")
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            if not isinstance(key, _KEYS):
                self.fail(f"a {type(key).__name__} as dictionary key")
            target[key] = value

    def set_item(self) -> None:
        value = self.pop()
        self.set_items([self.pop(), value])

    # -- globals ---------------------------------------------------------------------------------

    def push_global(self) -> None:
        module = self.take_line()
        self.push(self._find_global(module, self.take_line()))

    def push_stack_global(self) -> None:
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            self.fail("a global whose name is not text")
        self.push(self._find_global(module, name))

    def reduce(self) -> None:
        arguments, target = self.pop(), self.pop()
        if not isinstance(target, StandIn) or not isinstance(arguments, tuple):
            self.fail(f"a call of a {type(target).__name__}")
        self.push(target.apply(arguments))

    def build(self) -> None:
        """Attributes of an object: state dicts carry ``_metadata``, NumPy's dtypes their details; neither is needed."""
        self.pop()
        target = self.pop()
        if not isinstance(target, dict | Inert):
            self.fail(f"BUILD of a {type(target).__name__}")
        self.push(target)

    def push_persistent(self) -> None:
        self.push(self._find_persistent(self.pop()))


class Inert:
    """A value that checkpoints carry and inference has no use for, such as a NumPy scalar."""


_U1, _U2, _I4, _U4, _U8, _F8 = (struct.Struct(layout) for layout in ("<B", "<H", "<i", "<I", "<Q", ">d"))


def _long(machine: _Machine, size: struct.Struct) -> None:
    machine.push(int.from_bytes(machine.take(machine.take_number(size)), "little", signed=True))


def _text(machine: _Machine, size: struct.Struct) -> None:
    machine.push(machine.decode(machine.take(machine.take_number(size))))


def _bytes(machine: _Machine, size: struct.Struct) -> None:
    machine.push(machine.take(machine.take_number(size)))


def _old_text(machine: _Machine, size: struct.Struct) -> None:
    machine.push(machine.take(machine.take_number(size)).decode("latin-1"))  # Python 2's str


_ACTIONS: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": lambda m: m.skip(1),  # PROTO
    b"\x95": lambda m: m.skip(8),  # FRAME
    b"(": _Machine.mark,
    b"0": _Machine.drop,
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"J": lambda m: m.push(m.take_number(_I4)),
    b"K": lambda m: m.push(m.take_number(_U1)),
    b"M": lambda m: m.push(m.take_number(_U2)),
    b"\x8a": lambda m: _long(m, _U1),  # LONG1
    b"G": lambda m: m.push(m.take_number(_F8)),
    b"X": lambda m: _text(m, _U4),  # BINUNICODE
    b"\x8c": lambda m: _text(m, _U1),
    b"\x8d": lambda m: _text(m, _U8),
    b"T": lambda m: _old_text(m, _U4),  # BINSTRING
    b"U": lambda m: _old_text(m, _U1),
    b"B": lambda m: _bytes(m, _U4),  # BINBYTES
    b"C": lambda m: _bytes(m, _U1),
    b"]": lambda m: m.push([]),
    b"a": lambda m: m.append([m.pop()]),
    b"e": lambda m: m.append(m.pop_to_mark()),
    b")": lambda m: m.push(()),
    b"t": lambda m: m.push(tuple(m.pop_to_mark())),
    b"\x85": lambda m: m.push_tuple(1),
    b"\x86": lambda m: m.push_tuple(2),
    b"\x87": lambda m: m.push_tuple(3),
    b"}": lambda m: m.push({}),
    b"s": _Machine.set_item,
    b"u": lambda m: m.set_items(m.pop_to_mark()),
    b"q": lambda m: m.remember(m.take_number(_U1)),  # BINPUT
    b"r": lambda m: m.remember(m.take_number(_U4)),
    b"\x94": _Machine.memoize,
    b"h": lambda m: m.recall(m.take_number(_U1)),  # BINGET
    b"j": lambda m: m.recall(m.take_number(_U4)),
    b"c": _Machine.push_global,
    b"\x93": _Machine.push_stack_global,
    b"R": _Machine.reduce,
    b"b": _Machine.build,
    b"Q": _Machine.push_persistent,
}
