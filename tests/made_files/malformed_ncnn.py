"""ncnn networks that must be refused: in their text, in their weights, and in what the two say together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from malformed import Malformed
from ncnn_files import param, plain, table, tagged

from tinyinfer.errors import GraphError, ModelFormatError, TinyInferError, UnsupportedOpError

INPUT = "Input data 0 1 data 0=6 1=5 2=3"
CONV = "Convolution conv 1 1 data out 0=4 1=3 5=1 6=108"
WEIGHTS = tagged(np.ones((4, 3, 3, 3), np.float32)) + plain(np.ones(4))
HUGE = 2**60


def _net(
    name: str, text: str | bytes, says: str, error: type[TinyInferError] = ModelFormatError, weights: bytes = WEIGHTS
) -> Malformed:
    data = text if isinstance(text, bytes) else text.encode()
    return Malformed(name, {"bad.param": data, "bad.bin": weights}, error, says)


def _line(
    name: str, line: str, says: str, error: type[TinyInferError] = ModelFormatError, weights: bytes = WEIGHTS
) -> Malformed:
    """A network of an input and this layer."""
    return _net(name, param([INPUT, line], blobs=9), says, error, weights)


def _lines(name: str, lines: Sequence[str], says: str, error: type[TinyInferError] = GraphError) -> Malformed:
    return _net(name, param(lines, blobs=9), says, error)


def texts() -> Iterator[Malformed]:
    """Texts that are none, or end early, or count wrongly."""
    good = param([INPUT, CONV])
    yield _net("empty", "", "expected 7767517 in the first line")
    yield _net("another magic", good.replace("7767517", "7767518"), "expected 7767517 in the first line")
    yield _net("binary", (7767517).to_bytes(4, "little") + bytes(40), "binary .param.bin", UnsupportedOpError)
    yield _net("not UTF-8", b"7767517\n2 2\n\xff\xfe", "not a text")
    yield _net("zip", b"PK\x03\x04" + bytes(64), "expected 7767517")
    yield _net("a picture", b"\x89PNG\r\n\x1a\n" + bytes(64), "not a text")
    yield _net("PNNX", param(["pnnx.Input in 0 1 0"]), "a PNNX file", UnsupportedOpError)
    yield _net("magic alone", "7767517\n", "expected the counts")
    yield _net("one count", "7767517\n2\n", "expected the counts")
    yield _net("three counts", "7767517\n2 2 2\n", "expected the counts")
    yield _net("counts that are words", "7767517\nmany blobs\n", "expected the counts")
    yield _net("a billion layers", "7767517\n1000000000 1\nInput data 0 1 data", "expected 1 to 20000 layers")
    yield _net("no layers", "7767517\n0 0\n", "expected 1 to 20000 layers")
    yield _net("negative counts", "7767517\n-2 2\n", "expected 1 to 20000 layers")
    yield _net("too few layers", param([INPUT], layers=2), "expected 2 layers, found 1")
    yield _net("too many layers", param([INPUT, CONV], layers=1), "expected 1 layers, found 2")
    yield _net("too few blobs", param([INPUT, CONV], blobs=1), "expected at most 1 blobs, found 2")
    for i in range(1, 4):
        yield _net(f"cut in line {i}", "\n".join(good.splitlines()[:i])[:-6], "expected")


def lines() -> Iterator[Malformed]:
    """Lines that can't be read."""
    yield _line("no counts of blobs", "Convolution conv", "expected type, name and the numbers")
    yield _line("a billion inputs", "Concat conv 1000000000 1 data out", "expected type, name and the numbers")
    yield _line("more inputs than names", "Concat conv 9000 1 data out", "expected 9000 \\+ 1 names")
    yield _line("negative inputs", "Concat conv -1 1 data out", "expected type, name and the numbers")
    yield _line("a long line", "Concat conv 1 1 data out 0=" + "1" * 2_000_000, "a line of at most")
    yield _line("a long name", f"Concat {'x' * 5000} 1 1 data out", "names of at most")
    yield _line("a control character", "Concat \x1b[31m 1 1 data out", "printable")
    yield _line("a parameter without value", "ReLU r 1 1 data out 0", "expected number=value")
    yield _line("a parameter of a word", "ReLU r 1 1 data out slope=1", "expected number=value")
    yield _line("an infinite parameter", "ReLU r 1 1 data out 0=1e400", "float32, found '1e400'")
    yield _line("2^60 channels", f"Convolution c 1 1 data out 0={HUGE} 1=3 6=27", "integer of 32 bits")
    yield _line("an odd number", "ReLU r 1 1 data out 0=0x10", "integer of 32 bits or a float32")
    yield _line("twice", "ReLU r 1 1 data out 0=0.1 0=0.2", "parameter 0 stands twice")
    yield _line("a negative parameter", "ReLU r 1 1 data out -5=0.1", "parameters of 0 and above")
    yield _line("an array's length", "Slice s 1 1 data out -23300=3,1,2", "an array of '3' numbers, found 2")
    yield _line("a billion in an array", "Slice s 1 1 data out -23300=1000000000,1", "found 1")
    yield _line("an array without length", "Slice s 1 1 data out -23300=", "an array of '' numbers")


