"""TFLite files that must be refused: one good file with everything in it, damaged in one place each time."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from flatbuffer_writer import FlatBufferWriter, Number, Table
from flexbuffer_writer import flexible
from malformed import Malformed
from tflite_writer import Network, one_operator

from tinyinfer.errors import GraphError, ModelFormatError, TinyInferError, UnsupportedOpError, WeightsError

BAD = ModelFormatError
GRAPH = "2/0"  # paths of `FlatBufferWriter.places`
WEIGHT = 1  # the number of this tensor
CONV = {"padding": 0, "stride_w": 1, "stride_h": 1, "dilation_w_factor": 1, "dilation_h_factor": 1}

LATER = {**{field: Number("i", 1) for field in (1, 2)}, 9: Number("i", 1)}  # options of a convolution, and one more


def good() -> Network:
    """A quantised convolution, a layer with sparse weights, and metadata."""
    made = Network()
    image = made.input("image", (1, 4, 4, 2), "uint8", quantization=(0.5, 3))
    weight = made.constant(
        "weight", np.arange(24, dtype=np.int8).reshape(3, 2, 2, 2), quantization=((0.5, 0.25, 2.0), (0, 0, 0), 0)
    )
    bias = made.constant("bias", np.arange(3, dtype=np.int32), quantization=(0.25, 0))
    features = made.tensor("features", (1, 4, 4, 3), "uint8", quantization=(1.0, 0))
    made.apply("CONV_2D", (image, weight, bias), (features,), CONV, version=3)
    sparse = made.constant("sparse", np.float32([1, 2]), shape=(2, 48))
    dense = {0: Number("b", 0), 1: Number("i", 2)}
    rows = compressed([0, 1, 2], [47, 0])
    made.tensors[sparse][6] = {0: np.int32([0, 1]), 2: [dense, rows]}
    flat = made.tensor("flat", (1, 48))
    made.apply("RESHAPE", (features, made.constant("shape", np.int32([1, 48]))), (flat,), {"new_shape": (1, 48)})
    made.outputs = [made.tensor("y", (1, 2))]
    made.apply("FULLY_CONNECTED", (flat, sparse, -1), made.outputs, {"keep_num_dims": False})
    made.attach("TFLITE_METADATA", metadata())
    return made


def metadata(labels: str | None = None) -> bytes:
    """TFLite metadata with normalisation, and the name of a file of labels if there is one."""
    unit = {0: Number("B", 1), 1: {0: np.float32([127.5]), 1: np.float32([127.5])}}
    output: Table = {0: "classes"}
    if labels is not None:
        output[6] = [{0: labels, 2: Number("b", 2)}]
    graph = {0: "network", 2: [{0: "image", 4: [unit]}], 3: [output]}
    return FlatBufferWriter(b"M001").write({0: "Made for a test", 3: [graph]})


def written(made: Network) -> tuple[bytearray, dict[str, int]]:
    """A file and its places."""
    writer = FlatBufferWriter(b"TFL3")
    writer.write(made.tables)
    return writer.data, writer.places


def damaged(place: str, layout: str, value: int, shift: int = 0) -> bytes:
    """The good file with a number written over what is at a place."""
    data, places = written(good())
    struct.pack_into("<" + layout, data, places[place] + shift, value)
    return bytes(data)


def with_tensor(number: int, **fields: Any) -> bytes:
    """The good file with other fields (f0 ...) of one tensor; None takes one away."""
    made = good()
    for field, value in fields.items():
        made.tensors[number].pop(int(field[1:]), None)
        if value is not None:
            made.tensors[number][int(field[1:])] = value
    return made.write()


def with_operator(number: int, **fields: Any) -> bytes:
    """The good file with other fields of one operator."""
    made = good()
    made.operators[number] |= {int(field[1:]): value for field, value in fields.items()}
    return made.write()


def with_root(change: Callable[[Table], object]) -> bytes:
    """The good file after a change of its root table."""
    tables = good().tables
    change(tables)
    return FlatBufferWriter(b"TFL3").write(tables)


def compressed(segments: Any, indices: Any) -> Table:
    """A dimension as compressed sparse rows."""
    kind = {0: Number("b", 1), 2: Number("B", 1), 4: Number("B", 1)}
    return kind | {3: {0: np.int32(segments)}, 5: {0: np.int32(indices)}}


def sparse(**fields: Any) -> bytes:
    """The good file with other fields of its sparsity."""
    made = good()
    table = made.tensors[4][6]
    for field, value in fields.items():
        table[int(field[1:])] = value
    return made.write()


def quantized(scale: Any, zero: Any, axis: int = 0) -> bytes:
    """The good file with other scales and zero points of its weights."""
    return with_tensor(WEIGHT, f4={2: np.float32(scale), 3: np.int64(zero), 6: Number("i", axis)})


def one(
    builtin: str, inputs: Any, outputs: Any, options: Any = None, custom: bytes | None = None, version: int = 1
) -> bytes:
    """A file of one operator."""
    return one_operator(builtin, inputs, outputs, options, custom=custom, version=version).write()


def malformed_tflite() -> Iterator[Malformed]:
    """All of them."""
    for name, data, error, says in [*_structure(), *_values(), *_networks()]:
        yield Malformed(name, data, error, says)


Entry = tuple[str, bytes, type[TinyInferError], str]


def _structure() -> Iterator[Entry]:
    """FlatBuffers that are none."""
    data, places = written(good())
    yield "empty", b"", BAD, "not a TFLite model"
    yield "eight bytes", b"\x10\0\0\0TFL3", BAD, "offset"
    yield "another format", b"\x10\0\0\0TFL2" + bytes(60), BAD, "not a TFLite model"
    yield "root points to itself", b"\0\0\0\0TFL3" + bytes(60), BAD, "offset"
    yield "root beyond the end", b"\xff\xff\xff\x7fTFL3" + bytes(60), BAD, "points out of a file"
    yield "root at an odd place", b"\x0d\0\0\0TFL3" + bytes(60), BAD, "multiple of 4"
    yield "zeros", b"\x10\0\0\0TFL3" + bytes(4096), BAD, "vtable"
    for name in ("", GRAPH, f"{GRAPH}/0", f"{GRAPH}/0/1/3", f"{GRAPH}/3", f"{GRAPH}/3/0/4", "1", "4", "4/1", "4/1/0"):
        yield f"ends at {name or 'the root'}", bytes(data[: places[name] + 2]), BAD, "byte|bytes|offset"
    yield "ends in the last vector", bytes(data[: max(places.values())]), BAD, "bytes|byte"
    yield "vtable before the file", damaged("", "i", 2**30), BAD, "vtable"
    yield "vtable behind the file", damaged("", "i", -(2**30)), BAD, "vtable"
    yield "vtable at an odd place", damaged("", "i", 1), BAD, "vtable"
    yield "vtable of no bytes", damaged(":vtable", "H", 0), BAD, "vtable"
    yield "vtable of an odd size", damaged(":vtable", "H", 7), BAD, "vtable"
    yield "vtable as long as it can be", damaged(":vtable", "H", 0xFFFE), BAD, "vtable"
    yield "table of two bytes", damaged(":vtable", "H", 2, 2), BAD, "ends in the file"
    yield "table longer than the file", damaged(":vtable", "H", 0xFFFF, 2), BAD, "ends in the file"
    yield "field outside of its table", damaged(":vtable", "H", 0x7FF0, 4), BAD, "in the table"
    yield "field in the table's own offset", damaged(":vtable", "H", 1, 8), BAD, "in the table"
    yield "field at an odd place", damaged(f"{GRAPH}/0/1:vtable", "H", 5, 8), BAD, "multiple of 4|in the table|offset"
    yield "offset 0", damaged("@2", "I", 0), BAD, "offset"
    yield "offset backwards, as a negative number is", damaged("@2", "i", -40), BAD, "points out of a file"
    yield "offset to the last byte", damaged("@2", "I", len(data) - places["@2"] - 1), BAD, "byte"
    yield "tables without end", damaged(GRAPH[:1], "I", 2**31), BAD, "do not fit a file"
    yield "tensors without end", damaged(f"{GRAPH}/0", "I", 2**30), BAD, "do not fit a file"
    yield "a shape without end", damaged(f"{GRAPH}/0/1/0", "I", 2**32 - 1), BAD, "do not fit a file"
    yield "a name without end", damaged(f"{GRAPH}/0/1/3", "I", 2**28), BAD, "do not fit a file"
    yield "a name that is no text", damaged(f"{GRAPH}/0/1/3", "I", 0xFFFEFFFE, 4), BAD, "UTF-8"
    yield "bytes of a tensor without end", damaged("4/1/0", "I", 2**31), BAD, "do not fit a file"
    yield "a network that is its own tensor", _cycle(data, places), BAD, "expected|byte"
    yield "a hundred thousand times the same tensor", _repeated(100_000), BAD, "nothing|output|expected"
    yield "twenty thousand operators and one", _operators(20_001), BAD, "at most"


def _cycle(data: bytearray, places: dict[str, int]) -> bytes:
    """The first tensor is the file's root: offsets are unsigned, but wrap around in a reader that does not look."""
    found = bytearray(data)
    at = places[f"{GRAPH}/0"] + 4
    struct.pack_into("<I", found, at, (places[""] - at) % 2**32)
    return bytes(found)


