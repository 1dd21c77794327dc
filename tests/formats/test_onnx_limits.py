"""The limits of the ONNX reader: what is just within one loads, what is one beyond is refused with its number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx_wire import (
    array,
    attribute,
    external,
    field,
    function,
    functions,
    graph,
    metadata,
    model,
    node,
    opset,
    raw,
    subgraph,
    tensor,
    value_info,
)

from tinyinfer.errors import TinyInferError
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.formats.onnx.load import load
from tinyinfer.formats.onnx.reading.data_files import DataFiles
from tinyinfer.formats.onnx.reading.messages import read_model
from tinyinfer.formats.onnx.reading.wire import Budget, Message

RELU = node("Relu", "x", "y")
Files = dict[str, bytes]


def _plain(content: bytes) -> Files:
    return {"net.onnx": content}


def _padded(content: bytes, size: int) -> bytes:
    """The model in a file of so many bytes."""
    return content + field(30, bytes(size - len(content) - 4))  # two bytes each for the tag and for the length


def _fields(content: bytes) -> int:
    """How many fields a model has."""
    budget = Budget("net.onnx", DEFAULT)
    read_model(Message(memoryview(content), "model", budget), DataFiles("net.onnx", DEFAULT))
    return DEFAULT.fields - budget.fields


def total_bytes(count: int) -> Files:
    return _plain(_padded(model(graph([RELU])), count))


def total_bytes_of_data(count: int) -> Files:
    content = model(graph([RELU], [external("w", [1], location="data", length="4")]))
    return {"net.onnx": content, "data": bytes(count)}


def name_length(count: int) -> Files:
    return _plain(model(graph([node("Relu", "x", "y" * count)], outputs=["y" * count])))


def name_length_of_a_tensor(count: int) -> Files:
    return _plain(model(graph([RELU], [array("w" * count, [1.0])])))


def rank(count: int) -> Files:
    return _plain(model(graph([RELU], inputs=[value_info("x", [1] * count)])))


def rank_of_a_tensor(count: int) -> Files:
    return _plain(model(graph([RELU], [tensor("w", [1] * count, "float32", raw(bytes(4)))])))


def dimension(count: int) -> Files:
    return _plain(model(graph([RELU], inputs=[value_info("x", [count])])))


def dimension_of_a_tensor(count: int) -> Files:
    return _plain(model(graph([RELU], [array("w", np.zeros(count))])))


def elements(count: int) -> Files:
    wide = node("Add", "x row", "y")  # of two columns, `count` numbers for each
    return _plain(model(graph([wide], [array("row", np.zeros((1, count)))], [value_info("x", (1, 1))])))


def elements_of_a_tensor(count: int) -> Files:
    return _plain(model(graph([RELU], [array("w", np.zeros((1, count)))], [value_info("x", (1, 1))])))


def elements_of_an_input(count: int) -> Files:
    return _plain(model(graph([RELU], inputs=[value_info("x", (1, count))])))


def depth(count: int) -> Files:
    """Functions that call each other."""
    names = [f"f{i}" for i in range(count)]
    calls = [node(after, "a", "b", domain="local") for after in names[1:]] + [node("Relu", "a", "b")]
    found = functions(*(function(name, "a", "b", call) for name, call in zip(names, calls, strict=True)))
    return _plain(model(graph([node("f0", "x", "y", domain="local")]), more=found + field(8, opset(1, "local"))))


def nodes(count: int) -> Files:
    rows = [node("Relu", f"v{i - 1}" if i else "x", f"v{i}" if i < count - 1 else "y") for i in range(count)]
    return _plain(model(graph(rows)))


def nodes_of_functions(count: int) -> Files:
    """One node that calls a function of all the others."""
    rows = [node("Relu", f"v{i - 1}" if i else "a", f"v{i}" if i < count - 2 else "b") for i in range(count - 1)]
    found = functions(function("f", "a", "b", *rows)) + field(8, opset(1, "local"))
    return _plain(model(graph([node("f", "x", "y", domain="local")]), more=found))


def text_length(count: int) -> Files:
    return _plain(model(graph([RELU]), more=metadata(description="a" * count)))


def fields(count: int) -> Files:
    content = model(graph([RELU]))
    return _plain(content + field(30, 1) * (count - _fields(content)))


def packed_bytes(count: int) -> Files:
    return _plain(model(graph([RELU], [tensor("w", [count], "int64", field(7, b"\x01" * count))])))


def packed_bytes_of_two_tensors(count: int) -> Files:
    halves = [count // 2, count - count // 2]
    found = [tensor(f"w{i}", [n], "int64", field(7, b"\x01" * n)) for i, n in enumerate(halves)]
    return _plain(model(graph([RELU], found)))


def data_files(count: int) -> Files:
    found = [external(f"w{i}", [1], location=f"data{i}") for i in range(count)]
    return {"net.onnx": model(graph([RELU], found)), **{f"data{i}": bytes(4) for i in range(count)}}


def sharing(count: int) -> Files:
    found = [external(f"w{i}", [64], location="data") for i in range(count)]
    return {"net.onnx": model(graph([RELU], found)), "data": bytes(256)}


def labels(count: int) -> Files:
    texts = "[" + ", ".join(['"cat"'] * count) + "]"
    return _plain(model(graph([RELU]), more=metadata(labels=texts), producer="tinyinfer"))


def document_bytes(count: int) -> Files:
    return _plain(model(graph([RELU]), more=metadata(about='"' + "a" * (count - 2) + '"'), producer="tinyinfer"))


CASES: list[tuple[str, int, Callable[[int], Files]]] = [
    ("total_bytes", 2000, total_bytes),
    ("total_bytes", 2000, total_bytes_of_data),
    ("name_length", 50, name_length),
    ("name_length", 50, name_length_of_a_tensor),
    ("rank", 5, rank),
    ("rank", 5, rank_of_a_tensor),
    ("dimension", 100, dimension),
    ("dimension", 100, dimension_of_a_tensor),
    ("elements", 100, elements),
    ("elements", 100, elements_of_a_tensor),
    ("elements", 100, elements_of_an_input),
    ("depth", 12, depth),
    ("nodes", 30, nodes),
    ("nodes", 30, nodes_of_functions),
    ("text_length", 500, text_length),
    ("fields", 200, fields),
    ("packed_bytes", 77, packed_bytes),
    ("packed_bytes", 77, packed_bytes_of_two_tensors),
    ("data_files", 4, data_files),
    ("sharing", 3, sharing),
    ("labels", 10, labels),
    ("document_bytes", 300, document_bytes),
]


@pytest.mark.parametrize(("name", "limit", "make"), CASES, ids=[case[2].__name__ for case in CASES])
def test_what_is_within_a_limit_loads_and_one_more_does_not(
    name: str, limit: int, make: Callable[[int], Files], tmp_path: Path
) -> None:
    limits = replace(DEFAULT, **{name: limit})
    _load(make(limit), tmp_path, limits)
    told = 256 * limit if make is sharing else limit
    with pytest.raises(TinyInferError, match=rf"net\.onnx: .*\b{told}\b"):
        _load(make(limit + 1), tmp_path, limits)


def _load(files: Files, folder: Path, limits: Limits) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    load(folder / "net.onnx", limits=limits)


@pytest.mark.parametrize("levels", range(2, 8))
def test_messages_nest_as_deep_as_the_limit(levels: int, tmp_path: Path) -> None:
    content = graph([RELU], inputs=[], outputs=[])
    for level in range(levels):
        inputs = [value_info("x")] if level == levels - 1 else []
        content = graph([node("If", "x", "y", subgraph("then_branch", content))], inputs=inputs, outputs=[])
    deepest = 1 + 3 * levels + 1  # the graph; a node, an attribute and a graph of each level; a node
    files = _plain(model(content))
    with pytest.raises(TinyInferError, match="depends on the network's input"):
        _load(files, tmp_path, replace(DEFAULT, depth=deepest))
    with pytest.raises(TinyInferError, match=f"messages at most {deepest - 1} deep"):
        _load(files, tmp_path, replace(DEFAULT, depth=deepest - 1))


@pytest.mark.parametrize("stored", ["initializer", "constant"])
@pytest.mark.parametrize(("total", "per_element", "folded"), [(0, 2, True), (0, 1, False), (8, 0, True), (7, 0, False)])
def test_values_are_worked_out_up_to_a_limit(
    stored: str, total: int, per_element: int, folded: bool, tmp_path: Path
) -> None:
    """Four elements are read and four made; what is not worked out is computed in every run."""
    row = array("row", np.ones(4))
    given = [node("Constant", "", "row", attribute("value", row))] if stored == "constant" else []
    nodes = [*given, node("Neg", "row", "n"), node("Add", "x n", "y")]
    content = model(graph(nodes, [] if given else [row], [value_info("x", (4,))]))
    assert _computed(content, tmp_path, total, per_element).count("neg") == (0 if folded else 1)


def test_a_constant_of_a_function_counts_once_however_often_it_is_called(tmp_path: Path) -> None:
    body = [node("Constant", "", "row", attribute("value", array("row", np.ones(4)))), node("Neg", "row", "b")]
    calls = [node("f", "x", f"n{i}", domain="local") for i in range(3)]
    total = node("Sum", "x n0 n1 n2", "y")
    more = functions(function("f", "a", "b", *body)) + field(8, opset(1, "local"))
    content = model(graph([*calls, total], [], [value_info("x", (4,))]), more=more)
    assert _computed(content, tmp_path, 0, 2).count("neg") == 2


def _computed(content: bytes, folder: Path, worked_out: int, per_element: int) -> list[str]:
    """The operators of a network of which so much may be worked out."""
    (folder / "net.onnx").write_bytes(content)
    limits = replace(DEFAULT, worked_out=worked_out, worked_out_per_element=per_element)
    network, _ = load(folder / "net.onnx", limits=limits)
    return [step.op.name for step in network.nodes]