def layers() -> Iterator[Malformed]:
    """Layers that make no network."""
    yield _line("unknown", "Teleport t 1 1 data out", "Teleport", UnsupportedOpError)
    yield _line("unknown parameter", "ReLU r 1 1 data out 17=1", "'parameter 17' is not supported", UnsupportedOpError)
    yield _line("an array for a number", "Softmax s 1 1 data out -23300=1,0", "axis: expected an integer", GraphError)
    yield _line("a string for a number", 'ReLU r 1 1 data out 0="x"', "slope: expected a number", GraphError)
    yield _lines("defined twice", [INPUT, INPUT], "'data' is defined twice", ModelFormatError)
    yield _lines("undefined", [INPUT, "ReLU r 1 1 nowhere out"], "'nowhere', which nothing defines", ModelFormatError)
    yield _lines("a cycle", [INPUT, "ReLU a 1 1 y x", "ReLU b 1 1 x y"], "cycle", ModelFormatError)
    yield _lines("a split of itself", ["Input data 0 1 data", "Split s 1 2 data data x"], "defined twice",
                 ModelFormatError)  # fmt: skip
    yield _lines("no output", ["Input data 0 1 data", "Noop n 1 0 data"], "a blob that no layer reads")
    yield _net(
        "no input",
        param(["MemoryData m 0 1 out 0=4"]),
        "expected an input",
        GraphError,
        plain(np.ones(4)),
    )
    yield _lines("no inputs of a layer", [INPUT, "Sigmoid r 0 1 out"], "expected an input 0", UnsupportedOpError)
    yield _lines("too many inputs", [INPUT, "Sigmoid r 2 1 data data out"], "input 1 is not supported",
                 UnsupportedOpError)  # fmt: skip
    yield _lines("too many outputs", [INPUT, "Sigmoid r 1 2 data out more"], "output 1", UnsupportedOpError)
    yield _lines("a huge input", ["Input data 0 1 data 0=2000000000 1=5 2=3"], "w: expected an integer from 0")
    yield _lines("a negative input", ["Input data 0 1 data 0=-4 1=5 2=3"], "w: expected an integer from 0")
    yield _lines("a volume", ["Input data 0 1 data 0=4 1=5 2=3 11=2"], "4 dimensions", UnsupportedOpError)
    yield _lines("an axis too far", [INPUT, "Softmax s 1 1 data out 0=7 1=1"], "'s'")
    yield _lines("a tile of the batch", [INPUT, "Tile s 1 1 data out 0=-4 1=2"], "axis: expected -3 to 2, found -4")
    yield _lines("a sum of the batch", [INPUT, "CumulativeSum s 1 1 data out 0=-4"], "axis: expected -3 to 2, found -4")
    yield _lines("an order too far", [INPUT, "Permute s 1 1 data out 0=6"], "order_type: expected below 6")
    yield _lines("a reshape that does not fit", [INPUT, "Reshape s 1 1 data out 0=7 1=-1"], "does not fit")
    yield _lines("pieces too many", [INPUT, "Slice s 1 2 data a b -23300=2,2,2"], "'s'")
    yield _lines("a step of 0", [INPUT, "Pooling s 1 1 data out 1=2 2=0"], "stride_w: expected")
    yield _lines("a window too large", [INPUT, "Pooling s 1 1 data out 1=99 5=1"], "'s'")
    yield _lines("groups that do not divide", [INPUT, "ShuffleChannel s 1 1 data out 0=2"], "'s'")
    yield _lines("a tile of a billion", [INPUT, "Tile s 1 1 data out 0=0 1=1000000000"], "at most 2147483648 elements")
    wide = "Padding s 1 1 data out 0=2000000000 1=2000000000"
    yield _line("a border of a billion", wide, "'s'", GraphError, b"")
    yield _lines("a size of a billion", [INPUT, "Interp s 1 1 data out 0=2 3=1000000000 4=1000000000"], "'s'")
    yield _lines("an old softmax", [INPUT, "Softmax s 1 1 data out 0=1"], "softmax's axes", UnsupportedOpError)


