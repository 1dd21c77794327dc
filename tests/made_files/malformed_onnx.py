"""Hostile and damaged ONNX files, in the form of `malformed`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from malformed import Malformed
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
    reference,
    subgraph,
    tensor,
    value_info,
    varint,
)

from tinyinfer.errors import GraphError, ModelFormatError, TinyInferError, UnsupportedOpError, WeightsError

RELU = node("Relu", "x", "y", name="relu")
WEIGHT = np.ones((4, 3, 3, 3), np.float32)


def good_onnx() -> bytes:
    """A small network that loads: what the malformed ones are variations of."""
    conv = node("Conv", "x w b", "c", attribute("pads", [1, 1, 1, 1]), attribute("strides", [2, 2]), name="conv")
    add = node("Add", "r half", "y", name="add")
    arrays = [array("w", WEIGHT), array("b", [0.5] * 4), array("half", 0.5)]
    return model(graph([conv, node("Relu", "c", "r"), add], arrays, [value_info("x", ["N", 3, "H", "W"])]))


def rich_onnx() -> bytes:
    """A small network with a function, branches, metadata of ours, and integers of every form."""
    branch = graph([node("Relu", "h", "z")], inputs=[], outputs=["z"])
    chosen = node("If", "yes", "y", subgraph("then_branch", branch), subgraph("else_branch", branch))
    pool = node("MaxPool", "x", "p", attribute("kernel_shape", [2, 2]), attribute("auto_pad", "SAME_UPPER"))
    call = node("leaky", "p", "h", attribute("alpha", 0.5), domain="local")
    found = function("leaky", "a", "b", node("LeakyRelu", "a", "b"), uses="alpha")
    more = functions(found) + field(8, opset(1, "local")) + metadata(name='"small"', labels='["cat", "dog"]')
    content = graph([pool, call, chosen], [array("yes", True, "bool")], [value_info("x", ["N", 3, 8, "W"])])
    return model(content, more=more, producer="tinyinfer")


def _bad(
    name: str, content: bytes, says: str, error: type[TinyInferError] = ModelFormatError, more: bytes = b""
) -> Malformed:
    """A model around a graph that is wrong."""
    return Malformed(name, model(content, more=more), error, says)


def _tensor(name: str, content: bytes, says: str, error: type[TinyInferError] = ModelFormatError) -> Malformed:
    """A model whose initializer is wrong."""
    return _bad(name, graph([node("Add", "x w", "y")], [content]), says, error)


def bad_wire() -> Iterator[Malformed]:
    good = good_onnx()
    yield Malformed("empty", b"", ModelFormatError, "not an ONNX model: an empty file")
    yield Malformed("text", b"hello, world\n" * 20, ModelFormatError, "not an ONNX model: .* found b'hello")
    yield Malformed("html", b"<!DOCTYPE html>\n<html></html>", ModelFormatError, "not an ONNX model: .*DOCTYPE")
    yield Malformed("zip", b"PK\x03\x04" + bytes(40), ModelFormatError, "not an ONNX model: .* found b'PK")
    yield Malformed("zeros", bytes(100), ModelFormatError, "not an ONNX model")
    version = field(1, 10)
    yield Malformed("zeros behind a version", version + bytes(100), ModelFormatError, "expected a field number from 1")
    yield Malformed("ones", version + b"\xff" * 100, ModelFormatError, "integer of at most 10 bytes")
    yield Malformed("last byte missing", good[:-1], ModelFormatError, "expected 4 bytes, found 3")
    yield Malformed("half of it", good[: len(good) // 2], ModelFormatError, "field 7: expected [0-9]+ bytes, found")
    yield Malformed("no graph", field(1, 10), ModelFormatError, "expected a graph, found none")
    yield Malformed(
        "graph is a number", version + field(7, 1), ModelFormatError, "field 7: expected wire type 2, found 0"
    )
    yield Malformed("group", version + b"\x3b" + good, ModelFormatError, "found 3")
    yield Malformed("length of 2^63", varint(7 << 3 | 2) + varint(2**63), ModelFormatError, "bytes, found 0")
    yield Malformed("length of 11 bytes", varint(7 << 3 | 2) + b"\x80" * 10 + b"\x01", ModelFormatError, "10 bytes")
    yield Malformed("field number 2^40", version + varint(2**43) + b"\x01", ModelFormatError, "expected a field number")
    yield Malformed("empty graph", model(b""), GraphError, "at least one input and one output")
    yield Malformed("many fields", model(graph([RELU])) + field(30, 1) * 500_000, ModelFormatError, "500000 fields")
    yield _bad("many nodes", graph([field(4, "Relu")] * 20_001), "at most 20000 nodes, found 20001")
    yield _bad("name not utf-8", graph([field(1, b"\xff\xfe") + field(4, "Relu")]), "expected UTF-8 text")
    yield _bad("escape in a name", graph([node("Relu", "x", "\x1b[2Jy")]), "printable characters, found '.x1b")
    yield _bad("name of a megabyte", graph([node("Relu", "x", "y" * 2**20)]), "at most 100000 bytes of text")
    yield _bad("name of 2000 letters", graph([node("Relu", "x", "y" * 2000)]), "at most 1024 printable")
    yield _bad("input as a number", graph([field(1, 5) + field(4, "Relu")]), "field 1: expected wire type 2")


def bad_tensors() -> Iterator[Malformed]:
    yield _tensor("2^60 elements", tensor("w", [2**60], "float32", raw(b"1234")), "sizes from 0 to 16777216")
    yield _tensor("product of 2^96", tensor("w", [2**24] * 4, "float32"), "at most 2147483648 elements")
    none = tensor("w", [0, *[2**24] * 3], "float32")
    yield _tensor("no elements, sizes of 2^72", none, "at most 2147483648 elements along all sizes but 0")
    yield _tensor("negative size", tensor("w", [-1, 3], "float32", raw(bytes(12))), "sizes from 0 to .* found -1")
    yield _tensor("rank 9", tensor("w", [1] * 9, "float32", raw(bytes(4))), "at most 8 dimensions, found 9")
    yield _tensor("rank 100000", tensor("w", [1] * 100_000, "float32", raw(bytes(4))), "at most 8 dimensions")
    yield _tensor("too few bytes", tensor("w", [3], "float32", raw(bytes(8))), "expected 12 bytes .* found 8")
    yield _tensor("too many bytes", tensor("w", [3], "float32", raw(bytes(16))), "expected 12 bytes .* found 16")
    big = tensor("w", [2**18], "float32", raw(bytes(2**20 - 1)))
    yield _tensor("too few of a megabyte", big, "expected 1048576 bytes .* found 1048575")
    yield _tensor("bytes of another dtype", tensor("w", [3], "float64", raw(bytes(12))), "expected 24 bytes")
    yield _tensor("no data", tensor("w", [3]), "expected 3 elements, found 0 of float_data")
    both = tensor("w", [1], "float32", raw(bytes(4)), field(4, 1.0))
    yield _tensor("raw_data beside float_data", both, "expected one of the fields .* found 4, 9")
    yield _tensor("floats in int32_data", tensor("w", [1], "float32", field(5, 1)), "found 0 of float_data")
    yield _tensor("dtype 0", tensor("w", [1], 0, raw(bytes(4))), "elements of type 0", UnsupportedOpError)
    yield _tensor("dtype 99", tensor("w", [1], 99, raw(bytes(4))), "type 99 are not", UnsupportedOpError)
    yield _tensor("strings", tensor("w", [1], 8, field(6, "text")), "type string are not", UnsupportedOpError)
    yield _tensor("complex", tensor("w", [1], 14, raw(bytes(8))), "type complex64 are not", UnsupportedOpError)
    yield _tensor("uint8 of 256", tensor("w", [1], "uint8", field(5, 256)), "elements from 0 to 255, found 256")
    yield _tensor("int8 of -129", tensor("w", [1], "int8", field(5, -129)), "from -128 to 127, found -129")
    yield _tensor("truth of 2", tensor("w", [1], "bool", raw(b"\x02")), "truth values of 0 or 1, found 2")
    packed = tensor("w", [2], "int64", field(7, b"\x01\x80"))
    yield _tensor("packed integers cut short", packed, "packed integers: expected another byte")
    yield _tensor("packed integer of 11 bytes", tensor("w", [1], "int64", field(7, b"\x80" * 10 + b"\x01")), "10 bytes")
    endless = tensor("w", [1], "int64", field(7, b"\x80" * 2**21 + b"\x01"))
    yield _tensor("packed integer of megabytes", endless, "at most 10 bytes")
    yield _tensor("floats of 3 bytes", tensor("w", [1], "float32", field(4, b"123")), "numbers of 4 bytes")
    yield _tensor("in segments", tensor("w", [1], "float32", field(3, b"")), "segments", UnsupportedOpError)
    twice = graph([RELU], [array("w", [1]), array("w", [2])])
    yield _bad("two initializers of one name", twice, "initializer: 'w' stands twice")
    yield _tensor("initializer without a name", array("", [1.0]), "initializer 0: expected a name")
    yield _bad("sparse initializer", graph([RELU], more=field(15, b"")), "sparse initializers", UnsupportedOpError)
    yield _tensor("NaN", array("w", [np.nan]), "'w' holds NaN or infinite", WeightsError)


def bad_external() -> Iterator[Malformed]:
    """Arrays in other files: outside the folder, outside those files, or no files at all."""

    def reads(name: str, says: str, files: dict[str, bytes | Path] | None = None, **said: str) -> Malformed:
        content = model(graph([node("Add", "x w", "y")], [external("w", [3], **said)]))
        return Malformed(name, {"folder/bad.onnx": content, **(files or {})}, ModelFormatError, says)

    inside = {"folder/data.bin": bytes(12)}
    outside = "expected a path in the model's folder"
    yield reads("above the folder", outside, {"data.bin": bytes(12)}, location="../data.bin")
    yield reads("above by a detour", outside, {"folder/a/b": b"", "data.bin": bytes(12)}, location="a/../../data.bin")
    yield reads("absolute path", outside, location="/etc/passwd")
    yield reads("Windows path", outside, location="C:\\Windows\\win.ini")
    yield reads("path with backslashes", outside, location="..\\data.bin")
    yield reads("another server", outside, location="\\\\server\\share\\data.bin")
    yield reads("no location", outside)
    yield reads("zero byte in a location", "printable characters", inside, location="data.bin\0.txt")
    link = {"folder/data.bin": Path("../secret"), "secret": bytes(12)}
    yield reads("link out of the folder", "a link that leads out of it", link, location="data.bin")
    chain = {"folder/a": Path("b"), "folder/b": Path("../secret"), "secret": bytes(12)}
    yield reads("link to a link", "a link that leads out of it", chain, location="a")
    up = {"folder/up": Path(".."), "secret": bytes(12)}
    yield reads("folder that is a link", "a link that leads out of it", up, location="up/secret")
    yield reads(
        "link to itself", "can't be read|leads out of it", {"folder/data.bin": Path("data.bin")}, location="data.bin"
    )
    yield reads("link to a device", "a link that leads out", {"folder/zero": Path("/dev/zero")}, location="zero")
    yield reads("missing file", "can't be read: No such file", location="data.bin")
    yield reads("a folder", "can't be read|expected a file", {"folder/data/x": b""}, location="data")
    yield reads("the folder itself", "can't be read|expected a file", location=".")
    yield reads("too short", "length of 12 bytes, found 11", {"folder/data.bin": bytes(11)}, location="data.bin")
    yield reads("offset beyond", "found -1|within the file", inside, location="data.bin", offset="13")
    yield reads("offset and length beyond", "within the file", inside, location="data.bin", offset="4", length="12")
    yield reads("offset of 2^70", "expected a number from 0", inside, location="data.bin", offset=str(2**70))
    yield reads("offset of 2^63", "within the file|length", inside, location="data.bin", offset=str(2**63), length="12")
    yield reads("negative offset", "expected a number from 0", inside, location="data.bin", offset="-4")
    yield reads("offset in words", "expected a number from 0", inside, location="data.bin", offset="four")
    yield reads("offset in other digits", "expected a number from 0", inside, location="data.bin", offset="\u0664")
    yield reads("negative length", "expected a number from 0", inside, location="data.bin", length="-12")
    yield reads("length of another size", "length of 12 bytes, found 8", inside, location="data.bin", length="8")
    own = model(graph([node("Add", "x w", "y")], [tensor("w", [1], "float32", raw(bytes(4)), field(14, 1))]))
    yield Malformed("raw data said to be outside", own, ModelFormatError, outside)
    many = [external(f"w{i}", [2**18], location="data.bin") for i in range(20)]
    shared = {"bad.onnx": model(graph([RELU], many)), "data.bin": bytes(2**20)}
    yield Malformed(
        "one file for many arrays", shared, ModelFormatError, "tensors of at most 16777216 bytes, found more"
    )


def bad_graphs() -> Iterator[Malformed]:
    yield _bad("cycle", graph([node("Relu", "b", "a", name="one"), node("Relu", "a", "b")], outputs=["a"]), "a cycle")
    yield _bad("reads itself", graph([node("Add", "x y", "y", name="one")]), "a cycle through or before node 'one'")
    yield _bad("undefined value", graph([node("Relu", "z", "y")]), "reads 'z', which nothing defines")
    yield _bad("value defined twice", graph([RELU, RELU]), "value 'y' is defined twice")
    yield _bad("value named like the input", graph([node("Relu", "x", "x")]), "value 'x' is defined twice")
    named = graph([node("Relu", "x", "w"), RELU], [array("w", [1.0])])
    yield _bad("value named like an initializer", named, "value 'w' is defined twice")
    yield _bad("two inputs of one name", graph([RELU], inputs=[value_info("x")] * 2), "input: 'x' stands twice")
    yield _bad("two outputs of one name", graph([RELU], outputs=["y", "y"]), "output: 'y' stands twice")
    yield _bad("input without a name", graph([RELU], inputs=[value_info("x"), value_info("")]), "expected a name")
    yield _bad("output that nothing computes", graph([RELU], outputs=["z"]), "output 'z' is not a value", GraphError)
    yield _bad("no outputs", graph([RELU], outputs=[]), "at least one input and one output", GraphError)
    constant = graph([node("Add", "w w", "y")], [array("w", [1.0])], [])
    yield _bad("no inputs", constant, "at least one input and one output", GraphError)
    yield _bad("Relu of two values", graph([node("Relu", "x x", "y")]), "input 1 is not supported", UnsupportedOpError)
    yield _bad("node without inputs", graph([node("Relu", "", "y")]), "expected an input 0", UnsupportedOpError)
    yield _bad(
        "input of rank 100", graph([RELU], inputs=[value_info("x", [1] * 100)]), "at most 8 dimensions, found 100"
    )
    yield _bad("input of 2^60", graph([RELU], inputs=[value_info("x", [1, 2**60])]), "at most 16777216, found")
    huge = graph([RELU], inputs=[value_info("x", [2**24, 2**24])])
    yield _bad("input of 2^48 elements", huge, "at most 2147483648 elements|GraphError", GraphError)
    yield _bad("no shape", graph([RELU], inputs=[value_info("x", None)]), "expected a shape", UnsupportedOpError)
    sequence = field(1, "x") + field(2, field(4, b""))
    yield _bad("sequence as input", graph([RELU], inputs=[sequence]), "expected a tensor", UnsupportedOpError)
    doubles = graph([RELU], inputs=[value_info("x", (1, 3), 11)])
    yield _bad("float64 input", doubles, "found float64", UnsupportedOpError)
    for version, found in ((6, 6), (29, 29), (2**40, 2**40), (-1, -1)):
        content = model(graph([RELU]), version)
        yield Malformed(f"opset {version}", content, UnsupportedOpError, f"opset: expected 7 to .* found {found}")
    yield Malformed("no opset", field(7, graph([RELU])), UnsupportedOpError, "opset: expected 7 to")
    yield _bad("two opsets", graph([RELU]), "opset: 'stands twice|opset: '' stands twice", more=field(8, opset(7)))
    unknown = [node("Swirl", "x", "a", name="s"), node("Twirl", "a", "y", domain="com.example", name="t")]
    yield _bad("unknown operators", graph(unknown), "Swirl of opset 20 .*; Twirl .*com.example", UnsupportedOpError)


def bad_attributes() -> Iterator[Malformed]:
    def conv(name: str, says: str, *attributes: bytes, error: type[TinyInferError] = ModelFormatError) -> Malformed:
        return _bad(name, graph([node("Conv", "x w", "y", *attributes, name="c")], [array("w", WEIGHT)]), says, error)

    yield conv("strides of text", "'strides': expected integers, found", attribute("strides", "22"))
    yield conv("strides of floats", "'strides': expected integers, found", attribute("strides", [1.0, 2.0]))
    yield conv("one stride as a number", "'strides': expected integers", attribute("strides", 2))
    yield conv("group of text", "'group': expected an integer", attribute("group", "1"))
    yield conv("stride 0", "stride", attribute("strides", [0, 1]), error=GraphError)
    yield conv("stride of 2^62", "stride", attribute("strides", [2**62, 1]), error=GraphError)
    yield conv("negative pads", "pad", attribute("pads", [-5, -5, -5, -5]), error=GraphError)
    yield conv("three pads", "pads: expected 4 numbers", attribute("pads", [1, 1, 1]), error=GraphError)
    yield conv("groups of 0", "group", attribute("group", 0), error=GraphError)
    yield conv("dilation of 2^40", "dilation|fit", attribute("dilations", [2**40, 1]), error=GraphError)
    yield conv("attribute twice", "'group' stands twice", attribute("group", 1), attribute("group", 1))
    yield conv("unknown attribute", "attribute 'twist'", attribute("twist", 1), error=UnsupportedOpError)
    gaps = attribute("kernel_shape", [0, 5]), attribute("dilations", [2, 2])
    pool = graph([node("AveragePool", "x", "y", *gaps)], inputs=[value_info("x", (1, 3, 20, 20))])
    yield _bad("windows of no rows with gaps", pool, "weight: expected elements, found", GraphError)
    for op, says in (("Concat", "'axis'"), ("LRN", "'size'"), ("BitShift", "'direction'")):
        inputs = "x" if op == "LRN" else "x x"
        yield _bad(
            f"{op} that lacks {says}", graph([node(op, inputs, "y")]), f"an attribute {says}", UnsupportedOpError
        )
    shift = graph([node("BitShift", "x x", "y", attribute("direction", "UP"))])
    yield _bad("shift upwards", shift, "expected LEFT or RIGHT, found 'UP'", UnsupportedOpError)
    filled = graph([node("ConstantOfShape", "sizes", "c"), node("Add", "x c", "y")], [array("sizes", [-1, 3], "int64")])
    yield _bad("filled to a negative size", filled, "expected sizes from 0 on, found -1", UnsupportedOpError)
    kind = field(1, "group") + field(20, 99)
    yield conv("kind 99", "values of kind 99", kind, error=UnsupportedOpError)
    yield conv("tensor that is none", "expected a tensor, found none", field(1, "value") + field(20, 4))
    yield conv("graph that is none", "expected a graph, found none", field(1, "body") + field(20, 5))
    yield conv("attribute of function", "'group' refers to one of a function", reference("group", "g"))
    text = field(1, "auto_pad") + field(4, b"\xff") + field(20, 3)
    yield conv("text not utf-8", "expected UTF-8 text", text)


def bad_functions_and_branches() -> Iterator[Malformed]:
    call = node("f", "x", "y", domain="local", name="call")

    def calls(name: str, says: str, *found: bytes, error: type[TinyInferError] = ModelFormatError) -> Malformed:
        return _bad(name, graph([call]), says, error, functions(*found) + field(8, opset(1, "local")))

    yield calls(
        "function that calls itself", "'f' calls itself", function("f", "a", "b", node("f", "a", "b", domain="local"))
    )
    to_g, to_f = node("g", "a", "b", domain="local"), node("f", "a", "b", domain="local")
    mutual = function("f", "a", "b", to_g), function("g", "a", "b", to_f)
    yield calls("functions that call each other", "'f' calls itself", *mutual)

    def doubling(last: bytes) -> list[bytes]:
        names = ["f", *(f"f{i}" for i in range(1, 30)), "last"]
        twice = [
            (n, node(after, "a", "c", domain="local"), node(after, "c", "b", domain="local"))
            for n, after in pairwise(names)
        ]
        return [*(function(n, "a", "b", *nodes) for n, *nodes in twice), function("last", "a", "b", last)]

    yield calls("functions that double", "at most 20000 nodes once", *doubling(node("Relu", "a", "b")))
    yield calls("functions that double nothing", "at most 20000 nodes once", *doubling(b""))
    chain = [f"f{i}" if i else "f" for i in range(60)]
    nest = [function(n, "a", "b", node(m, "a", "b", domain="local")) for n, m in pairwise(chain)]
    yield calls("functions 60 deep", "at most 32 deep", *nest, function(chain[-1], "a", "b", node("Relu", "a", "b")))
    yield calls("two functions of one name", "stands twice", *[function("f", "a", "b", node("Relu", "a", "b"))] * 2)
    yield calls("too many inputs", "at most .0, 1. inputs and outputs, found .1, 1.", function("f", "", "b"))
    yield calls("function that lacks its output", "output 'y'", function("f", "a", "b"), error=GraphError)
    wrong = function("f", "a", "b", node("Relu", "z", "b"))
    yield calls("function that reads from outside", "reads 'call/z', which nothing defines", wrong)
    outer = function("f", "a", "b", node("Relu", "x", "b"))
    yield calls("function that reads the network's value", "'call/x', which nothing defines", outer)

    def branches(name: str, says: str, then: bytes, error: type[TinyInferError] = ModelFormatError) -> Malformed:
        nodes = [node("If", "yes", "y", subgraph("then_branch", then), subgraph("else_branch", then), name="if")]
        return _bad(name, graph(nodes, [array("yes", True, "bool")]), says, error)

    inner = graph([node("Relu", "x", "z")], inputs=[], outputs=["z"])
    free = [node("If", "x", "y", subgraph("then_branch", inner), subgraph("else_branch", inner), name="if")]
    unknown = "If of opset 20 .*depends on the network's input"
    yield _bad("condition that is computed", graph(free), unknown, UnsupportedOpError)
    yield branches("branch without its output", "'z', which nothing defines", graph([], inputs=[], outputs=["z"]))
    swirl = graph([node("Swirl", "x", "z")], inputs=[], outputs=["z"])
    yield branches("unknown operator in a branch", "Swirl of opset 20", swirl, UnsupportedOpError)
    ring = graph([node("Relu", "p", "q"), node("Relu", "q", "p")], inputs=[], outputs=["p"])
    yield branches("cycle in a branch", "a cycle", ring)
    one = [node("If", "yes", "y", subgraph("then_branch", inner), name="if")]
    yield _bad("one branch", graph(one, [array("yes", True, "bool")]), "two branches, found", UnsupportedOpError)
    text = graph([node("If", "yes", "y", attribute("then_branch", "x"), name="if")], [array("yes", True, "bool")])
    yield _bad("branch of text", text, "'then_branch': expected a graph")
    deep = graph([])
    for _ in range(40):
        deep = graph([node("If", "yes", "y", subgraph("then_branch", deep))], outputs=["y"])
    yield _bad("branches 40 deep", deep, "messages at most 32 deep")
    loop = graph([node("Loop", "x", "y", subgraph("body", inner), name="loop")])
    yield _bad("loop", loop, "Loop of opset 20", UnsupportedOpError)


def bad_metadata() -> Iterator[Malformed]:
    def ours(name: str, says: str, more: bytes) -> Malformed:
        return Malformed(name, model(graph([RELU]), more=more, producer="tinyinfer"), ModelFormatError, says)

    yield ours("metadata not JSON", "metadata 'labels': not valid JSON", metadata(labels="cat, dog"))
    yield ours("labels of numbers", "labels.*expected a text", metadata(labels="[1, 2]"))
    yield ours("preprocessing of text", "preprocess", metadata(preprocess='"yes"'))
    yield ours("unknown task", "task: expected one of", metadata(task='"juggle"'))
    yield ours("escape in a text", "without control characters", metadata(name='"\\u001b[2J"'))
    yield ours("deep metadata", "nested deeper", metadata(x="[" * 5000 + "]" * 5000))
    yield ours("metadata twice", "metadata: 'name' stands twice", metadata(name='"a"') + metadata(name='"b"'))


def work_bombs() -> Iterator[Malformed]:
    """Few bytes that describe much work: whatever is worked out at loading is bounded."""

    def worked_out(name: str, *nodes: bytes) -> Malformed:
        arrays = [array("row", np.ones((1, 2**12))), array("column", np.ones((2**12, 1)))]
        big = node("Add", "row column", "big")  # 2^24 elements
        return _bad(name, graph([big, *nodes], arrays, outputs=["nothing"]), "'nothing' is not a value", GraphError)

    yield _tensor("zeros that are not there", tensor("w", [2**12] * 2), "expected 16777216 elements, found 0")
    yield worked_out("product of large constants", node("MatMul", "big big", "p"), node("MatMul", "p p", "q"))
    yield worked_out(
        "long row of constants", *(node("Sigmoid", f"e{i - 1}" if i else "big", f"e{i}") for i in range(2000))
    )
    sums = [node("Add", f"s{i - 1} s{i - 1}" if i else "big big", f"s{i}") for i in range(2000)]
    yield worked_out("long row of sums", *sums)
    window = attribute("kernel_shape", [600, 600])
    image = graph(
        [node("Add", "row column", "big"), node("MaxPool", "big", "pooled", window)],
        [array("row", np.ones((1, 1, 1, 2**12))), array("column", np.ones((1, 1, 2**12, 1)))],
        outputs=["nothing"],
    )
    yield _bad("large windows over constants", image, "'nothing' is not a value", GraphError)
    last = node("Relu", "x", "y")
    named = [node("Relu", f"v{i - 1}" if i else "x", f"v{i}", name="n") for i in range(15_000)]
    yield _bad("15000 nodes of one name", graph(named, outputs=["nothing"]), "'nothing' is not a value", GraphError)
    many = node("Sum", "x " * 20_000, "y", name="n")
    yield _bad("node of 20000 inputs", graph([many], outputs=["nothing"]), "'nothing' is not a value", GraphError)
    free = [value_info("x", ["N", 3, "H", "W"])]
    squares = [node("Mul", f"s{i} s{i}", f"s{i + 1}") for i in range(60)]
    squared = graph([node("Shape", "x", "s0"), *squares, last], [], free, ["nothing"])
    yield _bad("sizes squared 60 times", squared, "'nothing' is not a value", GraphError)
    halved = [f for i in range(60) for f in (node("Div", f"s{i} s0", f"d{i}"), node("Mul", f"d{i} s{i}", f"s{i + 1}"))]
    nested = graph([node("Shape", "x", "s0"), *halved, last], [], free, ["nothing"])
    yield _bad("quotients of quotients", nested, "'nothing' is not a value", GraphError)
    wide = [array(f"w{i}", [[1.0]] * 2**10) for i in range(100)]
    gemms = [node("Gemm", f"x w{i}", f"g{i}", attribute("transB", 1)) for i in range(100)]
    unlike = graph(gemms, wide, [value_info("x", (1, 2))], ["nothing"])
    yield _bad("products of unlike sizes", unlike, "Gemm", GraphError)


def malformed_onnx() -> list[Malformed]:
    """Every malformed ONNX file."""
    parts = (
        bad_wire, bad_tensors, bad_external, bad_graphs, bad_attributes, bad_functions_and_branches, bad_metadata,
        work_bombs,
    )  # fmt: skip
    return [case for part in parts for case in part()]
