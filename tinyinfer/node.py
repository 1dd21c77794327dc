"""What a graph is made of: inputs, nodes, and what a node needs from its operator."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from tinyinfer import showing
from tinyinfer.dim import Dim
from tinyinfer.tensor_type import Quant, TensorType
from tinyinfer.weights import Shape

IMAGE_AXES = ("N", "C", "H", "W")
MOST_PRIMES = 3


@dataclass(frozen=True)
class OpCost:
    """What one node costs: multiply-adds, learnable parameters, elements and bytes read and written."""

    macs: int = 0
    params: int = 0
    reads: int = 0
    writes: int = 0
    bytes: int = 0

    @property
    def memory_access(self) -> int:
        """Elements moved, weights included (ShuffleNet V2, section 2, counts a conv so)."""
        return self.reads + self.writes


class Operator(Protocol):
    """What a graph needs from an operator; the classes of ``tinyinfer.ops`` provide it."""

    name: ClassVar[str]
    takes_infinity: ClassVar[bool]  # whether its parameters may be infinite

    def infer(self, inputs: Sequence[TensorType], params: Mapping[str, TensorType]) -> list[TensorType]:
        """Types of the outputs; raises GraphError when the inputs do not fit."""
        ...

    def param_dtypes(self, role: str) -> Sequence[str]:
        """What the elements of a parameter may be in a network."""
        ...

    def check_values(self, params: Mapping[str, np.ndarray]) -> None:
        """Refuse parameter values the operator can't work with; raises WeightsError."""
        ...


@dataclass(frozen=True)
class Input:
    """A graph input: ``None`` marks a free dimension, ``nominal`` is the size the network was designed for."""

    name: str
    shape: tuple[int | None, ...]
    nominal: Shape
    dtype: str = "float32"
    quant: Quant | None = None

    @property
    def text(self) -> str:
        """The shape, as "?x3x224x224"."""
        return "x".join("?" if size is None else str(size) for size in self.shape)

    def type_for(self, shape: Shape) -> TensorType:
        """The value's type at this shape."""
        return TensorType(shape, self.dtype, self.quant)

    def dims(self, short: bool) -> Shape:
        """The shape with a `Dim` in each free place, called "input.2"; or N, C, H, W for images and N for batches."""
        names = [f"{self.name}.{axis}" for axis in range(len(self.shape))]
        if short:
            names = [*IMAGE_AXES] if len(names) == len(IMAGE_AXES) else ["N", *names[1:]]
        sizes = zip(self.shape, self.nominal, names, strict=False)
        return tuple(Dim.symbol(name, usual) if size is None else size for size, usual, name in sizes)

    def larger(self, axes: range, times: int, more: int) -> Shape:
        """The nominal shape, but ``times`` as large and ``more`` in free places among these axes."""
        sizes = enumerate(zip(self.shape, self.nominal, strict=True))
        return tuple(times * n + more if s is None and axis in axes else n for axis, (s, n) in sizes)

    def pinned(self, axes: range) -> tuple[int | None, ...]:
        """The shape with nominal sizes in free places among these axes."""
        return tuple(n if a in axes else s for a, (s, n) in enumerate(zip(self.shape, self.nominal, strict=True)))


@dataclass(frozen=True, repr=False)
class Node:
    """One operator applied to named values.

    ``params`` maps the operator's roles ("weight") to keys of `Graph.weights`; ``origin`` names the
    nodes of the original network this one stands for; ``kernel`` and ``why`` are set by choose_kernels.
    """

    name: str
    op: Operator
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: Mapping[str, str] = field(default_factory=dict)
    origin: tuple[str, ...] = ()
    kernel: str = ""
    why: str = ""

    @property
    def originals(self) -> tuple[str, ...]:
        """Names of the nodes of the original network that this one stands for: its ``origin``, or itself."""
        return self.origin or (self.name,)

    def __repr__(self) -> str:
        kernel = f" [{self.kernel}]" if self.kernel else ""
        return f"<Node {self.name}: {self.op.name}({', '.join(self.inputs)}){kernel}>"

    def _repr_html_(self) -> str:
        return showing.html(self)

    def replace(self, **changes: Any) -> Node:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)


def free_name(wanted: str, used: Container[str]) -> str:
    """A name that nothing has yet: the wanted one, with a few primes, or a prime and a number where many have it."""
    for primes in range(MOST_PRIMES + 1):
        if (name := wanted + "'" * primes) not in used:
            return name
    # numbers are sought by doubling and halving, as a file may have thousands of nodes of one name
    free = 1
    while f"{wanted}'{free}" in used:
        free *= 2
    taken = free // 2
    while free - taken > 1:
        middle = (taken + free) // 2
        if f"{wanted}'{middle}" in used:
            taken = middle
        else:
            free = middle
    return f"{wanted}'{free}"