def weights() -> Iterator[Malformed]:
    """Weights that are too short, too long, or stored in no known way."""
    conv = param([INPUT, CONV])
    for length in (0, 2, 4, 100, len(WEIGHTS) - 20, len(WEIGHTS) - 4, len(WEIGHTS) - 1):
        yield _net(f"weights cut at {length}", conv, "'conv'.*expected .* numbers of", weights=WEIGHTS[:length])
    yield _net("bytes too many", conv, "4 bytes more than the layers' weights", weights=WEIGHTS + bytes(4))
    yield Malformed("no .bin", {"bad.param": conv.encode()}, ModelFormatError, "bad.bin: can't be read")
    yield _net("a flag that means a table", conv, "'conv'.*numbers of", weights=b"\1\0\0\0" + WEIGHTS[4:])
    short = table(np.ones(256), np.zeros(100))
    yield _net("a table without indices", conv, "expected 108 numbers of 1 bytes", weights=short)
    codes = tagged(np.ones(108, np.int8)) + plain(np.ones(4))
    yield _net("int8 without scales", conv, "expected scales for its int8", GraphError, weights=codes)
    odd = tagged(np.ones(1, np.float16))[:-2]
    yield _line("float16 cut in its last word", "Convolution c 1 1 data out 0=1 1=1 6=1", "to fill the last word",
                weights=odd)  # fmt: skip
    for name, said in {
        "a count that does not divide": "0=4 1=3 6=109",
        "outputs that groups do not divide": "0=4 1=3 6=108 7=3",
        "a kernel that is too large": "0=4 1=30000 11=30000 6=108",
    }.items():
        yield _line(name, f"Convolution c 1 1 data out {said}", "expected weights for 4 outputs", GraphError)
    for name, said in {
        "no outputs": "0=0 1=3 6=108", "negative outputs": "0=-4 1=3 6=108", "no kernel": "0=4 1=0 6=108",
        "negative weights": "0=4 1=3 6=-108", "no groups": "0=4 1=3 6=108 7=0",
    }.items():  # fmt: skip
        yield _line(name, f"Convolution c 1 1 data out {said}", "expected an integer from", GraphError)
    yield _line("2 billion weights", "Convolution c 1 1 data out 0=1 1=1 6=2147483647", "expected 2147483647 numbers")
    yield _line("2 billion numbers of memory", "MemoryData m 0 1 out 0=2000000000 1=2000000000 2=2000000000",
                "expected 8000000000000000000000000000 numbers")  # fmt: skip
    wrong = tagged(np.ones((4, 2, 3, 3), np.float32))
    yield _line("other channels", "Convolution c 1 1 data out 0=4 1=3 6=72", "'c'", GraphError, weights=wrong)
    nan = tagged(np.full((4, 3, 3, 3), np.nan, np.float32))
    yield _line("weights that are not numbers", "Convolution c 1 1 data out 0=4 1=3 6=108", "bad.param",
                _weights_error(), weights=nan)  # fmt: skip


def _weights_error() -> type[TinyInferError]:
    from tinyinfer.errors import WeightsError

    return WeightsError


def malformed_ncnn() -> Iterator[Malformed]:
    """All of them."""
    yield from texts()
    yield from lines()
    yield from layers()
    yield from weights()