def _repeated(count: int) -> bytes:
    """A vector of tensors that all are one, which stands behind it and has no fields."""
    data, places = written(good())
    data += bytes(-len(data) % 4)
    vector, table = len(data), 4 * count + 8
    data += struct.pack("<I", count) + b"".join(struct.pack("<I", table - 4 - 4 * index) for index in range(count))
    data += struct.pack("<HHi", 4, 4, 4)
    struct.pack_into("<I", data, places[f"{GRAPH}@0"], vector - places[f"{GRAPH}@0"])
    return bytes(data)


def _operators(count: int) -> bytes:
    """As many operators as that, each a table of two numbers."""
    made = good()
    made.operators = [{0: Number("I", 0)}] * count
    return made.write()


def _values(shape: Any = np.int32) -> Iterator[Entry]:
    """Numbers that mean nothing."""
    yield "version 4", with_root(lambda t: t.update({0: Number("I", 4)})), UnsupportedOpError, "version 3"
    yield "no network", with_root(lambda t: t.update({2: []})), BAD, "expected a network"
    yield "two networks", with_root(lambda t: t.update({2: t[2] * 2})), UnsupportedOpError, "single network"
    yield "no operator codes", with_root(lambda t: t.update({1: []})), BAD, "operator code"
    yield "no buffers", with_root(lambda t: t.pop(4)), BAD, "buffer"
    yield "an unknown builtin", damaged("1/0@3", "i", 5000), UnsupportedOpError, "not known"
    yield "a negative builtin", with_root(_negative_code), UnsupportedOpError, "not known"
    yield "an operator of no code", with_operator(0, f0=Number("I", 99)), BAD, "operator code"
    yield "an input of no tensor", with_operator(0, f1=shape([0, 99, 2])), BAD, "tensor"
    yield "an input before the first", with_operator(0, f1=shape([0, -2, 2])), BAD, "tensor"
    yield "an output of no tensor", with_operator(0, f2=shape([-1])), BAD, "tensor"
    yield "an output twice", with_operator(1, f2=shape([3])), BAD, "defined twice"
    yield "a cycle", with_operator(0, f1=shape([7, 1, 2])), BAD, "cycle"
    yield "options of another operator", with_operator(0, f3=Number("B", 5)), BAD, "options"
    yield "options of a later version", with_operator(0, f4=LATER), UnsupportedOpError, "option 9"
    yield "a buffer of no number", with_tensor(WEIGHT, f2=Number("I", 999)), BAD, "buffer"
    yield "an unknown type", with_tensor(WEIGHT, f1=Number("b", 77)), BAD, "type"
    yield "text as weights", with_tensor(WEIGHT, f1=Number("b", 5)), UnsupportedOpError, "string"
    yield "a variable", with_tensor(WEIGHT, f5=Number("?", True)), UnsupportedOpError, "variables"
    yield "data in another file", with_tensor(WEIGHT, f10=Number("I", 1)), UnsupportedOpError, "another file"
    yield "weights one byte short", with_tensor(WEIGHT, f0=shape([25])), BAD, "expected 25 bytes|scales"
    yield "a size below -1", with_tensor(WEIGHT, f0=shape([3, 2, 2, -2])), BAD, "sizes"
    yield "a size of two billion", with_tensor(WEIGHT, f0=shape([3, 2, 2, 2**31 - 1])), BAD, "sizes"
    yield "more elements than there are", with_tensor(0, f0=shape([2**20] * 4)), BAD, "elements"
    yield "sizes of 0 x 2^72", with_tensor(WEIGHT, f0=shape([0, *[2**24] * 3])), BAD, "elements along all sizes but 0"
    yield "sixty dimensions", with_tensor(0, f0=shape([1] * 60)), BAD, "dimensions"
    yield "a signature of another rank", with_tensor(0, f7=shape([1, 4])), BAD, "signature"
    yield "a buffer beyond the file", _far_buffer(2**40, 24), BAD, "not in a file"
    yield "a buffer that ends beyond the file", _far_buffer(8, 2**63), BAD, "not in a file"
    yield "scale 0", quantized([0.5, 0, 2], [0, 0, 0]), BAD, "above 0"
    yield "a negative scale", quantized([0.5, -1, 2], [0, 0, 0]), BAD, "above 0"
    yield "a scale that is no number", quantized([0.5, np.nan, 2], [0, 0, 0]), BAD, "finite"
    yield "an infinite scale", quantized([0.5, np.inf, 2], [0, 0, 0]), BAD, "finite"
    yield "too few scales", quantized([0.5, 1], [0, 0]), BAD, "scales"
    yield "scales along no dimension", quantized([0.5, 1, 2], [0, 0, 0], axis=7), BAD, "dimension"
    yield "more zero points than scales", quantized([0.5, 1, 2], [0] * 5), BAD, "zero points"
    yield "a traversal of one dimension twice", sparse(f0=shape([0, 0])), BAD, "traversal"
    yield "a block of no dimension", sparse(f0=shape([0, 1, 2]), f1=shape([9])), BAD, "block|dimensions"
    yield "a dense dimension of another size", sparse(f2=[{1: Number("i", 9)}, {1: Number("i", 48)}]), BAD, "indices"
    for name, segments, indices, says in (
        ("segments that go back", [0, 2, 1], [0, 1], "segments|rows"),
        ("segments beyond the indices", [0, 1, 9], [0, 1], "segments|rows"),
        ("too few segments", [0, 2], [0, 1], "segments"),
        ("an index beyond its dimension", [0, 1, 2], [0, 48], "indices"),
        ("a negative index", [0, 1, 2], [0, -1], "indices"),
        ("more indices than values", [0, 1, 3], [0, 1, 2], "values"),
    ):
        rows = {
            0: Number("b", 1),
            2: Number("B", 1),
            3: {0: shape(segments)},
            4: Number("B", 1),
            5: {0: shape(indices)},
        }
        yield name, sparse(f2=[{1: Number("i", 2)}, rows]), BAD, says
    rows = {0: Number("b", 1), 2: Number("B", 9), 3: {0: shape([0])}}
    yield "segments of an unknown kind", sparse(f2=[{1: Number("i", 2)}, rows]), BAD, "vector of integers"
    for name, attached in (
        ("metadata of another format", b"\x08\0\0\0M009" + bytes(40)),
        ("metadata that is cut off", metadata()[:40]),
        ("no metadata in metadata", b""),
        ("labels in no archive", metadata("labels.txt")),
    ):
        made = good()
        made.metadata.clear()
        made.attach("TFLITE_METADATA", attached)
        yield name, made.write(), BAD, "metadata|byte|zip"


