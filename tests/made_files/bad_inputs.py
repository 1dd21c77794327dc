"""Hostile and damaged model files: for each a name, its bytes, the error it must raise and what that must say."""

from __future__ import annotations

import functools
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import checkpoints as ck
import numpy as np
from sample_model import (
    DIRECTORY,
    END,
    members,
    npy,
    npy_header,
    npz_bytes,
    pack,
    patched,
    small_graph,
    with_document,
    with_text,
    with_weight,
)

from tinyinfer.errors import GraphError, ModelFormatError, TinyInferError, UnsupportedOpError, WeightsError


class Bad(NamedTuple):
    name: str
    data: bytes
    error: type[TinyInferError]
    says: str  # a regular expression


def bad_zips() -> Iterator[Bad]:
    good = npz_bytes()
    yield Bad("empty", b"", ModelFormatError, "not an .npz.*empty file")
    yield Bad("text", b"hello, world\n" * 20, ModelFormatError, "not an .npz.*hello")
    yield Bad("pickle", ck.dump({"a": 1}), ModelFormatError, "not an .npz")
    yield Bad("empty zip", pack({}), ModelFormatError, "not a tinyinfer model")
    yield Bad("half of it", good[: len(good) // 2], ModelFormatError, "truncated zip")
    yield Bad("last byte missing", good[:-1], ModelFormatError, "truncated|damaged")
    flipped = bytearray(good)
    at = good.find(small_graph().weights["fc.weight"].tobytes())
    flipped[at] ^= 1
    yield Bad("bad crc", bytes(flipped), ModelFormatError, "fc.weight.npy' is damaged: Bad CRC")
    yield Bad("encrypted", patched(good, DIRECTORY, 8, b"\x01\x00"), ModelFormatError, "is encrypted")
    yield Bad("odd compression", patched(good, DIRECTORY, 10, b"\x63\x00"), ModelFormatError, "compression 99")
    yield Bad("lzma", pack(members(good), zipfile.ZIP_LZMA), ModelFormatError, "compression 14")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's own, on writing it
        twice = pack([*members(good).items(), ("fc.bias.npy", npy(np.zeros(5, np.float32)))])
    yield Bad("duplicate member", twice, ModelFormatError, "'fc.bias.npy' stands twice")
    yield Bad(
        "too many members", pack([(str(i), b"") for i in range(20_100)]), ModelFormatError, "at most 20000 members"
    )
    yield Bad(
        "bomb", pack({"__tinyinfer__.npy": bytes(2**26)}, zipfile.ZIP_DEFLATED), ModelFormatError, "at most 200 times"
    )
    huge = struct.pack("<LL", 2**31, 2**31)
    yield Bad(
        "declares 2 GiB", patched(good, DIRECTORY, 20, huge, last=True), ModelFormatError, "packed bytes, the file has"
    )
    yield Bad(
        "stored, other sizes", patched(good, DIRECTORY, 24, b"\xff\xff", last=True), ModelFormatError, "as stored"
    )
    yield Bad(
        "huge directory",
        patched(good, END, 12, struct.pack("<L", 2**31), last=True),
        ModelFormatError,
        "zip directory of at most",
    )
    yield Bad("long name", pack({"a" * 2000: b""}), ModelFormatError, "name of at most")
    yield Bad(
        "not npy name", pack({**members(good), "readme.txt": b"hi"}), ModelFormatError, "'readme.txt': expected a .npy"
    )
    yield Bad(
        "escaped name", pack({**members(good), "fc%2Ebias.npy": b"hi"}), ModelFormatError, "not one that save writes"
    )
    yield Bad(
        "path",
        pack({**members(good), "../../evil.npy": npy(np.zeros(1, np.float32))}),
        WeightsError,
        "1 unexpected: '../../evil'",
    )


def bad_arrays() -> Iterator[Bad]:
    bias = np.zeros(5, np.float32)
    yield Bad(
        "not an array",
        with_weight(b"hello world, hello"),
        ModelFormatError,
        "'fc.bias': expected a .npy array, found b'hello ",
    )
    yield Bad(
        "trailing bytes",
        with_weight(npy(bias) + bytes(64)),
        ModelFormatError,
        "expected the bytes of 5 float32, found 84",
    )
    yield Bad(
        "4 kB of trailing bytes", with_weight(npy(bias) + bytes(4096)), ModelFormatError, "expected the bytes of 5"
    )
    yield Bad(
        "short payload", with_weight(npy(bias)[:-4]), ModelFormatError, "expected the bytes of 5 float32, found 16"
    )
    yield Bad(
        "version 9",
        with_weight(b"\x93NUMPY\x09\x00" + npy(bias)[8:]),
        ModelFormatError,
        "version 1.0 to 3.0, found 9.0",
    )
    yield Bad(
        "header beyond the end",
        with_weight(npy(bias)[:8] + b"\xff\xff" + npy(bias)[10:]),
        ModelFormatError,
        "header of at most",
    )
    yield Bad(
        "64 GiB", with_weight(npy_header("'<f4'", f"({2**34},)")), ModelFormatError, "expected the bytes of 17179869184"
    )
    yield Bad(
        "overflowing",
        with_weight(npy_header("'<f4'", f"({2**62}, {2**62})")),
        ModelFormatError,
        "expected the bytes of",
    )
    wide = with_weight(npy_header("'<f4'", str((0, *[2**24] * 3))))
    yield Bad("sizes of 0 x 2^72", wide, ModelFormatError, "along all sizes but 0")
    yield Bad("negative", with_weight(npy_header("'<f4'", "(-5,)")), ModelFormatError, "non-negative integers")
    yield Bad("shape of floats", with_weight(npy_header("'<f4'", "(5.0,)")), ModelFormatError, "non-negative integers")
    yield Bad(
        "33-D", with_weight(npy_header("'<f4'", str((1,) * 33), bytes(4))), ModelFormatError, "rank at most 8, found 33"
    )
    yield Bad("object", with_weight(npy_header("'|O'", "(1,)", ck.dump([1]))), ModelFormatError, r"found '\|O'")
    yield Bad(
        "structured", with_weight(npy_header("[('a', '<f4')]", "(1,)", bytes(4))), ModelFormatError, "expected one of"
    )
    yield Bad("complex", with_weight(npy(np.zeros(5, np.complex64))), ModelFormatError, "found '<c8'")
    yield Bad("no characters", with_weight(npy_header("'<U0'", f"({10**12},)")), ModelFormatError, "found '<U0'")
    yield Bad(
        "code in the header",
        with_weight(npy_header("__import__('os')", "(5,)")),
        ModelFormatError,
        "expected a .npy header",
    )
    yield Bad(
        "extra field",
        with_weight(npy_header("'<f4'", "(5,)", bytes(20), "'x': 1")),
        ModelFormatError,
        "expected a .npy header",
    )
    yield Bad(
        "nested header",
        with_weight(b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 9000),
        ModelFormatError,
        "npy header",
    )
    yield Bad(
        "integers", with_weight(npy(np.zeros(5, np.int64))), WeightsError, "'fc.bias' .expected float32, found int64"
    )
    yield Bad(
        "other shape",
        with_weight(npy(np.zeros(6, np.float32))),
        WeightsError,
        "1 mis-shaped: 'fc.bias' .expected 5, found 6",
    )
    yield Bad("nan", with_weight(npy(bias * np.float32("nan"))), WeightsError, "'fc.bias' holds NaN")
    yield Bad(
        "too large for float32", with_weight(npy(np.full(5, 1e300))), WeightsError, "'fc.bias' holds NaN or infinite"
    )
    yield Bad(
        "negative variance",
        with_weight(npy(np.full(4, -1, np.float32)), "bn.running_var"),
        WeightsError,
        "node 'bn'.*var",
    )
    content = members(npz_bytes())
    for key in ("conv.weight", "bn.bias"):
        del content[f"{key}.npy"]
    content |= {"head.weight.npy": npy(bias), "fc.bias.npy": npy(np.zeros((5, 1), np.float32))}
    everything = (
        "2 missing: 'conv.weight', 'bn.bias'; 1 unexpected: 'head.weight'; 1 mis-shaped: 'fc.bias' .expected 5,"
    )
    yield Bad("all at once", pack(content), WeightsError, everything)


def bad_documents() -> Iterator[Bad]:
    content = members(npz_bytes())
    del content["__tinyinfer__.npy"]
    yield Bad("no document", pack(content), ModelFormatError, "not a tinyinfer model")
    float_document = {**content, "__tinyinfer__.npy": npy(np.zeros(5, np.float32))}
    yield Bad(
        "document of floats", pack(float_document), ModelFormatError, "expected one row of uint8, found float32 5"
    )
    yield Bad("not json", with_text("hello"), ModelFormatError, "not valid JSON")
    yield Bad("not utf-8", with_text(b'{"a": "\xff"}'), ModelFormatError, "not valid JSON")
    yield Bad("a list", with_text("[]"), ModelFormatError, "expected an object, found ")
    yield Bad(
        "duplicate key",
        with_text('{"format_version": 1, "format_version": 1}'),
        ModelFormatError,
        "'format_version' stands twice",
    )
    yield Bad("nan constant", with_text('{"format_version": NaN}'), ModelFormatError, "NaN is not a number")
    yield Bad("1e999", with_text('{"format_version": 1e999}'), ModelFormatError, "too large")
    yield Bad("long integer", with_text('{"format_version": 1%s}' % ("0" * 5000)), ModelFormatError, "not valid JSON")
    yield Bad("deep", with_text("[" * 50 + "]" * 50), ModelFormatError, "nested deeper than 32")
    yield Bad("very deep", with_text("[" * 10**6), ModelFormatError, "nested deeper|not valid JSON")

    def edited(name: str, edit: Callable[[dict[str, Any]], object], error: type[TinyInferError], says: str) -> Bad:
        return Bad(name, with_document(edit), error, says)

    def node(index: int, **changes: Any) -> Callable[[dict[str, Any]], object]:
        return lambda document: document["graph"]["nodes"][index].update(changes)

    yield edited(
        "no version", lambda d: d.pop("format_version"), ModelFormatError, "format_version: expected an integer"
    )
    yield edited(
        "newer version", lambda d: d.update(format_version=3, new=1), UnsupportedOpError, "expected at most 2, found 3"
    )
    yield edited("version 0", lambda d: d.update(format_version=0), ModelFormatError, "format_version: expected")
    yield edited("no graph", lambda d: d.pop("graph"), ModelFormatError, "graph missing")
    yield edited("unknown field", lambda d: d.update(more=1), ModelFormatError, 'unknown ."more"')
    yield edited(
        "nodes of another kind", lambda d: d["graph"].update(nodes={}), ModelFormatError, "nodes: expected a list"
    )
    yield edited(
        "unknown op",
        node(0, op="conv2e"),
        UnsupportedOpError,
        "node 'conv': operator 'conv2e' is not known; near: conv2d",
    )
    yield edited("op of a number", node(0, op=3), ModelFormatError, "node 'conv': op: expected a name")
    yield edited(
        "unknown attribute", node(0, attrs={"strides": 1}), ModelFormatError, "node 'conv': attrs: .*unknown ..strides"
    )
    yield edited(
        "attribute's type", node(0, attrs={"groups": "3"}), ModelFormatError, 'attrs: groups: expected int, found "3"'
    )
    yield edited(
        "fractional groups", node(0, attrs={"groups": 1.5}), ModelFormatError, "groups: expected int, found 1.5"
    )
    yield edited("huge stride", node(0, attrs={"stride": [2**40, 1]}), ModelFormatError, "stride: expected tuple")
    yield edited("stride 0", node(0, attrs={"stride": [0, 1]}), GraphError, "node 'conv'.*stride: expected at least 1")
    yield edited("groups", node(0, attrs={"groups": 2}), GraphError, "node 'conv'.*groups 2 do not divide 3")
    yield edited("two inputs to relu", node(2, inputs=["bn", "bn"]), GraphError, "node 'act'")
    yield edited("no inputs", node(2, inputs=[]), GraphError, "node 'act'")
    yield edited("inputs of numbers", node(2, inputs=[1]), ModelFormatError, r"inputs\[0\]: expected a name")
    yield edited(
        "undefined value", node(2, inputs=["nothing"]), GraphError, "'nothing', which no node or input defines"
    )
    yield edited("cycle", node(0, inputs=["y"]), GraphError, "cycle")
    yield edited("doubly defined", node(2, outputs=["bn"]), GraphError, "'bn' is defined twice")
    yield edited("two nodes of one name", node(2, name="bn", outputs=["z"]), GraphError, "two nodes are named 'bn'")
    yield edited(
        "unknown role", node(5, params={"weight": "fc.weight", "scale": "fc.bias"}), GraphError, "node 'fc'.*scale"
    )
    yield edited("required role", node(5, params={"bias": "fc.bias"}), ModelFormatError, "fc.weight is used by no node")
    yield edited(
        "parameter of no weight", node(5, params={"weight": "w", "bias": "b"}), ModelFormatError, "is used by no node"
    )
    yield edited("control characters", node(5, name="a\x1b[31m"), ModelFormatError, "expected a name of 1 to")
    yield edited("output nobody computes", lambda d: d["graph"].update(outputs=["z"]), GraphError, "output 'z'")
    yield edited("no outputs", lambda d: d["graph"].update(outputs=[]), GraphError, "at least one input and one output")
    yield edited(
        "image of 2^40",
        lambda d: d["graph"]["inputs"][0].update(nominal=[1, 3, 2**20, 2**20]),
        ModelFormatError,
        "at most 2147483648 elements",
    )
    yield edited(
        "side too long",
        lambda d: d["graph"]["inputs"][0].update(nominal=[1, 3, 2**40, 8]),
        ModelFormatError,
        "input 'x': nominal.2.: expected an integer from 0 to",
    )
    yield edited(
        "ranks differ",
        lambda d: d["graph"]["inputs"][0].update(nominal=[1, 3]),
        ModelFormatError,
        "expected 4 dimensions, found 2",
    )
    yield edited(
        "weight of 2^40",
        lambda d: d["graph"]["weights"].update({"fc.weight": [2**20, 2**20]}),
        ModelFormatError,
        "fc.weight: expected a shape of at most",
    )
    yield edited(
        "weight of 0 x 2^72",
        lambda d: d["graph"]["weights"].update({"fc.weight": [0, *[2**24] * 3]}),
        ModelFormatError,
        "fc.weight: expected a shape of at most 2147483648 elements along all sizes but 0",
    )
    yield edited("meta of a list", lambda d: d.update(meta=[]), ModelFormatError, "meta: expected an object")
    yield edited(
        "labels of numbers",
        lambda d: d["meta"].update(labels=[1, 2]),
        ModelFormatError,
        r"meta: labels\[0\]: expected a text",
    )
    yield edited(
        "labels of a string",
        lambda d: d["meta"].update(labels="abc"),
        ModelFormatError,
        "meta: labels: expected a list",
    )
    yield edited(
        "escapes in a label",
        lambda d: d["meta"].update(labels=["\x1b[2J"]),
        ModelFormatError,
        "without control characters",
    )
    yield edited(
        "escapes elsewhere",
        lambda d: d["meta"].update(notes={"a": ["\x1b[2J"]}),
        ModelFormatError,
        "meta: notes: a.0.: expected a text",
    )
    yield edited(
        "preprocess",
        lambda d: d["meta"].update(preprocess={"resize": -1}),
        ModelFormatError,
        "meta: preprocess: .*resize",
    )
    yield edited(
        "std 0",
        lambda d: d["meta"].update(preprocess={"std": [0, 1, 1]}),
        ModelFormatError,
        "std: expected numbers above 0",
    )


@functools.cache
def bad_npz() -> list[Bad]:
    """Every bad .npz file."""
    return [*bad_zips(), *bad_arrays(), *bad_documents()]
