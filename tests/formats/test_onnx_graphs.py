"""ONNX graphs in the many ways in which a file may say the same: functions, branches, free sizes, metadata."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_files import loaded
from onnx_wire import (
    array,
    attribute,
    field,
    function,
    functions,
    graph,
    metadata,
    model,
    node,
    opset,
    reference,
    subgraph,
    value_info,
)

import tinyinfer as ti
from tinyinfer.errors import InputError
from tinyinfer.formats.onnx.exporting.export import export_onnx
from tinyinfer.formats.onnx.load import load
from tinyinfer.formats.onnx.reading.attributes import KINDS
from tinyinfer.model import Model

RELU = node("Relu", "x", "y")


def answer(content: bytes, folder: Path, x: np.ndarray, **options) -> np.ndarray:
    network, meta = loaded(content, folder, **options)
    return Model(network, meta, kernels="reference")(x)


# -- graphs ------------------------------------------------------------------------------------------


def test_initializers_among_the_inputs_and_outputs(tmp_path: Path) -> None:
    nodes = [node("Add", "x w", "y", name="same"), node("Relu", "y", "z", name="same"), node("Relu", "z", "v")]
    inputs = [value_info("x", (2, 3)), value_info("w", (3,))]
    network, _ = loaded(model(graph(nodes, [array("w", [1, 2, 3])], inputs, ["v", "w", "x"])), tmp_path)
    assert [i.name for i in network.inputs] == ["x"]
    outputs = Model(network, {}, kernels="reference").run({"x": np.zeros((2, 3), np.float32)})
    assert outputs["w"].tolist() == [1, 2, 3]
    assert outputs["v"].tolist() == [[1, 2, 3]] * 2
    assert np.array_equal(outputs["x"], np.zeros((2, 3)))


@pytest.mark.parametrize("version", [7, 13, 20, 26])
def test_opsets(version: int, tmp_path: Path) -> None:
    assert loaded(model(graph([RELU]), version), tmp_path)[1]["onnx"]["opset"] == version


def test_nodes_in_any_order(tmp_path: Path) -> None:
    content = model(graph([node("Relu", "a", "y"), node("Add", "x w", "a")], [array("w", [-1.0])]))
    assert answer(content, tmp_path, np.zeros((1, 3, 8, 8), np.float32)).max() == 0


def test_attributes_that_do_not_say_their_kind(tmp_path: Path) -> None:
    pads, group = field(1, "pads") + field(8, 1) * 4, field(1, "group") + field(3, 3)
    weight = array("w", np.ones((3, 1, 3, 3)))
    network, _ = loaded(model(graph([node("Conv", "x w", "y", pads, group)], [weight])), tmp_path)
    assert (network.nodes[0].op.padding, network.nodes[0].op.groups) == ((1, 1, 1, 1), 3)


def test_the_kinds_of_attributes_are_those_of_onnx() -> None:
    declared: dict[str, set[str]] = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        for name, found in schema.attributes.items() if schema.domain == "" else ():
            declared.setdefault(name, set()).add(found.type.name)
    for old, kind in {"p": "FLOAT", "to": "STRING", "value": "FLOAT"}.items():  # of versions before opset 7
        declared[old].discard(kind)
    assert {name: declared[name] for name in KINDS} == {name: {kind.name} for name, kind in KINDS.items()}


# -- functions and branches ---------------------------------------------------------------------------


def test_functions_stand_for_their_nodes(tmp_path: Path) -> None:
    """Calls that call, inputs left out, attributes passed on or left to their defaults, an output that is an input."""
    leaky = node("LeakyRelu", "a", "t", reference("alpha", "slope"))
    inner = function("leaky", "a", "b a", leaky, node("Add", "t a", "b")) + field(11, attribute("slope", 0.5))
    first = node("leaky", "a", "t u", domain="local", name="n")
    second = node("leaky", "u", "v", attribute("slope", 0.25), domain="local", name="n")
    outer = function("twice", "a unused", "c", first, second, node("Add", "t v", "c"))
    calls = [node("twice", "x", "h", domain="local", name="one"), node("twice", "h _", "y", domain="local", name="one")]
    content = model(
        graph(calls, [], [value_info("x", (4,))]), more=functions(inner, outer) + field(8, opset(1, "local"))
    )
    x = np.array([-2, -0.5, 0, 3], np.float32)

    def once(x: np.ndarray) -> np.ndarray:
        return np.where(x < 0, 0.5 * x, x) + np.where(x < 0, 0.25 * x, x) + 2 * x

    assert np.allclose(answer(content, tmp_path, x), once(once(x)))


def test_a_function_s_operators_are_of_its_own_opset(tmp_path: Path) -> None:
    body = node("Softmax", "a", "b")
    found = functions(function("f", "a", "b", body, version=11)) + field(8, opset(1, "local"))
    content = model(graph([node("f", "x", "y", domain="local")], inputs=[value_info("x", (2, 3, 4))]), 20, more=found)
    total = answer(content, tmp_path, np.ones((2, 3, 4), np.float32)).sum(axis=(1, 2))
    assert np.allclose(total, 1)  # of all but the first dimension, before opset 13


def _branches(then: bytes, other: bytes, condition: bytes, name: str = "if") -> bytes:
    return node("If", "yes", "y", subgraph("then_branch", then), subgraph("else_branch", other), name=name) + condition


@pytest.mark.parametrize("yes", [True, False])
def test_the_branch_that_is_taken(yes: bool, tmp_path: Path) -> None:
    """Branches read the values, initializers and inputs around them, hold arrays and branches of their own."""
    innermost = graph([node("Add", "h own", "deep")], [array("own", [100.0])], [], ["deep"])
    nested = node("If", "yes", "nested", subgraph("then_branch", innermost), subgraph("else_branch", innermost))
    then = graph([nested, node("Add", "nested x", "t")], inputs=[], outputs=["t"])
    other = graph([node("Swirl" if yes else "Add", "h w", "e")], inputs=[], outputs=["e"])
    nodes = [_branches(then, other, b""), node("Add", "x w", "h")]
    content = model(graph(nodes, [array("w", [10.0]), array("yes", [yes], "bool")], [value_info("x", (1,))]))
    assert answer(content, tmp_path, np.array([1], np.float32)).tolist() == [112 if yes else 21]


def test_a_branch_that_gives_what_it_is_given(tmp_path: Path) -> None:
    then, other = graph([], inputs=[], outputs=["x"]), graph([], [array("e", [5.0])], [], ["e"])
    for yes, expected in ((True, 3), (False, 5)):
        content = model(graph([_branches(then, other, b"")], [array("yes", yes, "bool")], [value_info("x", (1,))]))
        assert answer(content, tmp_path, np.array([3], np.float32)).tolist() == [expected]


def test_branches_in_functions(tmp_path: Path) -> None:
    then = graph([node("Add", "a t", "r")], inputs=[], outputs=["r"])
    body = node("If", "c", "b", subgraph("then_branch", then), subgraph("else_branch", then), name="if")
    found = function("f", "a c", "b", node("Relu", "a", "t"), body)
    calls = [node("f", "x yes", "h", domain="local", name="f1"), node("f", "h yes", "y", domain="local", name="f2")]
    more = functions(found) + field(8, opset(1, "local"))
    content = model(graph(calls, [array("yes", True, "bool")], [value_info("x", (1,))]), more=more)
    assert answer(content, tmp_path, np.array([1], np.float32)).tolist() == [4]


# -- sizes that the file leaves free --------------------------------------------------------------------


def _nominal(shape: list[int | str], folder: Path, **given) -> tuple[int, ...]:
    network, _ = loaded(model(graph([RELU], inputs=[value_info("x", shape)])), folder, **given)
    return network.inputs[0].nominal


def test_nominal_sizes(tmp_path: Path) -> None:
    assert _nominal(["N", 3, "height", "width"], tmp_path) == (1, 3, 224, 224)
    assert _nominal(["batch", "channels", 32, "w"], tmp_path) == (1, 3, 32, 224)
    assert _nominal(["batch", "h", "w", 3], tmp_path) == (1, 224, 224, 3)
    assert _nominal([-1, 3, 0, -1], tmp_path) == (1, 3, 224, 224)
    assert _nominal(["tokens", 7], tmp_path) == (1, 7)
    assert _nominal(["s", 3, "s", "s"], tmp_path, input_shapes={"x": (2, 3, 2, 2)}) == (2, 3, 2, 2)


def test_sizes_of_one_name_are_equal(tmp_path: Path) -> None:
    inputs = [value_info("x", ["B", 3, "S", "S"]), value_info("m", ["B", "S"])]
    content = model(graph([RELU, node("Relu", "m", "z")], inputs=inputs, outputs=["y", "z"]))
    network, _ = loaded(content, tmp_path, input_shapes={"m": (4, 64)})
    assert [i.nominal for i in network.inputs] == [(4, 3, 64, 64), (4, 64)]


def test_shapes_that_an_input_cannot_have(tmp_path: Path) -> None:
    for given, message in (
        ({"x": (1, 3, 224)}, "input 'x': expected shape N.3.H.W, found 1.3.224"),
        ({"x": (1, 4, 8, 8)}, "expected shape N.3.H.W, found 1.4.8.8"),
        ({"x": (1, 3, 0, 8)}, "expected shape"),
        ({"image": (1, 3, 8, 8)}, "input 'image': expected one of 'x'"),
    ):
        with pytest.raises(InputError, match=message.replace(".", "[x.]")):
            _nominal(["N", 3, "H", "W"], tmp_path, input_shapes=given)


def test_a_network_that_does_not_fit_the_usual_size_says_how_to_give_another(tmp_path: Path) -> None:
    content = model(
        graph([node("Add", "x w", "y")], [array("w", np.zeros((7, 5)))], [value_info("x", ["N", 3, "H", "W"])])
    )
    with pytest.raises(ti.GraphError, match=r"taken 'x' as 1x3x224x224: say what fits by input_shapes, or --input"):
        loaded(content, tmp_path)
    assert loaded(content, tmp_path, input_shapes={"x": (1, 3, 7, 5)})[0].inputs[0].nominal == (1, 3, 7, 5)


# -- metadata ---------------------------------------------------------------------------------------------


def test_what_was_exported_comes_back(tmp_path: Path) -> None:
    meta = {
        "name": "a name", "labels": ["cat", "dög"], "task": "classification",
        "preprocess": {"resize": 8, "crop": 8, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
    }  # fmt: skip
    network, _ = loaded(model(graph([RELU])), tmp_path)
    known = {key: value for key, value in meta.items() if key != "task"}
    export_onnx(Model(network, known), tmp_path / "out.onnx")
    found = load(tmp_path / "out.onnx")[1]
    assert {key: found[key] for key in known} == known
    assert found["source"] == "out.onnx"


def test_other_files_properties_are_facts(tmp_path: Path) -> None:
    more = metadata(labels="[1, 2", note="\x1b[2J red")
    meta = loaded(model(graph([RELU]), more=more, producer="pytorch"), tmp_path)[1]
    assert meta["name"] == "net"
    assert meta["onnx"] == {
        "producer": "pytorch", "opset": 20, "properties": {"labels": "[1, 2", "note": "\ufffd[2J red"},
    }  # fmt: skip
