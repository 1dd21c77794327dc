"""Values of any class beside the weights, and NumPy arrays as the weights: read, with nothing run or imported."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkpoints as ck
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.torch.checkpoint import read_checkpoint

ARRAYS = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "a.bias": np.ones(2, np.float32)}
OBJECT = ck.Global("builtins", "object")


def new(module: str, name: str, *arguments: Any, state: Any = None) -> ck.Raw:
    """An object by NEWOBJ, and its state by BUILD."""
    build = b"" if state is None else ck.opcodes(state) + b"b"
    return ck.Raw(ck.opcodes(ck.Global(module, name)) + ck.opcodes(arguments) + b"\x81" + build)


def call(module: str, name: str, *arguments: Any, state: Any = None) -> ck.Call:
    return ck.Call(ck.Global(module, name), arguments, state)


def raw_tensor(kind: str) -> ck.Persistent:
    return ck.Persistent(("storage", ck.Global("torch", kind), "0", "cpu", 1))


BESIDE = {
    "namespace": new("argparse", "Namespace", state={"lr": 0.1, "gpus": [0, 1]}),
    "set": ck.Raw(b"\x8f(K\x01K\x02\x90"),
    "set of protocol 2": call("__builtin__", "set", [1, 2]),
    "frozenset": ck.Raw(b"(K\x01K\x02\x91"),
    "counter": call("collections", "Counter", {"cat": 3}),
    "defaultdict": ck.Raw(ck.opcodes(call("collections", "defaultdict", ck.Global("builtins", "list"))) + b"K\x01]s"),
    "deque": ck.Raw(ck.opcodes(call("collections", "deque", [], 5)) + b"(K\x01K\x02e"),
    "tuple keys": ck.Raw(b"}(K\x01K\x02\x86X\x01\x00\x00\x00aK\x03\x85Nu"),
    "bytearray": call("builtins", "bytearray", b"".decode()),
    "bytearray of protocol 5": ck.Raw(b"\x96\x03\x00\x00\x00\x00\x00\x00\x00abc"),
    "complex": call("builtins", "complex", 1.0, 2.0),
    "device": call("torch", "device", "cuda", 0),
    "dtype": ck.Global("torch", "float16"),
    "layout": call("torch.serialization", "_get_layout", "torch.strided"),
    "size": call("torch", "Size", (1, 2)),
    "datetime": call("datetime", "datetime", "as bytes"),
    "path": call("pathlib", "PosixPath", "runs", "1"),
    "enum": call("my.config", "Mode", 2),
    "nested enum": ck.Call(call("__builtin__", "getattr", ck.Global("my.config", "Net"), "Mode"), (2,)),
    "object of protocol 0": call("copy_reg", "_reconstructor", ck.Global("my", "Args"), OBJECT, None, state={"x": 1}),
    "keyword-only": ck.Raw(ck.opcodes(ck.Global("my", "Args")) + b")}\x92"),
    "function": ck.Global("torch.nn.functional", "relu"),
    "class with items": ck.Raw(ck.opcodes(new("addict", "Dict")) + ck.opcodes("a") + b"K\x01s"),
    "numpy scalar": call("numpy._core.multiarray", "scalar", call("numpy", "dtype", "f8"), "8 bytes"),
    "array of objects": call(
        "numpy.core.multiarray", "_reconstruct", ck.Global("numpy", "ndarray"), (0,), "b",
        state=(1, (2,), call("numpy", "dtype", "O8", False, True), False, [1, None]),
    ),
    "random state": call("numpy.random._pickle", "__randomstate_ctor", "MT19937", state={"state": {"pos": 1}}),
    "float8": call("torch._utils", "_rebuild_tensor_v3", raw_tensor("ByteStorage"), 0, (1,), (1,), False, {},
                   ck.Global("torch", "float8_e4m3fn")),
    "complex tensor": ck.tensor(raw_tensor("ComplexFloatStorage"), 0, (1,), (1,)),
    "quantized tensor": call("torch._utils", "_rebuild_qtensor", raw_tensor("QInt8Storage"), 0, (1,), (1,)),
    "sparse tensor": call("torch._utils", "_rebuild_sparse_tensor", ck.Global("torch", "sparse_coo"), ()),
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE)
def test_inert_beside_the_weights(name: str, tmp_path: Path) -> None:
    data = {"1": ARRAYS["a.weight"].tobytes(), "2": ARRAYS["a.bias"].tobytes(), "0": bytes(8)}
    if name in ("float8", "quantized tensor"):
        data["0"] = bytes(1)
    described = {
        key: ck.tensor(ck.storage("float32", str(i), a.size), 0, a.shape, ck.strides(a.shape))
        for i, (key, a) in enumerate(ARRAYS.items(), 1)
    }
    value = {"args": BESIDE[name], "state_dict": ck.ordered(described), "more": [BESIDE[name], (BESIDE[name],)]}
    path = tmp_path / "c.pth"
    path.write_bytes(ck.zip_container(value, data))
    found = read_checkpoint(path).state
    assert {key: array.tolist() for key, array in found.items()} == {key: a.tolist() for key, a in ARRAYS.items()}


def test_nothing_is_imported_or_run(tmp_path: Path) -> None:
    """A module that would tell is asked for by every opcode that could reach it."""
    spy = tmp_path / "spy.py"
    spy.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\ndef run(*a): pass\nclass Run: __setstate__ = run\n")
    value = {"w": [call("spy", "run", 1), new("spy", "Run", state={"x": 1}), ck.Global("spy", "run")]}
    (tmp_path / "c.pth").write_bytes(ck.zip_container(value, {}))
    monkey = pytest.MonkeyPatch()
    monkey.syspath_prepend(tmp_path)
    with pytest.raises(ModelFormatError, match="expected a state dict"):
        read_checkpoint(tmp_path / "c.pth")
    monkey.undo()
    assert not (tmp_path / "ran").exists()


@given(
    protocol=st.integers(2, 5),
    fortran=st.booleans(),
    state=st.dictionaries(
        st.text("ab.1", min_size=1, max_size=8),
        st.sampled_from(["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", ">f4", ">i2"]).flatmap(
            lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_numpy_arrays_as_the_weights(
    protocol: int, fortran: bool, state: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> None:
    state = {key: np.asfortranarray(array) if fortran else array for key, array in state.items()}
    path = tmp_path_factory.mktemp("c") / "c.pkl"
    path.write_bytes(pickle.dumps({"model": state, "epoch": 3}, protocol))
    found = read_checkpoint(path).state
    assert list(found) == list(state)
    for key, array in state.items():
        np.testing.assert_array_equal(found[key], array)
        assert found[key].dtype == array.dtype.newbyteorder("=")
        assert found[key].flags.carray


def test_an_array_whose_bytes_do_not_fit_its_shape(tmp_path: Path) -> None:
    dtype = call("numpy", "dtype", "f4", False, True)
    data = ck.Call(ck.Global("_codecs", "encode"), ("12345678", "latin1"))
    for shape in ((3,), (2**47, 2), (-2,), ("2",), (2.0,)):
        array = call(
            "numpy.core.multiarray", "_reconstruct", ck.Global("numpy", "ndarray"), (0,), "b",
            state=(1, shape, dtype, False, data),
        )  # fmt: skip
        (tmp_path / "c.pth").write_bytes(ck.zip_container({"w": array}, {}))
        with pytest.raises(ModelFormatError, match="an array of shape"):
            read_checkpoint(tmp_path / "c.pth")


def test_many_views_of_one_array_are_bounded(tmp_path: Path) -> None:
    """An array's bytes may be named again and again by the memo."""
    array = np.zeros(100_000, np.float32)
    dump = pickle.dumps({"w0": array.tobytes()}, 4)
    assert len(dump) > array.nbytes
    encode = ck.opcodes(ck.Global("_codecs", "encode")) + ck.opcodes(("\0" * 400_000, "latin1")) + b"Rq\x000"
    make = ck.opcodes(ck.Global("numpy.core.numeric", "_frombuffer")) + b"(h\x00"
    make += ck.opcodes(call("numpy", "dtype", "f4", False, True)) + ck.opcodes((100_000,)) + ck.opcodes("C") + b"tR"
    arrays = b"".join(ck.opcodes(f"w{i}") + make for i in range(200))
    (tmp_path / "c.pth").write_bytes(ck.zip_container(ck.Raw(encode + b"}(" + arrays + b"u"), {}))
    with pytest.raises(ModelFormatError, match="expected tensors of at most"):
        read_checkpoint(tmp_path / "c.pth")


