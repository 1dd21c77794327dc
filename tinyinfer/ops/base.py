"""What every operator is: attributes, a shape rule, a cost rule, a textbook reference, example cases."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any, ClassVar, TypeVar, dataclass_transform

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.graph import OpCost, Shape, TensorType
from tinyinfer.ops.dtypes import FLOAT32

Arrays = Sequence[np.ndarray]
Params = Mapping[str, np.ndarray]
Types = Sequence[TensorType]
ParamTypes = Mapping[str, TensorType]
OpClass = TypeVar("OpClass")

LARGEST = 2**31 - 1  # what sizes, strides and paddings can be without leaving 64 bits in a product
LARGEST_FLOAT = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Case:
    """An example of an operator's use: attributes, input shapes, parameter shapes by role, dtypes of the inputs.

    Tests and kernel benchmarks walk over these, so a new operator needs no new test file.  Without ``dtypes`` all
    inputs are float32.
    """

    attrs: Mapping[str, Any]
    inputs: tuple[Shape, ...]
    params: Mapping[str, Shape] = field(default_factory=dict)
    dtypes: tuple[str, ...] = ()

    @property
    def input_types(self) -> list[TensorType]:
        """Shapes and dtypes of the inputs."""
        dtypes = self.dtypes or ("float32",) * len(self.inputs)
        return [TensorType(shape, dtype) for shape, dtype in zip(self.inputs, dtypes, strict=True)]


@dataclass_transform(frozen_default=True)
def operator(cls: type[OpClass] | None = None, /, *, kw_only: bool = False) -> Any:
    """Make a subclass of `Op` a dataclass, whose fields are its attributes and never change.

    With ``frozen=True`` a dataclass would have comparison, representation and guards written anew for each class,
    which takes a millisecond of every start; `Op` has them once.
    """

    def decorate(cls: Any) -> Any:
        made = dataclass(repr=False, eq=False, kw_only=kw_only)(cls)
        made.attr_names = tuple(field.name for field in dataclasses.fields(made))
        return made

    return decorate if cls is None else decorate(cls)


@operator
class Op:
    """Base of the operators: dataclasses by `operator` whose fields are the attributes, spelled as in torch.

    One without attributes of its own is a plain subclass.  A subclass writes `output_types`, `reference` and `cases`,
    and what else differs from the rules here.
    """

    name: ClassVar[str]
    attr_names: ClassVar[tuple[str, ...]] = ()
    param_names: ClassVar[tuple[str, ...]] = ()  # roles in torch.nn.functional's argument order
    required_params: ClassVar[tuple[str, ...]] = ()
    arity: ClassVar[int | None] = 1  # inputs a plain call takes; None: one or more
    optional_inputs: ClassVar[tuple[str, ...]] = ()  # names of inputs that may follow
    dtypes: ClassVar[Sequence[str]] = FLOAT32  # what its inputs may be
    follows_sizes: ClassVar[bool] = False  # whether its reference moves, adds and multiplies arrays of `Dim` as well
    takes_infinity: ClassVar[bool] = False  # whether its parameters may be infinite
    composite: ClassVar[bool] = False  # made of other operators by passes for this machine; in no file

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self) or name not in self.attr_names:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), *self._values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.attrs.items())})"

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in self.attr_names])

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes by name, as JSON can hold them."""
        return dict(zip(self.attr_names, self._values(), strict=True))

    def normalize(self, **attrs: Any) -> None:
        """Replace attributes by their normal form; for ``__post_init__`` alone, as operators do not change."""
        for name, value in attrs.items():
            object.__setattr__(self, name, value)

    def infer(self, inputs: Types, params: ParamTypes, allow_empty: bool = False) -> list[TensorType]:
        """Types of the outputs.  Raises GraphError saying what does not fit, empty outputs unless they are allowed."""
        self._check_operands(inputs, params)
        outputs = self.output_types(inputs, params)
        for t in outputs:
            if min(t.shape, default=1) < (0 if allow_empty else 1):
                raise GraphError(f"the output would be empty: {t}")
        return outputs

    def _check_operands(self, inputs: Types, params: ParamTypes) -> None:
        least = 1 if self.arity is None else self.arity
        most = len(inputs) if self.arity is None else self.arity + len(self.optional_inputs)
        if not least <= len(inputs) <= most:
            several = f"{least} or more" if self.arity is None else f"{least} to {most}"
            expected = f"{least}" if least == most else several
            raise GraphError(f"expected {expected} inputs, found {len(inputs)}")
        for role in self.required_params:
            require(role in params, f"its {role} is missing")
        for role in params:
            if role not in self.param_names:
                known = ", ".join(self.param_names) or "none"
                raise GraphError(f"it has no parameter {role!r}, only {known}")
            if 0 in params[role].shape:
                raise GraphError(f"{role}: expected elements, found {params[role]}")
        for t in inputs:
            if t.dtype not in self.dtypes:
                raise GraphError(f"expected inputs of {_listed(self.dtypes)}, found {t.dtype}")

    def param_dtypes(self, role: str) -> Sequence[str]:
        """What the elements of a parameter may be in a network."""
        return ("float32",)

    def param_types(self, shapes: Mapping[str, Shape]) -> dict[str, TensorType]:
        """Types of parameters of these shapes, each of the first dtype that it may have."""
        return {role: TensorType(shape, self.param_dtypes(role)[0]) for role, shape in shapes.items()}

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        """The shape rule; `infer` has counted inputs and parameters and looked at the inputs' dtypes before.

        Sizes may be `Dim`: to keep what they depend on, they go through +, -, *, //, %, and ``tinyinfer.dim`` for the
        lesser, the greater and the scaled, never through int(), min(), max() or NumPy.
        """
        raise NotImplementedError

    def cost(self, inputs: Types, params: ParamTypes, outputs: Types) -> OpCost:
        """Multiply-adds, parameters and elements moved; elementwise work counts no multiply-adds, as in the papers."""
        read = [*inputs, *params.values()]
        return OpCost(
            macs=self.macs(inputs, params, outputs),
            params=self.learnable(params),
            reads=sum(t.size for t in read),
            writes=sum(t.size for t in outputs),
            bytes=sum(t.bytes for t in (*read, *outputs)),
        )

    def macs(self, inputs: Types, params: ParamTypes, outputs: Types) -> int:
        """Multiply-adds of convolutions and linear layers; zero for everything else."""
        return 0

    def learnable(self, params: ParamTypes) -> int:
        """Elements of the learnable parameters (running statistics are not)."""
        return sum(p.size for p in params.values())

    def check_values(self, params: Params) -> None:
        """Refuse parameter values the operator can't work with; raises WeightsError."""

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        """The operator in plain NumPy, clear before quick; computes in the dtype of the inputs."""
        raise NotImplementedError

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Inputs of these types to try the operator with: as `random_values` draws them, unless it takes only some."""
        return [random_values(t, rng) for t in inputs]

    def example_params(self, shapes: Mapping[str, Shape], rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Parameters of these shapes to try the operator with."""
        return {role: random_values(t, rng) for role, t in self.param_types(shapes).items()}

    @classmethod
    def cases(cls) -> list[Case]:
        """Examples with odd sizes, for the tests."""
        raise NotImplementedError


