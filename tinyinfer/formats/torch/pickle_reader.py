"""An interpreter of the pickle opcodes, which builds plain and inert values only.

It builds dicts, lists, tuples, strings and numbers.  A global is whatever `Globals` gives for its name; applying it
(REDUCE, NEWOBJ) applies that stand-in, never a class or function of the file's choosing.  Nothing is imported,
looked up by attribute or called by name, so there is no code that a file could reach.
Opcodes: Python's pickletools, protocols 0 to 5.

A short pickle can describe a huge value: the memo hands out what was built before, and applying something to it
builds it again.  So what is built by application has a budget (`Machine.spend`): the pickle's own length.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NoReturn

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.limits import DEFAULT, Limits

# what may be a key as it is; a tuple could take exponential time to hash, other keys could be made to collide
_KEYS = (str, int, float, bytes, type(None))
_KEY_BITS = 63


@dataclass(eq=False, repr=False)  # what it holds may be endless: only its name is ever shown
class Inert:
    """A value of some class that is not known or of no use; it keeps what the pickle puts into it, and does nothing."""

    name: str
    arguments: tuple[Any, ...] = ()
    items: list[Any] = field(default_factory=list)
    entries: dict[Any, Any] = field(default_factory=dict)
    state: Any = None

    def build(self, state: Any, machine: Machine) -> None:
        """Take over what BUILD sets."""
        self.state = state


@dataclass(frozen=True)
class StandIn:
    """What a global of a pickle becomes: its name, and what applying it to a tuple of arguments gives."""

    name: str
    apply: Callable[[tuple[Any, ...], Machine], Any]


_WITHOUT_ATTRIBUTES = (str, int, float, bytes, list, tuple, type(None), StandIn)

Globals = Callable[[str, str], StandIn]  # (module, name); raises for what is refused
Persistent = Callable[[Any], Any]  # what a persistent id stands for


def read_pickle(file: BinaryIO, where: str, limits: Limits, find_global: Globals, find_persistent: Persistent) -> Any:
    """The value of the pickle that starts at the file's position, which is left just behind it.

    Raises ModelFormatError for a damaged pickle, opcodes beyond the list below and anything over the limits.
    """
    return Machine(file, where, limits, find_global, find_persistent).run()


def read_plain_pickle(file: BinaryIO, where: str, limits: Limits = DEFAULT) -> Any:
    """`read_pickle` of numbers, strings and containers only."""

    def refuse(*_: Any) -> NoReturn:
        raise ModelFormatError(f"{where}: expected plain values, found a global or persistent id")

    return read_pickle(file, where, limits, refuse, refuse)


class Machine:
    """The pickle virtual machine: a stack, marks into it, and a memo."""

    def __init__(
        self, file: BinaryIO, where: str, limits: Limits, find_global: Globals, find_persistent: Persistent
    ) -> None:
        at = file.tell()
        self._bytes = min(file.seek(0, 2) - at, limits.pickle_bytes)
        self._bytes_left = self._bytes
        file.seek(at)
        self._read = file.read
        self._where = where
        self._limits = limits
        self._find_global = find_global
        self._find_persistent = find_persistent
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._spent = 0

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
        """Raise ModelFormatError."""
        raise ModelFormatError(f"{self._where}: damaged or hostile pickle: {message}")

    def spend(self, count: int) -> None:
        """Account for so many elements or bytes that an application copies out of what the pickle wrote before.

        An honest pickle writes what it copies, at a byte or more each, and copies it once.
        """
        self._spent += count
        taken = self._bytes - self._bytes_left
        if self._spent > taken:
            self.fail(f"it builds {self._spent} elements out of {taken} bytes by applying the same values again")

    # -- operands --------------------------------------------------------------------------------

    def take(self, count: int) -> bytes:
        if count > self._bytes_left:
            most = self._limits.pickle_bytes
            self.fail("it ends early" if self._bytes < most else f"expected at most {most} bytes")
        self._bytes_left -= count
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

    def take_plain_number(self, kind: type) -> Any:
        text = self.take_line()
        try:
            return kind(text.removesuffix("L"))
        except ValueError:
            self.fail(f"expected a number, found {text[:20]!r}")

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
        """POP, which takes a mark away where that is on top."""
        if self._marks and len(self._stack) == self._marks[-1]:
            self._marks.pop()
        else:
            self.pop()

    def copy_top(self) -> None:
        value = self.pop()
        self._stack += [value, value]

    def top(self, kinds: tuple[type, ...], what: str) -> Any:
        value = self.pop()
        if type(value) not in kinds and not (isinstance(value, Inert) and Inert in kinds):
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

    def drop_to_mark(self) -> None:
        self.pop_to_mark()

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

    def push_dict(self, flat: list[Any]) -> None:
        self.push({})
        self.set_items(flat)

    def push_set(self, kind: str, items: list[Any]) -> None:
        self.push(Inert(kind, items=items))

    def append(self, values: list[Any], what: str = "APPEND") -> None:
        target = self.top((list, Inert), what)
        (target.items if isinstance(target, Inert) else target).extend(values)

    def set_items(self, flat: list[Any]) -> None:
        if len(flat) % 2:
            self.fail("a key without a value")
        target = self.top((dict, Inert), "SETITEM")
        entries = target.entries if isinstance(target, Inert) else target
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            entries[safe_key(key)] = value

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
        if not isinstance(arguments, tuple):
            self.fail(f"a call with a {type(arguments).__name__}")
        if isinstance(target, Inert):  # the result of a call that was not run, such as a nested class
            self.push(Inert(target.name, arguments))
            return
        if not isinstance(target, StandIn):
            self.fail(f"a call of a {type(target).__name__}")
        self.push(target.apply(arguments, self))

    def new_with_keywords(self) -> None:
        self.pop()
        self.reduce()

    def build(self) -> None:
        """Attributes of an object; the ``_metadata`` of a state dict is not needed."""
        state = self.pop()
        target = self.pop()
        if isinstance(target, Inert):
            target.build(state, self)
        elif isinstance(target, _WITHOUT_ATTRIBUTES):
            self.fail(f"BUILD of a {type(target).__name__}")
        self.push(target)

    def push_persistent(self) -> None:
        self.push(self._find_persistent(self.pop()))


def safe_key(key: Any) -> Any:
    """The key, or something inert in the place of one that can't be looked up in bounded time."""
    if not isinstance(key, _KEYS) or (isinstance(key, int) and key.bit_length() > _KEY_BITS):
        return Inert("key", (key,))
    return key