@pytest.mark.parametrize("name", ["float8", "complex tensor", "quantized tensor", "sparse tensor"])
def test_such_tensors_among_the_weights_are_refused_by_name(name: str, tmp_path: Path) -> None:
    data = {"0": bytes(1 if name in ("float8", "quantized tensor") else 8), "1": bytes(8)}
    good = ck.tensor(ck.storage("float32", "1", 2), 0, (2,), (1,))
    path = tmp_path / "c.pth"
    path.write_bytes(ck.zip_container({"fc.weight": BESIDE[name], "fc.bias": good}, data))
    says = "quantized checkpoints can't be read: save the float32" if name == "quantized tensor" else "not supported"
    with pytest.raises(UnsupportedOpError, match=f"'fc.weight': .*{says}"):
        read_checkpoint(path)
    assert list(read_checkpoint(path, unneeded=lambda key: key == "fc.weight").state) == ["fc.bias"]


def test_parameters_with_attributes(tmp_path: Path) -> None:
    plain = ck.tensor(ck.storage("float32", "0", 2), 0, (2,), (1,))
    state = {
        "parameter": call("torch._utils", "_rebuild_parameter_with_state", plain, True, {}, {"name": "x"}),
        "tensor": call("torch._tensor", "_rebuild_from_type_v2", ck.Global("torch._utils", "_rebuild_tensor_v2"),
                       ck.Global("torch", "Tensor"), plain.arguments, {"name": "x"}),
        "built": ck.Call(plain.target, plain.arguments, {"name": "x"}),
    }  # fmt: skip
    path = tmp_path / "c.pth"
    path.write_bytes(ck.zip_container(state, {"0": np.float32([1, 2]).tobytes()}))
    assert {key: a.tolist() for key, a in read_checkpoint(path).state.items()} == {key: [1, 2] for key in state}


def module(
    tensors: dict[str, Any], parts: dict[str, Any], buffers: dict[str, Any] | None = None, kept: Any = ()
) -> Any:
    transient = call("builtins", "set", list(kept))
    state = {"training": False, "_parameters": tensors, "_buffers": buffers or {}, "_modules": parts}
    return new("my.models", "Net", state={**state, "_non_persistent_buffers_set": transient})


@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: {"model": m, "epoch": 3}, lambda m: (m, 3)])
def test_a_whole_module_gives_its_state_dict(wrap: Callable[[Any], Any], tmp_path: Path) -> None:
    one = ck.tensor(ck.storage("float32", "0", 2), 0, (2,), (1,))
    conv = module({"weight": one, "bias": None}, {})
    norm = module({"weight": one}, {}, {"running_mean": one, "workspace": one}, kept=["workspace"])
    whole = module({"scale": one}, {"conv": conv, "body": module({}, {"0": norm}), "head": None})
    (tmp_path / "c.pth").write_bytes(ck.zip_container(wrap(whole), {"0": np.float32([1, 2]).tobytes()}))
    found = read_checkpoint(tmp_path / "c.pth").state
    assert list(found) == ["scale", "conv.weight", "body.0.weight", "body.0.running_mean"]
