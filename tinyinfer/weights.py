"""A network's weights by key: in memory, still in their file, or worked out from others.

A network needs its weights twice at most: to check them and to pack them for its kernels.  So that they do not stand
in memory in both forms, what is packed is let go (`Weights.release`), and comes back from where it came if it is
asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Shape = tuple[int, ...]

_ZERO = bytes(8)
FLOAT32 = np.dtype(np.float32)


def placeholder(shape: Shape, dtype: np.dtype | str = FLOAT32) -> np.ndarray:
    """Zeros of this shape that take no memory: they stand where a weight will come or has been packed away."""
    return np.ndarray(shape, dtype, _ZERO, strides=(0,) * len(shape))


class Source(Protocol):
    """Where an array that need not be in memory comes from."""

    @property
    def shape(self) -> Shape: ...

    @property
    def dtype(self) -> np.dtype: ...

    def fetch(self) -> np.ndarray:
        """The array."""
        ...

    def release(self) -> None:
        """Keep nothing in memory."""
        ...


class Stored:
    """An array that was read from a file and that ``read`` can read again."""

    def __init__(self, array: np.ndarray, read: Callable[[], np.ndarray]) -> None:
        self.shape: Shape = array.shape
        self.dtype: np.dtype = array.dtype
        self._array: np.ndarray | None = array
        self._read = read

    def fetch(self) -> np.ndarray:
        """The array in memory, or else read anew and not kept."""
        array = self._array
        return self._read() if array is None else array

    def release(self) -> None:
        """Let the array in memory go."""
        self._array = None


@dataclass(frozen=True, eq=False)
class Derived:
    """An array that ``make`` works out from other weights, and plain ``arguments``, whenever it is asked for.

    ``make`` is a function of a module, not one with values of its own, so that two arrays are known to be the same by
    what they are made of.
    """

    shape: Shape
    make: Callable[..., np.ndarray]
    inputs: Weights
    arguments: tuple[Hashable, ...] = ()
    dtype: np.dtype = FLOAT32

    @property
    def identity(self) -> Hashable:
        """Equal for arrays that are made alike of the same."""
        return self.make, self.arguments, self.inputs.identity

    def fetch(self) -> np.ndarray:
        """The array, worked out; what no float can hold becomes infinite or NaN."""
        with np.errstate(all="ignore"):
            return self.make(self.inputs, *self.arguments)

    def release(self) -> None:
        """Let the inputs go."""
        self.inputs.release(self.inputs)


class Weights(MutableMapping[str, np.ndarray]):
    """Arrays by key; looking one up fetches it, `shape` and `dtype` do not.  Copies share the arrays."""

    def __init__(self, entries: Mapping[str, np.ndarray | Source] | None = None) -> None:
        entries = entries or {}
        self._entries: dict[str, np.ndarray | Source] = (
            dict(entries._entries) if isinstance(entries, Weights) else dict(entries)
        )

    def __getitem__(self, key: str) -> np.ndarray:
        entry = self._entries[key]
        return entry if isinstance(entry, np.ndarray) else entry.fetch()

    def __setitem__(self, key: str, value: np.ndarray | Source) -> None:
        self._entries[key] = value

    def __delitem__(self, key: str) -> None:
        del self._entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __reduce__(self) -> tuple[Any, ...]:
        return Weights, (dict(self),)  # as arrays, which need neither their file nor the others they were made from

    def shape(self, key: str) -> Shape:
        """Shape of an array."""
        return self._entries[key].shape

    def dtype(self, key: str) -> np.dtype:
        """Type of an array's elements."""
        return self._entries[key].dtype

    def entry(self, key: str) -> np.ndarray | Source:
        """The array, or where it comes from."""
        return self._entries[key]

    @property
    def identity(self) -> Hashable:
        """What arrays these are, by their keys here, without a look at their numbers.

        It means something only while these weights are in use: of an array that is there and not made from others, it
        is the address.
        """
        return tuple(
            (key, entry.identity if isinstance(entry, Derived) else id(entry)) for key, entry in self._entries.items()
        )

    def select(self, keys: Mapping[str, str]) -> Weights:
        """Some of the arrays under other names: ``keys`` maps the new names to the old."""
        return Weights({name: self._entries[key] for name, key in keys.items()})

    def shapes_only(self) -> Weights:
        """Placeholders of the same shapes and types."""
        return Weights({key: placeholder(entry.shape, entry.dtype) for key, entry in self._entries.items()})

    def release(self, keys: Iterable[str]) -> None:
        """Let go what can be fetched again."""
        for key in keys:
            entry = self._entries[key]
            if not isinstance(entry, np.ndarray):
                entry.release()