def random_values(t: TensorType, rng: np.random.Generator) -> np.ndarray:
    """Normal values, integers of one digit, or truth values, as the dtype has it."""
    if t.dtype == "bool":
        return np.asarray(rng.integers(0, 2, t.shape), t.dtype)
    if t.dtype.startswith("float"):
        return np.asarray(rng.standard_normal(t.shape), t.dtype)
    return np.asarray(rng.integers(0 if t.dtype == "uint8" else -9, 10, t.shape), t.dtype)


def cast(params: Params, dtype: np.dtype[Any]) -> dict[str, np.ndarray]:
    """The parameters in the dtype that the reference computes in."""
    return {role: np.asarray(array, dtype) for role, array in params.items()}


def require(condition: bool, message: str) -> None:
    """Raise GraphError with ``message`` unless the condition holds."""
    if not condition:
        raise GraphError(message)


def require_rank(t: TensorType, rank: int, what: str = "input") -> None:
    """Raise GraphError unless the tensor has this rank."""
    if len(t.shape) != rank:  # messages are written when they are needed: networks have thousands of layers
        raise GraphError(f"{what}: expected rank {rank}, found shape {t}")


def require_dtype(t: TensorType, dtypes: Sequence[str], what: str) -> None:
    """Raise GraphError unless the tensor has one of these dtypes."""
    require(t.dtype in dtypes, f"{what}: expected {_listed(dtypes)}, found {t.dtype}")


