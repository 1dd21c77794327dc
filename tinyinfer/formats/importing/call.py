"""One node of a file on its way into the graph, as the function that lowers it sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from tinyinfer.formats.importing.free_sizes import FreeSizeError
from tinyinfer.formats.importing.importer import Importer
from tinyinfer.graph import Operator, Shape, TensorType


@dataclass(frozen=True)
class FileNode:
    """A node as its file has it; an input that is left out has the name ""."""

    name: str
    op_type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0  # of the operator, in formats that have versions
    domain: str = ""


class UnsupportedNodeError(Exception):
    """A node that can't be lowered, and why; `lower_nodes` collects them."""


class Call:
    """A node, its inputs as values of the graph, and the words in which it is lowered.

    Every attribute and input must be asked for: what no function looks at would silently change nothing.
    """

    def __init__(self, node: FileNode, inputs: Sequence[str | None], importer: Importer) -> None:
        self.node, self.importer = node, importer
        self.inputs = list(inputs)
        while self.inputs and self.inputs[-1] is None:
            self.inputs.pop()
        self.unread = set(node.attributes)
        self.unread_inputs = {index for index, value in enumerate(self.inputs) if value is not None}
        self.name = node.name or (node.outputs[0] if node.outputs else node.op_type)

    # -- what the node says --------------------------------------------------------------------

    @property
    def version(self) -> int:
        """Of the file's operators."""
        return self.node.version

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute's value."""
        self.unread.discard(name)
        return self.node.attributes.get(name, default)

    def needed(self, name: str) -> Any:
        """An attribute's value; the node is refused without it."""
        found = self.attribute(name)
        if found is None:
            self.refuse(f"expected an attribute {name!r}, found none")
        return found

    def ignore(self, *names: str) -> None:
        """Leave attributes unread that change nothing at inference."""
        self.unread.difference_update(names)

    def ignore_inputs(self, *indices: int) -> None:
        """Leave inputs unread that change nothing at inference."""
        self.unread_inputs.difference_update(indices)

    def has(self, index: int) -> bool:
        """Whether the node has this input."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def value(self, index: int) -> str:
        """The graph's value that is input number ``index``."""
        self.unread_inputs.discard(index)
        found = self.inputs[index] if index < len(self.inputs) else None
        if found is None:
            self.refuse(f"expected an input {index}, found none")
        return found

    @property
    def x(self) -> str:
        """The first input."""
        return self.value(0)

    def type(self, index: int = 0) -> TensorType:
        """Shape, dtype and quantisation of an input."""
        return self.importer.type(self.value(index))

    def shape(self, index: int = 0) -> Shape:
        """The sizes of an input."""
        return self.type(index).shape

    def known(self, index: int) -> np.ndarray | None:
        """The array that an input always is, None if the network's input changes it or it is left out."""
        return self.importer.known(self.value(index)) if self.has(index) else None

    def array(self, index: int, what: str) -> np.ndarray:
        """The array that an input always is; the node is refused if the network's input changes it.

        Free sizes that it is computed from, and nothing else, are fixed.
        """
        found = self.importer.known(self.value(index))
        if found is None:
            sizes = self.importer.sizes_behind(self.value(index))
            if sizes:
                self.fix(sizes, f"{what}: computed with in the network, expected an array")
            self.refuse(
                f"{what}: expected an array of the file, found {self.value(index)[:80]!r}, computed in each run"
            )
        return found

    def sizes(self, index: int, what: str) -> tuple[int, ...]:
        """The whole numbers that an input always is, of any rank, some perhaps a `Dim`; refused as by `array`."""
        found = self.array(index, what).reshape(-1).tolist()
        if not all(isinstance(size, int) for size in found):
            self.refuse(f"{what}: expected whole numbers, found others")
        return tuple(found)

    def single(self, index: int, what: str) -> int:
        """The one whole number that an input always is, perhaps a `Dim`; refused as by `array`."""
        found = self.sizes(index, what)
        if len(found) != 1:
            self.refuse(f"{what}: expected one number, found {len(found)}")
        return found[0]

    # -- what it becomes -----------------------------------------------------------------------

    def apply(self, op: str | Operator, *inputs: str, params: Mapping[str, str | np.ndarray | None] | None = None,
              **attrs: Any) -> str:  # fmt: skip
        """Apply one of our operators (`Importer.apply`), named after the node."""
        return self.importer.apply(op, *inputs, name=self.name, params=params, **attrs)

    def apply_all(self, op: str | Operator, *inputs: str, params: Mapping[str, str | np.ndarray | None] | None = None,
                  **attrs: Any) -> list[str]:  # fmt: skip
        """`apply` for an operator with several outputs."""
        return self.importer.apply_all(op, *inputs, name=self.name, params=params, **attrs)

    def constant(self, array: Any, dtype: Any = None) -> str:
        """An array as a known value."""
        return self.importer.constant(f"{self.name}/constant", np.asarray(array, dtype))

    def shape_of(self, value: str) -> Shape:
        """The sizes of a value that has been made on the way."""
        return self.importer.shape(value)

    def of_size(self, size: Shape) -> str:
        """A value of the network whose images have this free size, for operators that take their size from one."""
        found = self.importer.image_of_size(size)
        if found is None:
            self.fix(size, f"no value of the network has images of {TensorType(size)}")
        return found

    def note(self, text: str) -> None:
        """Tell the user something of this node, once for all nodes that say the same."""
        if text not in self.importer.notes:
            self.importer.notes.append(text)

    def fix(self, sizes: Iterable[Any], why: str) -> NoReturn:
        """Say that this node can't be lowered while sizes are free, and why: these are fixed, and all begins anew."""
        raise FreeSizeError(sizes, why)

    def refuse(self, why: str) -> NoReturn:
        """Say that this node can't be lowered, and why."""
        raise UnsupportedNodeError(why)


Lowering = Callable[[Call], "str | Sequence[str]"]