_U1, _U2, _I4, _U4, _U8, _F8 = (struct.Struct(layout) for layout in ("<B", "<H", "<i", "<I", "<Q", ">d"))


def _long(machine: Machine, size: struct.Struct) -> None:
    machine.push(int.from_bytes(machine.take(machine.take_number(size)), "little", signed=True))


def _text(machine: Machine, size: struct.Struct) -> None:
    machine.push(machine.decode(machine.take(machine.take_number(size))))


def _bytes(machine: Machine, size: struct.Struct) -> None:
    machine.push(machine.take(machine.take_number(size)))


def _old_text(machine: Machine, size: struct.Struct) -> None:
    machine.push(machine.take(machine.take_number(size)).decode("latin-1"))  # Python 2's str


_ACTIONS: dict[bytes, Callable[[Machine], None]] = {
    b"\x80": lambda m: m.skip(1),  # PROTO
    b"\x95": lambda m: m.skip(8),  # FRAME
    b"(": Machine.mark,
    b"0": Machine.drop,
    b"1": Machine.drop_to_mark,  # POP_MARK
    b"2": Machine.copy_top,  # DUP
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": lambda m: m.push(m.take_plain_number(int)),
    b"L": lambda m: m.push(m.take_plain_number(int)),
    b"F": lambda m: m.push(m.take_plain_number(float)),
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
    b"\x8e": lambda m: _bytes(m, _U8),
    b"\x96": lambda m: _bytes(m, _U8),  # BYTEARRAY8
    b"]": lambda m: m.push([]),
    b"l": lambda m: m.push(m.pop_to_mark()),
    b"a": lambda m: m.append([m.pop()]),
    b"e": lambda m: m.append(m.pop_to_mark()),
    b")": lambda m: m.push(()),
    b"t": lambda m: m.push(tuple(m.pop_to_mark())),
    b"\x85": lambda m: m.push_tuple(1),
    b"\x86": lambda m: m.push_tuple(2),
    b"\x87": lambda m: m.push_tuple(3),
    b"}": lambda m: m.push({}),
    b"d": lambda m: m.push_dict(m.pop_to_mark()),
    b"s": Machine.set_item,
    b"u": lambda m: m.set_items(m.pop_to_mark()),
    b"\x8f": lambda m: m.push_set("set", []),  # EMPTY_SET
    b"\x90": lambda m: m.append(m.pop_to_mark(), "ADDITEMS"),
    b"\x91": lambda m: m.push_set("frozenset", m.pop_to_mark()),
    b"q": lambda m: m.remember(m.take_number(_U1)),  # BINPUT
    b"r": lambda m: m.remember(m.take_number(_U4)),
    b"\x94": Machine.memoize,
    b"h": lambda m: m.recall(m.take_number(_U1)),  # BINGET
    b"j": lambda m: m.recall(m.take_number(_U4)),
    b"c": Machine.push_global,
    b"\x93": Machine.push_stack_global,
    b"R": Machine.reduce,
    b"\x81": Machine.reduce,  # NEWOBJ: a class in the place of a function
    b"\x92": Machine.new_with_keywords,
    b"b": Machine.build,
    b"Q": Machine.push_persistent,
}