def _listed(dtypes: Sequence[str]) -> str:
    return ", ".join(dtype for dtype in dtypes if dtype != "float64")  # which no value of a network has


def require_same_dtype(inputs: Types) -> str:
    """The dtype that all inputs have; raises GraphError unless they have one."""
    found = dict.fromkeys(t.dtype for t in inputs)
    require(len(found) == 1, f"expected inputs of one dtype, found {' and '.join(found)}")
    return inputs[0].dtype


def require_shape(t: TensorType, shape: Shape, what: str) -> None:
    """Raise GraphError unless the tensor has this shape."""
    if t.shape != shape:
        raise GraphError(f"{what}: expected shape {TensorType(shape)}, found {t}")


def integer(value: Any, what: str, least: int = -LARGEST) -> int:
    """An int from ``least`` to `LARGEST`; raises GraphError for anything else, so that no file smuggles in a float."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise GraphError(f"{what}: expected an integer, found {value!r}")
    if not least <= value <= LARGEST:
        bound = f"at least {least}" if value < least else f"at most {LARGEST}"
        raise GraphError(f"{what}: expected {bound}, found {value}")
    return int(value)


def integers(values: Any, what: str, least: int = -LARGEST) -> tuple[int, ...]:
    """A list or tuple of ints, each at least ``least``."""
    require(isinstance(values, list | tuple), f"{what}: expected integers, found {values!r}")
    return tuple(integer(value, what, least) for value in values)


def number(value: Any, what: str) -> float:
    """A finite number that float32 can hold; raises GraphError for anything else."""
    plain = value.item() if isinstance(value, np.number) else value  # NumPy would compare in the number's own type
    good = isinstance(plain, int | float) and not isinstance(value, bool)
    require(good and abs(plain) <= LARGEST_FLOAT, f"{what}: expected a finite number, found {value!r}")
    return float(plain)


def flag(value: Any, what: str) -> bool:
    """A bool; raises GraphError for anything else."""
    require(isinstance(value, bool), f"{what}: expected true or false, found {value!r}")
    return bool(value)


def pair(value: Any, what: str, least: int = -LARGEST) -> tuple[int, int]:
    """An int or two ints as (height, width)."""
    values = integers(value if isinstance(value, list | tuple) else (value, value), what, least)
    require(len(values) == 2, f"{what}: expected one or two integers, found {value!r}")
    return values[0], values[1]


def one_or_more(values: Any, what: str) -> tuple[int, ...]:
    """An int, or a list or tuple of ints, as a tuple that is not empty."""
    found = integers(values if isinstance(values, list | tuple) else (values,), what)
    require(len(found) > 0, f"{what}: expected one or more integers, found none")
    return found


def axes(dims: Sequence[int], rank: int) -> tuple[int, ...]:
    """``dims`` counted from the front; raises GraphError when one does not exist or comes twice."""
    found = tuple(axis(dim, rank) for dim in dims)
    require(len(set(found)) == len(found), f"dim: expected each dimension once, found {tuple(dims)} for rank {rank}")
    return found


def axis(dim: int, rank: int) -> int:
    """``dim`` counted from the front; raises GraphError when there is no such dimension."""
    require(rank > 0, f"dim: expected a tensor of rank 1 or more, found dim {dim} of a scalar")
    require(-rank <= dim < rank, f"dim: expected {-rank} to {rank - 1} for rank {rank}, found {dim}")
    return dim % rank
