"""Nodes with inputs and attributes that no exporter writes: each is lowered, or refused by our own errors."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyinfer.errors import TinyInferError
from tinyinfer.formats.importing.call import FileNode
from tinyinfer.formats.importing.free_sizes import with_free_sizes
from tinyinfer.formats.importing.importer import Importer
from tinyinfer.formats.importing.lowering import lower_nodes
from tinyinfer.formats.limits import DEFAULT
from tinyinfer.formats.onnx.lowering import table
from tinyinfer.formats.onnx.reading.attributes import KINDS, Kind

ARRAYS = [
    *(np.array(x, np.int64) for x in (0, 1, -1, [], [0], [1], [-1], [2, 3], [1, -1], [0, 2], [2**62], [1, 3, 8, 8])),
    *(np.array(x, np.float32) for x in (0, 0.5, [], [2.0], [1, 1, 2, 2], [np.inf], [np.nan])),
    *(np.array(x, bool) for x in (True, [True, False, True])),
    np.ones((3, 3, 1, 1), np.float32),
    np.ones((2, 3), np.uint8),
]
OF_THE_NETWORK = ("x", "vector", "integers", "truth", "sizes")  # free and fixed values, and one that follows from sizes
NUMBERS = st.sampled_from([0, 1, 2, -1, -2, 3, 7, 10, 2**31, -(2**40)])
FLOATS = st.sampled_from([0.0, 0.5, -1.0, 1e30, float("inf"), float("nan")])
STRINGS = st.sampled_from(["", "NOTSET", "SAME_UPPER", "linear", "cubic", "reflect", "max", "LEFT", "ij,jk->ik"])
OF_KIND: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.INT: NUMBERS,
    Kind.FLOAT: FLOATS,
    Kind.STRING: STRINGS,
    Kind.INTS: st.lists(NUMBERS, max_size=5),
    Kind.FLOATS: st.lists(FLOATS, max_size=5),
    Kind.STRINGS: st.lists(STRINGS, max_size=3),
    Kind.TENSOR: st.sampled_from(ARRAYS),
}


@st.composite
def nodes(draw: st.DrawFn, op_type: str) -> FileNode:
    version = draw(st.sampled_from([7, 11, 13, 18, table.NEWEST]))
    values = [*OF_THE_NETWORK, "", *(f"array{i}" for i in range(len(ARRAYS)))]
    inputs = tuple(draw(st.lists(st.sampled_from(values), max_size=5)))
    asked = attributes_of(op_type)
    given = draw(st.lists(st.sampled_from(asked), unique=True)) if asked else []
    attributes = {name: draw(OF_KIND[KINDS[name]]) for name in given}
    outputs = tuple(f"y{i}" for i in range(draw(st.integers(1, 3))))
    return FileNode("node", op_type, inputs, outputs, attributes, version)


@cache
def attributes_of(op_type: str) -> list[str]:
    """Of all versions of an operator."""
    schemas = [schema for schema in every_schema() if schema.name == op_type and not schema.domain]
    found = {name for schema in schemas for name in schema.attributes}
    return sorted(name for name in found if KINDS.get(name) in OF_KIND)


@cache
def every_schema() -> list[Any]:
    return list(pytest.importorskip("onnx").defs.get_all_schemas_with_history())


@pytest.mark.parametrize("op_type", sorted({name for name, _ in table.LOWERINGS}))
@settings(max_examples=10)
@given(data=st.data())
def test_odd_nodes(op_type: str, data: st.DataObject) -> None:
    node = data.draw(nodes(op_type))

    lowered_or_refused(node)


@pytest.mark.parametrize("op_type", sorted({name for name, _ in table.LOWERINGS}))
def test_nodes_without_attributes(op_type: str) -> None:
    for version in (7, 13, table.NEWEST):
        for count in range(5):
            lowered_or_refused(FileNode("node", op_type, ("x", *["array1"] * count), ("y0",), {}, version))


def lowered_or_refused(node: FileNode) -> None:
    def build(fixed: Any) -> None:
        importer = Importer(DEFAULT, fixed)
        values = {f"array{i}": importer.constant(f"array{i}", array) for i, array in enumerate(ARRAYS)}
        values["x"] = importer.input("x", (None, 3, None, None), (1, 3, 8, 8))
        values["vector"] = importer.input("vector", (4,), (4,))
        values["integers"] = importer.input("integers", (None, 2), (2, 2), "int64")
        values["truth"] = importer.input("truth", (3,), (3,), "bool")
        values["sizes"] = importer.sizes_of("x", "sizes")
        lower_nodes(importer, [node], values, table.find, "here")
        importer.finish({name: values[name] for name in node.outputs}).verify(allow_nonfinite=True)

    try:
        with_free_sizes(build)
    except TinyInferError as error:
        assert re.fullmatch(r"\S.+", str(error))  # noqa: PT017  one line: most are refused, some happen to fit
