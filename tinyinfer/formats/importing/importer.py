"""The graph of an imported file as it grows.

A value is either computed in every run, by a node, or known: an array of the file, or worked out from such arrays and
from sizes.  What is known becomes part of the network only where a node reads it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np

from tinyinfer import ops
from tinyinfer.dim import expression_of, is_free
from tinyinfer.errors import GraphError, ModelFormatError
from tinyinfer.formats.importing.free_sizes import FreeSizeError, open_elements, symbols_of
from tinyinfer.formats.importing.known_codes import KnownCodes
from tinyinfer.formats.importing.open_pads import OpenPad
from tinyinfer.formats.importing.selections import Selections
from tinyinfer.formats.importing.size_nodes import SizeNodes
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.graph import Graph, Input, Node, Operator, Quant, Shape, TensorType, free_name
from tinyinfer.ops.arithmetic.quantization import DequantizeLinear
from tinyinfer.ops.base import Op
from tinyinfer.ops.constant import Constant
from tinyinfer.ops.known_values import as_sizes, is_open, work_out
from tinyinfer.passes.portable.integer_arithmetic.pipeline import in_integers
from tinyinfer.passes.portable.recognise.pipeline import recognise
from tinyinfer.tensor_type import DTYPES
from tinyinfer.weights import Weights

OTHER_FLOATS = (np.float16, np.float64)


class Importer:
    """Grows a `Graph`; values are known by names, which no other value has.

    Floats are float32 inside, whatever the file has: inputs of float16 are converted as they come in.
    Sizes of values are symbolic (`Dim`) where inputs are free, as in `Graph.symbolic_types`.
    What was integers in the file is computed with as integers in the end (`in_integers`), unless ``dequantize`` says
    that real numbers are wanted.
    """

    def __init__(self, limits: Limits = DEFAULT, fixed: Collection[str] = (), *, dequantize: bool = False) -> None:
        """``fixed`` names free sizes, as `Dim`s are called, that stay at their nominal values."""
        self.limits, self.fixed, self.dequantize = limits, fixed, dequantize
        self.codes = KnownCodes()
        self.notes: list[str] = []
        self.selections = Selections()
        self._inputs: list[Input] = []
        self._nodes: list[Node] = []
        self._weights: dict[str, np.ndarray] = {}
        self._types: dict[str, TensorType] = {}
        self._known: dict[str, np.ndarray] = {}
        self._keys: dict[str, str] = {}  # of the weight that a known value has become
        self._constants: set[str] = set()  # known values that nodes read
        self._node_names: set[str] = set()
        self._left = limits.worked_out
        self._given: set[int] = set()  # identities of arrays of the file
        self._sizes = SizeNodes(partial(self.apply, name="sizes"), partial(self.constant, "sizes/constant"))
        self._open: dict[str, str] = {}  # values that work out, in each run, what known ones are
        self._from_sizes: dict[str, list[Any]] = {}  # free sizes that values follow from which nothing else changes
        self._pads: dict[str, OpenPad] = {}  # what values are that no node makes
        self._bytes = 0  # of known values

    # -- what the file has -----------------------------------------------------------------------

    def input(
        self,
        name: str,
        shape: tuple[int | None, ...],
        nominal: Shape,
        dtype: str = "float32",
        quant: Quant | None = None,
    ) -> str:
        """An input of the network; None marks a free size, which is ``nominal`` where nothing else is said."""
        made = Input(name, shape, nominal, dtype, quant)
        dims = made.dims(short=not self._inputs)
        dims = tuple(int(size) if is_free(size) and str(size) in self.fixed else size for size in dims)
        made = Input(name, tuple(None if is_free(size) else size for size in dims), nominal, dtype, quant)
        self._inputs.append(made)
        self._define(name, made.type_for(dims))
        self._sizes.symbols.update({str(size): (name, axis) for axis, size in enumerate(dims) if is_free(size)})
        return self.apply("cast", name, name=f"{name}/float32", dtype="float32") if dtype == "float16" else name

    def constant(self, name: str, array: np.ndarray, quant: Quant | None = None, *, given: bool = False) -> str:
        """An array that is known: of the file, or made by a lowering.

        With ``given``, for arrays that take as much of the file, more may be worked out of them.  Raises GraphError
        when the arrays become too many to be held.
        """
        name = self.fresh(name)
        if given and id(array) not in self._given:  # a function of the file may have been called many times
            self._given.add(id(array))
            self._left += self.limits.worked_out_per_element * array.size
        array = array.astype(np.float32) if array.dtype in OTHER_FLOATS else array
        self._hold([array])
        self._types[name] = TensorType(array.shape, "int64" if is_open(array) else str(array.dtype), quant)
        self._known[name] = array
        return name

    # -- what is known of values -------------------------------------------------------------------

    def type(self, value: str) -> TensorType:
        """Shape, dtype and quantisation of a value."""
        return self._types[value]

    def shape(self, value: str) -> Shape:
        """The sizes of a value."""
        return self._types[value].shape

    def known(self, value: str) -> np.ndarray | None:
        """The array that a value always is, of objects where sizes in it are free; None if inputs change it."""
        return self._known.get(value)

    def sizes_behind(self, value: str) -> list[Any]:
        """The free sizes that alone change a value; none if it is fixed, or follows from elements of the inputs."""
        found = self._known.get(value)
        return self._from_sizes.get(value, []) if found is None else [*found.flat] if is_open(found) else []

    def image_of_size(self, size: Shape) -> str | None:
        """A computed value (N, C, H, W) whose H and W are these, whatever the inputs' sizes; None if there is none."""
        wanted = [*map(expression_of, size)]
        return self._of_shape(lambda shape: len(shape) == 4 and [*map(expression_of, shape[2:])] == wanted)

    def value_with(self, size: int) -> str | None:
        """A computed value that has a dimension of this size, whatever the inputs' sizes; None if there is none."""
        wanted = expression_of(size)
        return self._of_shape(lambda shape: wanted in map(expression_of, shape))

    def value_of_shape(self, shape: Sequence[int]) -> str | None:
        """A computed value of this shape, whatever the inputs' sizes; None if there is none."""
        wanted = [*map(expression_of, shape)]
        return self._of_shape(lambda found: [*map(expression_of, found)] == wanted)

    def _of_shape(self, fits: Callable[[Shape], bool]) -> str | None:
        """An input whose shape fits, else the last such value that several nodes read, else the last one.

        A value of one reader may become part of a layer, unless its sizes are asked for.
        """
        inputs = [value.name for value in self._inputs]
        computed = [value for node in self._nodes for value in node.outputs]
        reads = Counter(value for node in self._nodes for value in node.inputs)
        fitting = [value for value in (*computed, *inputs[::-1]) if fits(self.shape(value))]
        return max(reversed(fitting), key=lambda value: (value in inputs, reads[value] > 1), default=None)

    def fresh(self, name: str) -> str:
        """A name that no value has."""
        return free_name(name, self._types)

    # -- operators -----------------------------------------------------------------------------------

    def apply_all(
        self,
        op: str | Operator,
        *inputs: str,
        name: str,
        params: Mapping[str, str | np.ndarray | None] | None = None,
        **attrs: Any,
    ) -> list[str]:
        """Apply an operator, given by name and attributes or ready made; returns its values' names.

        ``params`` are names of known values, which share one weight however often they are used, or arrays; None
        leaves one out.  Values are called like the node, or similarly where that name is taken.  Where all inputs are
        known the result is too, and there is no node.  Raises GraphError for what does not fit, FreeSizeError for
        attributes that depend on free sizes.
        """
        free = [*open_elements([*attrs.values()])]
        if free:
            raise FreeSizeError(free, f"{op} takes fixed sizes")
        operator = cast(Op, ops.create(op, attrs) if isinstance(op, str) else op)
        arrays = {role: array for role, array in (params or {}).items() if array is not None}
        values = {role: self._array(array) for role, array in arrays.items()}
        param_types = {role: TensorType(array.shape, str(array.dtype)) for role, array in values.items()}
        given = [self._types[value] for value in inputs]
        all_known = all(value in self._known for value in inputs)  # such values may be empty, those of a run can't
        types = operator.infer(given, param_types, allow_empty=bool(inputs) and all_known)
        self._check_sizes(types)
        worked_out = self._work_out(operator, inputs, values, types)
        names = [self._define(f"{name}:{i}" if len(types) > 1 else name, t) for i, t in enumerate(types)]
        if worked_out is not None:
            self._known.update(zip(names, worked_out, strict=True))
            if not self.dequantize:
                self.codes.follow(operator, [self._known[value] for value in inputs], inputs, names)
            return names
        sizes = (size for value in inputs for size in self.sizes_behind(value))
        behind = list({frozenset(symbols_of(size)): size for size in sizes}.values())  # or each sum would double them
        if behind and all(value in self._known or value in self._from_sizes for value in inputs):
            self._from_sizes.update(dict.fromkeys(names, behind))
        node_name = self._node_name(name)
        keys = {role: self._key(array, f"{node_name}.{role}") for role, array in arrays.items()}
        reads = tuple(self._as_computed(value) for value in inputs)
        self._nodes.append(Node(node_name, operator, reads, tuple(names), keys))
        return names

    def apply(self, op: str | Operator, *inputs: str, name: str, **options: Any) -> str:
        """`apply_all` for an operator with a single output; returns its name."""
        (value,) = self.apply_all(op, *inputs, name=name, **options)
        return value

    def pad_later(self, pad: OpenPad) -> str:
        """A value padded by widths that depend on free sizes: for windows to take as their own padding (`pad_of`).

        Whatever else reads it raises FreeSizeError.
        """
        n, c, height, width = self.shape(pad.x)
        top, bottom, left, right = pad.sides
        shape = (n, c, height + top + bottom, width + left + right)
        name = self._define(pad.where, TensorType(shape, self._types[pad.x].dtype))
        self._pads[name] = pad
        return name

    def pad_of(self, value: str) -> OpenPad | None:
        """How a value that `pad_later` made is padded; None for any other."""
        return self._pads.get(value)

    def sizes_of(self, value: str, name: str) -> str:
        """The shape of a value as a known value."""
        return self.constant(name, as_sizes(self.shape(value)))

    def finish(self, outputs: Mapping[str, str], halves: Collection[str] = ()) -> Graph:
        """The graph, its outputs called as the file calls them: ``outputs`` maps these names to values.

        Those among ``halves`` become float16 as they go out.  What the file has in pieces, such as a norm, is one
        operator in it (`recognise`).
        """
        names: dict[str, str] = {}  # of outputs, by value
        inputs = {i.name for i in self._inputs}
        for name, value in outputs.items():
            if name in halves and self._types[value].dtype == "float32":
                value = self.apply("cast", value, name=name, dtype="float16")
            value = self._as_computed(value)
            if value in names or (value in inputs and value != name):
                value = self.apply("identity", value, name=name)
            names[value] = name
        taken = set(self._types) | set(outputs)
        for value in outputs.keys() - names.keys():
            if value in self._types and value not in inputs:  # another value has the name of an output
                names[value] = free_name(value, taken)
                taken.add(names[value])
        nodes = [_renamed(node, names) for node in self._nodes]
        graph = Graph(list(self._inputs), nodes, list(outputs), Weights(self._weights))
        graph.remove_dead()
        recognised = recognise(graph)
        if self.dequantize or not any(node.op.name == "dequantize_linear" for node in recognised.nodes):
            return recognised
        # what steps of quantisation stood between is whole after that
        return recognise(in_integers(recognised, self.codes.by_key(self._keys)))

    # -- inside ----------------------------------------------------------------------------------

    def _define(self, name: str, kind: TensorType) -> str:
        name = self.fresh(name)
        self._types[name] = kind
        return name

    def _check_sizes(self, types: Sequence[TensorType]) -> None:
        for t in types:
            if math.prod(map(int, t.shape)) > self.limits.elements:
                raise GraphError(f"expected at most {self.limits.elements} elements of a value, found {t}")

    def _array(self, param: str | np.ndarray) -> np.ndarray:
        if isinstance(param, np.ndarray):
            return param
        array = self.known(param)
        if array is None:
            raise GraphError(f"expected an array of the file, found {param[:80]!r}, which depends on the input")
        return array

    def _work_out(
        self, op: Op, inputs: Sequence[str], params: Mapping[str, np.ndarray], types: Sequence[TensorType]
    ) -> list[np.ndarray] | None:
        known = [self._known[value] for value in inputs if value in self._known]
        size = sum(math.prod(map(int, t.shape)) for t in types) + sum(a.size for a in (*known, *params.values()))
        if len(known) < len(inputs) or not inputs or size > self._left:
            return None
        values = work_out(op, known, params, types)
        if values is not None:
            self._left -= size
            self._hold(values)
        return values

    def _hold(self, arrays: Sequence[np.ndarray]) -> None:
        self._bytes += sum(array.nbytes for array in arrays)
        if self._bytes > self.limits.total_bytes:
            raise GraphError(f"expected at most {self.limits.total_bytes} bytes of arrays, found more")

    def _key(self, param: str | np.ndarray, name: str) -> str:
        """The key of a parameter among the graph's weights: a value's own name, so that files are recognised."""
        if isinstance(param, str) and param in self._keys:
            return self._keys[param]
        key = free_name(param if isinstance(param, str) else name, self._weights)
        self._weights[key] = self._array(param)
        if isinstance(param, str):
            self._keys[param] = key
        return key

    def _as_computed(self, value: str) -> str:
        """The value for a node to read: what is known becomes a constant, what depends on free sizes is computed."""
        if value in self._pads:
            self._pads[value].refuse()
        array = self._known.get(value)
        if array is None or value in self._constants:
            return value
        if is_open(array):
            if value not in self._open:
                self._open[value] = self._sizes.value(array, self._types[value].dtype)
            return self._open[value]
        if str(array.dtype) not in DTYPES:
            raise ModelFormatError(f"{value[:80]!r}: expected {', '.join(DTYPES)}, found {array.dtype}")
        self._constants.add(value)
        codes = self.codes.of_one_scale(value)
        if codes is None:
            self._add_constant(value, self._types[value].quant)
            return value
        source = self.constant(f"{value}/codes", codes.array, codes.quant)
        self._add_constant(source, codes.quant)
        scales = DequantizeLinear(codes.quant.scale, codes.quant.zero_point)
        self._nodes.append(Node(self._node_name(value), scales, (source,), (value,)))
        return value

    def _add_constant(self, value: str, quant: Quant | None) -> None:
        params = {"value": self._key(value, value)}
        self._nodes.append(Node(self._node_name(value), Constant.of(quant), (), (value,), params))

    def _node_name(self, wanted: str) -> str:
        name = free_name(wanted, self._node_names)
        self._node_names.add(name)
        return name


def _renamed(node: Node, names: Mapping[str, str]) -> Node:
    """The node with other names for some values."""
    return node.replace(
        inputs=tuple(names.get(value, value) for value in node.inputs),
        outputs=tuple(names.get(value, value) for value in node.outputs),
    )
