"""What the fuzzer begins from and how it changes files, without the fuzzer."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from random import Random

import pytest
from fuzz_targets import TARGETS, changed_field, changed_member, reader
from malformed_onnx import good_onnx
from sample_model import npz_bytes

from tinyinfer.errors import TinyInferError
from tinyinfer.formats.onnx.load import load


def flipped(data: bytes, most: int) -> bytes:
    """One bit of it changed."""
    return bytes([data[0] ^ 1, *data[1:]])[:most] if data else b"\1"


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_small_changes_of_them_load_or_are_refused(name: str, tmp_path: Path) -> None:
    target, rng = TARGETS[name], Random(0)
    read = reader(target, tmp_path)
    seeds = list(target.seeds())
    assert seeds
    for seed in seeds:
        read(seed)
        read(target.mutate(seed, 2**16, flipped, rng))


def test_changed_members_have_checksums_that_fit() -> None:
    rng = Random(1)
    for _ in range(20):
        changed = changed_member(npz_bytes(), 2**16, flipped, rng)
        if changed != flipped(npz_bytes(), 2**16):
            with zipfile.ZipFile(io.BytesIO(changed)) as archive:
                assert archive.testzip() is None


def test_changed_fields_get_beyond_the_wire_format(tmp_path: Path) -> None:
    rng, path, messages = Random(2), tmp_path / "net.onnx", []
    for _ in range(100):
        path.write_bytes(changed_field(good_onnx(), 2**16, flipped, rng))
        try:
            load(path)
        except TinyInferError as error:
            messages.append(str(error))
    truncated = [message for message in messages if "found the end" in message or "expected wire type" in message]
    assert len(truncated) < len(messages) / 2
