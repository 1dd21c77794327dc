"""What the fuzzer begins from and how it changes files, without the fuzzer."""

from __future__ import annotations

import importlib
import io
import re
import zipfile
from pathlib import Path
from random import Random

import pytest
from changes import archive_member, document
from fuzz_targets import TARGETS, reader
from sample_model import npz_bytes

from tinyinfer.errors import TinyInferError


def flipped(data: bytes, most: int) -> bytes:
    """One bit of it changed."""
    return bytes([data[0] ^ 1, *data[1:]])[:most] if data else b"\1"


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_small_changes_of_them_load_or_are_refused(name: str, tmp_path: Path) -> None:
    target, rng = TARGETS[name], Random(0)
    read = reader(target, tmp_path)
    seeds = list(target.seeds())
    assert seeds
    change = target.change(seeds)
    for seed in rng.sample(seeds, min(len(seeds), 150)):
        read(seed)
        read(change(seed, 2**16, flipped, rng))


def test_changed_members_have_checksums_that_fit() -> None:
    rng, change = Random(1), archive_member("__tinyinfer__.npy", document)
    for _ in range(20):
        changed = change(npz_bytes(), 2**16, flipped, rng)
        if changed != flipped(npz_bytes(), 2**16):
            with zipfile.ZipFile(io.BytesIO(changed)) as archive:
                assert archive.testzip() is None


@pytest.mark.parametrize(
    ("name", "container"),
    [
        ("onnx", "byte [0-9]+: |field [0-9]+: expected (wire type|[0-9]+ bytes)"),
        ("tflite", "byte [0-9]+: |not a TFLite|do not fit a file|table's"),
        ("ncnn", "not an ncnn|counts of layers|expected [0-9]+ layers|expected type, name"),
        ("safetensors", "not a safetensors|not valid JSON: (Exp|Inv|Ext)|JSON object|at most [0-9]+ bytes|cut off"),
        ("npz", "damaged|not valid JSON: (Exp|Inv|Ext)"),
    ],
)
def test_most_changes_get_beyond_what_holds_a_file_together(name: str, container: str, tmp_path: Path) -> None:
    """Seeds that load, changed once, load or are refused for what is in them."""
    target, rng = TARGETS[name], Random(2)
    module, _, function = target.load.rpartition(".")
    load = getattr(importlib.import_module(module), function)

    def refusal(data: bytes) -> str:
        files = target.files(data)
        for file, content in files.items():
            (tmp_path / file).write_bytes(content)
        try:
            load(tmp_path / next(iter(files)))
        except TinyInferError as error:
            return str(error)
        return ""

    seeds = list(target.seeds())
    change = target.change(seeds)
    good = [seed for seed in rng.sample(seeds, min(100, len(seeds))) if not refusal(seed)]
    refusals = [refusal(change(rng.choice(good), 2**16, flipped, rng)) for _ in range(200)]
    shallow = [text for text in refusals if re.search(container, text)]
    assert len(shallow) < len(refusals) / 2, shallow
