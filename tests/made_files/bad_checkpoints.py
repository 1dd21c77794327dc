"""Hostile and damaged torch checkpoints, in the form of `bad_inputs`."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from typing import Any

import checkpoints as ck
import numpy as np
from bad_inputs import Bad
from sample_model import npz_bytes, pack

from tinyinfer.errors import ModelFormatError, TinyInferError, UnsupportedOpError


def bad_torch_zips() -> Iterator[Bad]:
    ones = np.ones((2, 3), np.float32)
    good = ck.zip_checkpoint({"w": ones})
    data = {"0": ones.tobytes()}

    def zipped(name: str, value: Any, says: str, error: type[TinyInferError] = ModelFormatError) -> Bad:
        return Bad(name, ck.zip_container(value, data), error, says)

    def of(source: Any, *view: Any) -> dict[str, Any]:
        return {"w": ck.tensor(source, *view)}

    whole = ck.storage("float32", "0", 6)
    yield Bad("truncated", good[:-30], ModelFormatError, "truncated zip")
    yield Bad("npz", npz_bytes(), ModelFormatError, "expected one member data.pkl, found none")
    yield Bad("two pickles", pack({"a/data.pkl": b".", "b/data.pkl": b"."}), ModelFormatError, "found 2 of them")
    frozen = ck.Raw(ck.opcodes(ck.Global("__torch__", "Net")) + b")\x81" + ck.opcodes({"training": False}) + b"b")
    yield Bad("torchscript", ck.zip_container(frozen, {}, constants__pkl=b""), UnsupportedOpError, "TorchScript")
    flipped = bytearray(good)
    flipped[good.find(ones.tobytes())] ^= 1
    yield Bad("bad crc", bytes(flipped), ModelFormatError, "archive/data/0' is damaged: Bad CRC")
    yield Bad(
        "byteorder",
        ck.zip_container(of(whole, 0, (2, 3), (3, 1)), data).replace(b"little", b"middle"),
        ModelFormatError,
        "damaged|byteorder",
    )
    for full in [
        "os.system",
        "posix.system",
        "builtins.eval",
        "torch.load",
        "torch.storage._load_from_bytes",
        "collections.OrderedDict.fromkeys",
        "__builtin__.eval",
        "subprocess.Popen",
    ]:
        module, _, name = full.rpartition(".")
        call = {"w": ck.Call(ck.Global(module, name), ("echo owned",))}
        yield zipped(f"calls {full}", call, f"asks for {full}, which is not run")
    yield zipped("stack global", ck.Raw(ck.opcodes("os") + ck.opcodes("system") + b"\x93"), "asks for os.system")
    yield zipped(
        "sparse", {"w": ck.Call(ck.Global("torch._utils", "_rebuild_sparse_tensor"), ())}, "sparse", UnsupportedOpError
    )
    yield zipped(
        "quantized",
        {"w": ck.Call(ck.Global("torch._utils", "_rebuild_qtensor"), ())},
        "_rebuild_qtensor",
        UnsupportedOpError,
    )
    yield zipped(
        "complex",
        of(ck.Persistent(("storage", ck.Global("torch", "ComplexFloatStorage"), "0", "cpu", 3)), 0, (3,), (1,)),
        "'w': complex tensors",
        UnsupportedOpError,
    )
    yield zipped(
        "missing storage",
        of(ck.storage("float32", "7", 6), 0, (2, 3), (3, 1)),
        "expected a member 'archive/data/7', found none",
    )
    yield zipped(
        "storage too short", of(ck.storage("float32", "0", 600), 0, (20, 30), (30, 1)), "expected 2400 bytes, found 24"
    )
    yield zipped("storage too long", of(ck.storage("float32", "0", 3), 0, (3,), (1,)), "expected 12 bytes, found 24")
    yield zipped(
        "negative count", of(ck.storage("float32", "0", -6), 0, (2, 3), (3, 1)), "expected the id of a storage"
    )
    yield zipped(
        "described twice",
        {"a": ck.tensor(whole, 0, (6,), (1,)), "b": ck.tensor(ck.storage("int32", "0", 6), 0, (6,), (1,))},
        "described in two ways",
    )
    yield zipped("beyond the end", of(whole, 1, (2, 3), (3, 1)), "reaches beyond its 6 elements")
    yield zipped("stride beyond the end", of(whole, 0, (2, 3), (4, 1)), "reaches beyond its 6 elements")
    yield zipped("negative offset", of(whole, -1, (2, 3), (3, 1)), "integers >= 0")
    yield zipped("negative stride", of(whole, 5, (2, 3), (-3, -1)), "integers >= 0")
    yield zipped("negative shape", of(whole, 0, (-2, -3), (3, 1)), "integers >= 0")
    yield zipped("stride missing", of(whole, 0, (2, 3), (3,)), "integers >= 0")
    yield zipped("shape of a list", of(whole, 0, [2, 3], (3, 1)), "integers >= 0")
    yield zipped("64 GiB by stride 0", of(whole, 0, (2**34,), (0,)), "reaches beyond its 6 elements")
    yield zipped("overflowing shape", of(whole, 0, (2**62, 4), (0, 0)), "integers >= 0")
    yield zipped("sizes of 0 x 2^72", of(whole, 0, (0, *[2**24] * 3), (1,) * 4), "along all sizes but 0")
    dtype = ck.Call(ck.Global("numpy", "dtype"), ("f4", False, True))
    nothing = ck.Call(ck.Global("_codecs", "encode"), ("", "latin1"))
    wide = ck.Call(ck.Global("numpy.core.numeric", "_frombuffer"), (nothing, dtype, (0, *[2**24] * 3), "C"))
    yield zipped("NumPy array of sizes 0 x 2^72", {"w": wide}, "an array of shape 0x16777216x16777216x16777216")
    yield zipped("rank 9", of(whole, 0, (1,) * 9, (1,) * 9), "rank <= 8")
    yield zipped("tensor of no storage", of("0", 0, (2, 3), (3, 1)), "a tensor without a storage")
    yield zipped(
        "tensor of nothing",
        {"w": ck.Call(ck.Global("torch._utils", "_rebuild_tensor_v2"), ())},
        "a tensor of 0 arguments",
    )
    yield zipped("persistent id of text", {"w": ck.Persistent("0")}, "expected the id of a storage")
    yield zipped("an object", {"w": ck.Call(ck.Global("my.models", "Net"), ())}, "'w' .an object of my.models.Net")
    yield zipped(
        "views of one storage",
        {str(i): ck.tensor(whole, 0, (3, 2), (1, 3)) for i in range(100)},
        "expected tensors of at most 384 bytes",
    )
    yield zipped("a number", 5, "expected a state dict .tensors by name., found a int")
    yield zipped("nothing in it", {}, "found a dict of nothing")
    yield zipped("no tensors", {"epoch": 3, "lr": 0.1}, "found a dict of 'epoch', 'lr'")
    itself = ck.Raw(b"}q\x00" + ck.opcodes("state_dict") + b"h\x00s")
    yield zipped("wraps itself", itself, "expected a state dict")
    yield zipped("setitem on a list", ck.Raw(b"]K\x01K\x02s"), "SETITEM of a list")
    yield zipped("append to a dict", ck.Raw(b"}K\x01a"), "APPEND of a dict")
    yield zipped("build of a number", ck.Raw(b"K\x01}b"), "BUILD of a int")
    yield zipped("call of text", ck.Raw(ck.opcodes("print") + b")R"), "a call of a str")
    yield zipped("key without value", ck.Raw(b"}(K\x01u"), "a key without a value")
    yield zipped("empty stack", ck.Raw(b"0"), "empty stack")
    yield zipped("beyond the mark", ck.Raw(b"K\x01(a"), "empty stack")
    yield zipped("no mark", ck.Raw(b"t"), "a container ends that never began")
    yield zipped("unread memo", ck.Raw(b"h\x05"), "memo entry 5 is read")
    yield zipped("two values", ck.Raw(b"NN"), "expected one value at the end, found 2")
    yield zipped("object opcode", ck.Raw(b"(ios\nsystem\n"), "opcode b'i' is not accepted")
    yield zipped("extension opcode", ck.Raw(b"\x82\x01"), "is not accepted")
    yield zipped("text not utf-8", ck.Raw(b"X\x01\x00\x00\x00\xff"), "is not UTF-8")
    yield zipped("text of 2^60", ck.Raw(b"\x8d" + struct.pack("<Q", 2**60)), "it ends early")
    yield zipped("text of 2 GiB", ck.Raw(b"X" + struct.pack("<I", 2**31)), "it ends early")
    yield zipped("text cut short", ck.Raw(b"X\x00\x10\x00\x00"), "it ends early")
    yield zipped("marks", ck.Raw(b"(" * 2000), "at most 1000 open containers")
    doublings = (b"h%ch%c\x86q%c0" % (i, i, i + 1) for i in range(200))  # pairs of the last pair: 2^200 leaves
    bomb = b")q\x000" + b"".join(doublings)
    yield zipped("memo bomb", ck.Raw(bomb + b"h\xc8"), "found a tuple")
    yield zipped("memo bomb as key", ck.Raw(bomb + b"}h\xc8Ns"), "found a dict of a key of another kind")
    yield zipped("opcodes", ck.Raw(b"N0" * 260_000 + b"N"), "at most 500000 opcodes")
    yield Bad(
        "bytes after the pickle", pack({"a/data.pkl": ck.dump({}) + b"more"}), ModelFormatError, "4 bytes after its end"
    )


def amplified() -> Iterator[Bad]:
    """Short pickles that describe something large: the memo hands out again what was built once."""
    times, ordered = 1000, ck.opcodes(ck.Global("collections", "OrderedDict")) + b"q\x010"
    pairs = b"](" + b"".join(ck.opcodes((f"k{i}", i)) for i in range(3000)) + b"eq\x000"
    entries = ck.opcodes({f"k{i}": i for i in range(3000)}) + b"q\x000"
    apply, again = b"h\x01h\x00\x85R", "by applying the same values again"

    def raw(name: str, code: bytes, says: str, error: type[TinyInferError] = ModelFormatError) -> Bad:
        return Bad(name, ck.zip_container(ck.Raw(code), {}), error, says)

    yield raw("pairs applied again and again", pairs + ordered + b"](" + apply * times + b"e", again)
    yield raw("a dict applied again and again", entries + ordered + b"](" + apply * times + b"e", again)
    yield raw("pairs created anew", pairs + ordered + b"](" + b"h\x01h\x00\x85\x81" * times + b"e", again)
    text = ck.opcodes("x" * 300_000) + b"q\x000" + ck.opcodes("latin1") + b"q\x020"
    encode = ck.opcodes(ck.Global("_codecs", "encode")) + b"q\x010"
    yield raw("text encoded again and again", text + encode + b"](" + b"h\x01h\x00h\x02\x86R" * times + b"e", again)
    growing = b"]q\x00" + b"h\x00a" * 20_000
    yield raw("a list that holds itself", growing, "found a list")
    for kind, make in {
        "set": b"\x8f(h%c\x90",
        "frozenset": b"(h%ch%c\x91",
        "list": b"](h%ch%ce",
        "pair": b"h%ch%c\x86",
    }.items():
        doubled = b"".join(make % ((i,) * make.count(b"%")) + b"q%c0" % (i + 1) for i in range(200))
        yield raw(f"{kind} of {kind}s as a key", b")q\x000" + doubled + b"}h\xc8Ns", "expected a state dict")
        yield raw(
            f"{kind} of {kind}s as an argument", b")q\x000" + doubled + b"cm\nn\nh\xc8\x85R", "expected a state dict"
        )
    part = ck.Global("m", "Block")
    start = ck.opcodes(ck.Call(part, (), {"_parameters": {}, "_modules": {}})) + b"q\x000"
    block = ck.opcodes(ck.Call(part, ())) + b"}(" + ck.opcodes("_parameters") + b"}" + ck.opcodes("_modules")
    block += b"}(" + ck.opcodes("a") + b"h%c" + ck.opcodes("b") + b"h%cuubq%c0"
    modules = b"".join(block % (i, i, i + 1) for i in range(60))
    yield raw("modules of the same module twice", start + modules + b"h\x3c", "a module of at most 20000 parts")
    object_ = ck.opcodes(ck.Call(part, ())) + b"q\x00h\x00bq\x000}h\x00h\x00s"
    yield raw("an object that is its own state and a key", object_, "a key of another kind")
    collide = b"".join(ck.opcodes(i * (2**61 - 1)) + b"N" for i in range(40_000))  # Python's hash of all is 0
    yield raw("integers of one hash", b"}(" + collide + b"u", "a key of another kind")


def bad_legacy() -> Iterator[Bad]:
    ones = np.ones(6, np.float32)
    good = ck.legacy_checkpoint({"w": ones})
    of = {"w": ck.tensor(ck.storage("float32", "0", 6, None), 0, (6,), (1,), "_rebuild_tensor")}
    yield Bad("empty", b"", ModelFormatError, "found an empty file")
    yield Bad("text", b"hello, world\n" * 50, ModelFormatError, "not a torch checkpoint.*hello")
    yield Bad(
        "other pickle",
        ck.dump({"w": ck.Call(ck.Global("os", "system"), ("ls",))}),
        ModelFormatError,
        "asks for os.system",
    )
    yield Bad("tar", bytes(257) + b"ustar" + bytes(250), UnsupportedOpError, "tar archive")
    yield Bad("truncated", good[:-1], ModelFormatError, "expected 24 bytes, found 23: the file is truncated")
    yield Bad("trailing", good + b"\0", ModelFormatError, "1 bytes after the last storage")
    yield Bad(
        "protocol",
        good.replace(b"M\xe9\x03", b"M\xea\x03").replace(struct.pack("<i", 1001), struct.pack("<i", 1002), 1),
        ModelFormatError,
        "protocol version 1001",
    )
    yield Bad(
        "count", ck.legacy_container(of, {"0": (7, ones.tobytes())}), ModelFormatError, "expected 6 elements, found 7"
    )
    yield Bad(
        "negative count",
        ck.legacy_container(of, {"0": (-6, ones.tobytes())}),
        ModelFormatError,
        "expected 6 elements, found -6",
    )
    yield Bad("keys missing", ck.legacy_container(of, {}), ModelFormatError, "does not name the 1")
    yield Bad("keys of numbers", ck.legacy_container(of, {}, [0]), ModelFormatError, "does not name the 1")
    yield Bad(
        "keys by a call",
        ck.legacy_container(of, {}, ck.Call(ck.Global("os", "system"), ())),
        ModelFormatError,
        "expected plain values",
    )
    huge = {"w": ck.tensor(ck.storage("float32", "0", 2**40, None), 0, (2**40,), (1,), "_rebuild_tensor")}
    yield Bad("4 TiB", ck.legacy_container(huge, {"0": (2**40, b"")}), ModelFormatError, "do not fit a file of")
    view = {"w": ck.tensor(ck.storage("float32", "0", 6, ("1", 4, 3)), 0, (3,), (1,), "_rebuild_tensor")}
    yield Bad(
        "view beyond",
        ck.legacy_container(view, {"0": (6, ones.tobytes())}),
        ModelFormatError,
        "a view that reaches beyond its 6",
    )
    module = {"w": ck.Persistent(("module", ck.Global("torch", "FloatStorage"), "a.py", "code"))}
    yield Bad("module", ck.legacy_container(module, {}), ModelFormatError, "found a dict of 'w'")


def mistaken_for_checkpoints() -> Iterator[Bad]:
    """What people really have under such a name."""
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 14255435\n"
    yield Bad("git-lfs pointer", pointer, ModelFormatError, "a git-lfs pointer.*git lfs pull")
    for page in (b"<!DOCTYPE html>\n<html>", b"\n\n<html lang='en'>", b"\xef\xbb\xbf<HTML>", b"<?xml version='1.0'?>"):
        yield Bad(f"page {page!r}", page, ModelFormatError, "a web page .HTML.*download it again")
    yield Bad("json", b'{"error": "Not Found"}', ModelFormatError, "a JSON text")
    yield Bad("gzip", b"\x1f\x8b\x08\x00" + bytes(60), UnsupportedOpError, "compressed by gzip: unpack it first")
    yield Bad("xz", b"\xfd7zXZ\x00" + bytes(60), UnsupportedOpError, "compressed by xz")
    yield Bad("hdf5", b"\x89HDF\r\n\x1a\n" + bytes(60), UnsupportedOpError, "an HDF5 file")
    yield Bad("safetensors", (60).to_bytes(8, "little") + b'{"w":{"dtype":"F32"}}', UnsupportedOpError, "safetensors")
    inner = pack({"release/net.pth": ck.zip_checkpoint({"w": np.ones(3, np.float32)})})
    yield Bad("zip of a checkpoint", inner, ModelFormatError, "unpack 'release/net.pth' and convert that")
    yield Bad("another zip", pack({"word/document.xml": b"<w/>"}), ModelFormatError, "none, but 'word/document.xml'")


@functools.cache
def bad_torch() -> list[Bad]:
    """Every bad torch checkpoint."""
    return [*bad_torch_zips(), *amplified(), *bad_legacy(), *mistaken_for_checkpoints()]
