"""A hypothesis strategy for ONNX files that are well formed as messages and may be anything as networks."""

from __future__ import annotations

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx_wire import (
    array,
    attribute,
    field,
    function,
    functions,
    graph,
    model,
    node,
    opset,
    reference,
    subgraph,
    tensor,
    value_info,
)

from tinyinfer.formats.onnx.lowering.table import LOWERINGS
from tinyinfer.formats.onnx.reading.attributes import KINDS, Kind

VALUES = ("x", "w", "s", "i", "a", "b", "c", "y")
OPERATORS = sorted({name for name, _ in LOWERINGS})
ATTRIBUTES = {schema.name: sorted(schema.attributes) for schema in onnx.defs.get_all_schemas_with_history()}
MODES = (
    "SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", "constant", "reflect", "edge", "wrap", "linear", "nearest", "cubic",
    "floor", "align_corners", "half_pixel", "asymmetric", "tanh", "avg", "max", "none", "add", "bij,bjk->bik", "ii", "",
    "DCR", "CRD", "bilinear", "bicubic", "zeros", "border", "reflection",
)  # fmt: skip

sizes = st.one_of(st.integers(-2, 5), st.sampled_from([7, 64, 2**16, 2**31 - 1, 2**31, 2**62, -(2**63)]))
rarely = st.sampled_from([False] * 30 + [True])
numbers = st.one_of(st.sampled_from([0.0, 1.0, -1.0, 0.5, 6.0]), st.floats(width=32))
shapes = st.one_of(
    st.sampled_from([(1, 3, 8, 8), (1, 4, 6, 6), (2, 4), (4,), (), (1, 3, 3), (4, 3, 3, 3), (4, 4, 1, 1)]),
    st.lists(st.integers(0, 4), max_size=5).map(tuple),
)


@st.composite
def arrays(draw: st.DrawFn, name: str) -> bytes:
    """A tensor, small or with sizes that its data does not have."""
    if draw(rarely):
        return tensor(name, draw(st.lists(sizes, max_size=5)), draw(st.integers(0, 25)), draw(st.binary(max_size=20)))
    dtype = draw(st.sampled_from(["float32", "float32", "int64", "int64", "uint8", "int8", "int32", "bool", "float16"]))
    if dtype == "int64":
        return array(name, draw(st.lists(sizes, max_size=5)), dtype)
    shape = draw(shapes)
    seed = draw(st.integers(0, 3))
    return array(name, np.random.default_rng(seed).integers(0, 2, shape) * (seed + 0.5), dtype)


values_of_kind = {
    Kind.FLOAT: numbers,
    Kind.INT: sizes,
    Kind.STRING: st.sampled_from(MODES),
    Kind.TENSOR: arrays(""),
    Kind.FLOATS: st.lists(numbers, max_size=5),
    Kind.INTS: st.one_of(*(st.lists(st.integers(0, 3), min_size=n, max_size=n) for n in (1, 2, 4)), st.lists(sizes)),
    Kind.STRINGS: st.lists(st.sampled_from(MODES), max_size=3),
}


@st.composite
def attributes(draw: st.DrawFn, op: str) -> list[bytes]:
    """Attributes that the operator has, rarely of another kind, the same twice, or of others."""
    names = sorted(KINDS) if draw(rarely) else [name for name in ATTRIBUTES.get(op, ()) if name in KINDS]
    names = draw(st.lists(st.sampled_from(names), max_size=4, unique=not draw(rarely))) if names else []
    found = []
    for name in names:
        own = values_of_kind.get(KINDS[name], sizes)
        found.append(attribute(name, draw(st.one_of(*values_of_kind.values()) if draw(rarely) else own)))
    return found + [reference("beta", "alpha")] * draw(rarely)


@st.composite
def nodes(draw: st.DrawFn, read: st.SearchStrategy[str], made: str, depth: int = 0) -> bytes:
    """A node of an operator that is known, of a function of the file, or with branches."""
    domain, op = draw(st.sampled_from([("", name) for name in OPERATORS] + [("local", "f")] * 4))
    found = draw(attributes(op))
    if depth < 2 and draw(rarely):
        op, found = "If", [subgraph(name, draw(graphs(depth + 1))) for name in ("then_branch", "else_branch")]
    inputs = [draw(read), *draw(st.lists(st.sampled_from(("x", "w", "s", "i", "_")), max_size=3))]
    return node(op, " ".join(inputs), made, *found, name=draw(st.sampled_from(["", "n", "m"])), domain=domain)


@st.composite
def rows(draw: st.DrawFn, depth: int = 0) -> list[bytes]:
    """Nodes that read what is made before them, or now and then anything."""
    found, made = [], ["x"]
    for name in ("a", "b", "c", "y")[draw(st.integers(0, 3)) :]:
        read = st.sampled_from(VALUES if draw(rarely) else [*made[-1:] * 8, *made, "w", "s", "i"])
        found.append(draw(nodes(read, f"{name} {name}2" if draw(rarely) else name, depth)))
        made.append(name)
    return found


@st.composite
def graphs(draw: st.DrawFn, depth: int = 0) -> bytes:
    """A graph; at depth 0 it has inputs."""
    found = draw(rows(depth))
    named = draw(st.lists(st.sampled_from("wsi"), max_size=3, unique=True)) if depth else "wsi"
    initializers = [draw(arrays(name)) for name in named]
    usual = st.sampled_from([(1, 4, 6, 6), (1, 3, 8, 8), ("N", 3, "H", "W"), (2, 4), ("N", 4)])
    shape = draw(st.one_of(shapes, st.lists(sizes, max_size=5), st.none()) if draw(rarely) else usual)
    inputs = [] if depth else [value_info("x", shape, draw(st.sampled_from([1] * 20 + [7, 2, 9, 10])))]
    return graph(found, initializers, inputs, ["y", "a"] if draw(rarely) else ["y"])


@st.composite
def hostile_models(draw: st.DrawFn) -> bytes:
    """A whole file."""
    more = b""
    if draw(st.booleans()):
        body = draw(rows(1))
        more = functions(function("f", "x w", "y", *body)) + field(8, opset(1, "local"))
    return model(draw(graphs()), draw(st.integers(7, 28)), more)
