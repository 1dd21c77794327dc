"""TorchScript archives: weights by the path of attributes that leads to them, the program left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import checkpoints as ck
import numpy as np
import pytest

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.torch.checkpoint import read_checkpoint

ARRAYS = {
    "0": np.arange(6, dtype=np.float32).reshape(2, 3),
    "1": np.ones(2, np.float32),
    "2": np.array([4.0], np.float32),
}
DATA = {key: array.tobytes() for key, array in ARRAYS.items()}
TENSORS = ck.describe(ARRAYS)
PROGRAM = {"constants__pkl": ck.dump(()), "code/__torch__/net.py": b"import os  # never read"}


def scripted(name: str, **attributes: Any) -> ck.Raw:
    """A module of a class of the program, as torch.jit.save writes it."""
    state = {"training": False, "_is_full_backward_hook": None, **attributes}
    build = ck.opcodes(ck.Global(f"__torch__.{name}", "Net")) + ck.opcodes(()) + b"\x81" + ck.opcodes(state) + b"b"
    return ck.Raw(build)


def archive(folder: Path, value: Any, **members: bytes) -> Path:
    path = folder / "net.pt"
    path.write_bytes(ck.zip_container(value, DATA, **{**PROGRAM, **members}))
    return path


def test_weights_by_the_path_of_attributes(tmp_path: Path) -> None:
    pads = ck.Call(ck.Global("torch.jit._pickle", "build_intlist"), ([0, 0],))
    conv = scripted("torch.nn.modules.conv", weight=TENSORS["0"], bias=TENSORS["1"], transposed=False, pads=pads)
    stages = ck.Raw(
        ck.opcodes(ck.Global("__torch__.container", "Sequential")) + b")\x81" + ck.opcodes({"0": conv}) + b"b"
    )
    found = read_checkpoint(archive(tmp_path, scripted("net", scale=TENSORS["2"], features=stages)))
    assert list(found.state) == ["scale", "features.0.weight", "features.0.bias"]
    for key, array in zip(("features.0.weight", "features.0.bias", "scale"), ARRAYS.values(), strict=True):
        np.testing.assert_array_equal(found.state[key], array)


def test_the_program_may_be_anything(tmp_path: Path) -> None:
    hostile = ck.dump(ck.Call(ck.Global("os", "system"), ("true",)))
    path = archive(tmp_path, scripted("net", weight=TENSORS["0"]), constants__pkl=hostile)
    assert list(read_checkpoint(path).state) == ["weight"]


def test_what_a_module_names_is_not_run(tmp_path: Path) -> None:
    call = ck.Call(ck.Global("os", "system"), ("true",))
    with pytest.raises(ModelFormatError, match=r"os\.system, which is not run"):
        read_checkpoint(archive(tmp_path, scripted("net", weight=TENSORS["0"], other=call)))


def test_packed_weights_are_refused_by_name(tmp_path: Path) -> None:
    packed = scripted("torch.classes.quantized")
    layer = scripted("torch.ao.nn.quantized", _packed_params=packed, weight=TENSORS["0"])
    path = archive(tmp_path, scripted("net", fc=layer))
    with pytest.raises(UnsupportedOpError, match=r"'fc\._packed_params': .*a quantized tensor"):
        read_checkpoint(path)
    assert list(read_checkpoint(path, unneeded=lambda key: "packed" in key).state) == ["fc.weight"]


def test_frozen_archives_have_no_weights_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOpError, match=r"torch\.jit\.freeze"):
        read_checkpoint(archive(tmp_path, scripted("net")))


def test_exported_programs_are_named(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    file = ck.zip_container({}, {}, archive_format=b"pt2").replace(b"archive/data.pkl", b"archive/data.txt")
    path.write_bytes(file)
    with pytest.raises(UnsupportedOpError, match=r"torch\.export"):
        read_checkpoint(path)


def test_parts_that_hold_each_other_come_to_an_end(tmp_path: Path) -> None:
    body = ck.opcodes({"weight": TENSORS["0"]})[:-1] + ck.opcodes("again") + b"h\x00u"
    loop = ck.opcodes(ck.Global("__torch__.net", "Net")) + b")\x81q\x00" + body + b"b"
    with pytest.raises(ModelFormatError, match="a module of at most 50 parts"):
        read_checkpoint(archive(tmp_path, ck.Raw(loop)), Limits(members=50))


def test_archives_that_torch_has_written(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).eval()
    for name, program in {
        "script": torch.jit.script(module),
        "trace": torch.jit.trace(module, torch.zeros(1, 3, 5, 5)),
    }.items():
        program.save(tmp_path / name)
        found = read_checkpoint(tmp_path / name).state
        assert found.keys() == module.state_dict().keys()
        for key, tensor in module.state_dict().items():
            np.testing.assert_array_equal(found[key], tensor.numpy())