def _negative_code(root: Table) -> None:
    root[1][0] |= {0: Number("b", -5), 3: Number("i", -5)}


def _far_buffer(offset: int, size: int) -> bytes:
    """The good file, whose weights are said to be at some place of it."""
    made = good()
    made.buffers[made.tensors[WEIGHT][2].value] = {1: Number("Q", offset), 2: Number("Q", size)}
    return made.write()


def _networks() -> Iterator[Entry]:
    """Networks that can't be."""
    image, weight = (1, 4, 4, 2), np.zeros((3, 2, 2, 2), np.float32)
    yield "a stride of 0", one("CONV_2D", [image, weight], [image], CONV | {"stride_w": 0}), GraphError, "stride"
    yield "padding 7", one("CONV_2D", [image, weight], [image], CONV | {"padding": 7}), GraphError, "padding"
    yield (
        "weights of five channels",
        one("CONV_2D", [image, np.zeros((3, 2, 2, 5), np.float32)], [image], CONV),
        GraphError,
        "channels",
    )
    yield "weights of rank 2", one("CONV_2D", [image, np.zeros((3, 2), np.float32)], [image], CONV), GraphError, "rank"
    yield (
        "weights that are computed",
        one("CONV_2D", [image, (3, 2, 2, 2)], [image], CONV),
        UnsupportedOpError,
        "array of the file",
    )
    yield (
        "an unknown activation",
        one("CONV_2D", [image, weight], [image], CONV | {"fused_activation_function": 9}),
        UnsupportedOpError,
        "activation 9",
    )
    yield "a relu of two values", one("RELU", [image, image], [image]), UnsupportedOpError, "input 1 is not supported"
    yield "a shape of other size", one("RESHAPE", [image, np.int32([5, 5])], [(5, 5)]), GraphError, "does not fit"
    yield "a shape of size 0", one("RESHAPE", [image, np.int32([0, -1])], [(5, 5)]), GraphError, "does not fit"
    yield "two sizes that are left", one("RESHAPE", [image, np.int32([-1, -1])], [(5, 5)]), GraphError, "one -1"
    many = np.full(10**5, 7, np.int32)
    yield "a shape of very many sizes", one("RESHAPE", [image, many], [(1,)]), GraphError, "at most 32 whole numbers"
    yield "an axis beyond", one("CONCATENATION", [image, image], [image], {"axis": 9}), GraphError, "axis"
    yield (
        "an order with a dimension twice",
        one("TRANSPOSE", [image, np.int32([0, 1, 1, 2])], [image]),
        GraphError,
        "perm",
    )
    yield "a slice beyond", one("SLICE", [(4,), np.int32([3]), np.int32([4])], [(4,)]), GraphError, "elements from"
    yield "a step of 0", one("STRIDED_SLICE", [(4,), *map(np.int32, ([0], [4], [0]))], [(4,)], {}), GraphError, "step"
    yield "an index beyond", one("GATHER_ND", [(4,), np.int32([[9]])], [(1,)]), GraphError, "indices"
    yield (
        "an image of two billion pixels",
        one("RESIZE_BILINEAR", [image, np.int32([2**15, 2**17])], [image], {}),
        GraphError,
        "elements",
    )
    yield (
        "a tile of two billion times",
        one("TILE", [image, np.int32([1, 1, 1, 2**31 - 1])], [image]),
        GraphError,
        "elements",
    )
    yield (
        "a negative border",
        one("PAD", [image, np.int32([[0, 0], [-9, 0], [0, 0], [0, 0]])], [image]),
        GraphError,
        "paddings",
    )
    yield from _bombs(image)
    yield (
        "filled without end",
        one("FILL", [np.int32([2**15] * 3), np.array(1, np.float32), image], [image]),
        GraphError,
        "value for sizes",
    )
    yield (
        "a custom operator of no options",
        one("Convolution2DTransposeBias", [image, weight], [image], None, b""),
        GraphError,
        "bytes of options",
    )
    yield (
        "an unknown custom operator",
        one("Mystery", [image], [image], None, b""),
        UnsupportedOpError,
        "CUSTOM Mystery",
    )
    yield "control flow", one("WHILE", [image], [image]), UnsupportedOpError, "WHILE"
    yield "a resource", one("VAR_HANDLE", [], [image]), UnsupportedOpError, "VAR_HANDLE"
    made = one_operator("RELU", [image], [image])
    made.outputs = [made.tensor("nothing", (1,))]
    yield "an output of nothing", made.write(), BAD, "neither an input"
    made.operators[0][2] = np.int32([])
    yield "an operator without outputs", made.write(), BAD, "neither an input|computed"
    made = one_operator("RELU", [np.float32([np.nan])], [(1,)])
    yield "no input", made.write(), GraphError, "input"
    yield (
        "weights that are no numbers",
        one("CONV_2D", [image, weight + np.float32(np.nan)], [image], CONV),
        WeightsError,
        "NaN",
    )


def _bombs(image: tuple[int, ...]) -> Iterator[Entry]:
    """A few bytes that ask for tables of any size."""
    row = (2**24,)
    yield "taken apart into millions", one("UNPACK", [row], [()], {"num": 2**24}), GraphError, "outputs"
    axis = np.array(0, np.int32)
    yield "split into millions", one("SPLIT", [axis, row], [(1,)], {"num_splits": 2**24}), GraphError, "outputs"
    yield (
        "a billion rows with aligned corners",
        one("RESIZE_NEAREST_NEIGHBOR", [image, np.int32([2**30, 1])], [image], {"align_corners": True}),
        GraphError,
        "rows and columns",
    )
    seen = flexible({"output_width": 2**20, "output_height": 2**20})
    yield (
        "a terapixel of an image",
        one("TransformTensorBilinear", [image, (1, 4, 4)], [image], None, seen, 2),
        GraphError,
        "at most 1048576 pixels",
    )
