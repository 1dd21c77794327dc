"""Hostile and damaged model files: the right error, quickly, and without much memory."""

from __future__ import annotations

import io
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_checkpoints import bad_torch
from bad_inputs import Bad, bad_npz
from checkpoints import legacy_checkpoint, zip_checkpoint
from hypothesis import given
from hypothesis import strategies as st
from sample_model import npz_bytes, small_graph
from typed_model import typed_bytes

from tinyinfer.errors import ModelFormatError, TinyInferError
from tinyinfer.formats.npz import model_file as npz
from tinyinfer.formats.torch.checkpoint import read_checkpoint


@contextmanager
def within_bounds() -> Iterator[None]:
    """Three seconds of CPU time (one would do on an idle machine) and 200 MB at most."""
    tracemalloc.start()
    begin = time.process_time()
    try:
        yield
        took, peak = time.process_time() - begin, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert took < 3
    assert peak < 200e6


def raises_as_told(bad: Bad, read: Callable[[Path], object], path: Path) -> None:
    path.write_bytes(bad.data)
    with within_bounds(), pytest.raises(bad.error, match=bad.says) as caught:
        read(path)
    assert type(caught.value) is bad.error
    message = str(caught.value)
    assert path.name in message
    assert message.isprintable()  # one line, no terminal escapes
    assert len(message) < 600


@pytest.mark.parametrize("bad", bad_npz(), ids=lambda bad: bad.name)
def test_bad_npz(bad: Bad, tmp_path: Path) -> None:
    raises_as_told(bad, npz.load, tmp_path / "bad.npz")


@pytest.mark.parametrize("bad", bad_torch(), ids=lambda bad: bad.name)
def test_bad_torch(bad: Bad, tmp_path: Path) -> None:
    raises_as_told(bad, read_checkpoint, tmp_path / "bad.pth")


@pytest.mark.parametrize("read", [npz.load, read_checkpoint])
def test_files_that_cannot_be_read(read: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match=r"absent.npz: can't be read: No such file"):
        read(tmp_path / "absent.npz")
    with pytest.raises(ModelFormatError, match="expected a file, found a pipe, a device or a folder"):
        read(tmp_path)


def _npz_content(path: Path) -> Any:
    graph, meta = npz.load(path)
    return [graph.inputs, graph.nodes, graph.outputs, meta, {key: a.tobytes() for key, a in graph.weights.items()}]


def _torch_content(path: Path) -> Any:
    return {key: (array.dtype, array.shape, array.tobytes()) for key, array in read_checkpoint(path).state.items()}


STATE = {"conv.weight": np.arange(12, dtype=np.float32).reshape(3, 4), "bn.num_batches_tracked": np.array(7)}
GOOD = {
    "npz": (npz_bytes(), _npz_content),
    "npz 2": (typed_bytes(), _npz_content),
    "zip": (zip_checkpoint(STATE), _torch_content),
    "legacy": (legacy_checkpoint(STATE), _torch_content),
}


def _damaged(kind: str, data: bytes, path: Path) -> Any:
    """What a damaged file loads as, or None when it is refused as it should be."""
    path.write_bytes(data)
    begin = time.process_time()
    try:
        return GOOD[kind][1](path)
    except TinyInferError:
        return None
    finally:
        assert time.process_time() - begin < 1


@pytest.mark.parametrize("kind", ["npz", "npz 2", "zip"])
def test_flipped_bytes_are_noticed_or_harmless(kind: str, tmp_path: Path) -> None:
    data, content = GOOD[kind]
    path = tmp_path / "file"
    path.write_bytes(data)
    expected = content(path)
    for at in range(0, len(data), max(len(data) // 700, 1)):
        flipped = bytearray(data)
        flipped[at] ^= 0xFF
        assert _damaged(kind, bytes(flipped), path) in (None, expected), f"byte {at}"


@given(data=st.data())
def test_flipped_bits(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    kind = data.draw(st.sampled_from(sorted(GOOD)))
    good, content = GOOD[kind]
    path = tmp_path_factory.mktemp("flips") / "file"
    flipped = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        flipped[data.draw(st.integers(0, len(good) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    loaded = _damaged(kind, bytes(flipped), path)
    if kind != "legacy" and loaded is not None:  # the legacy format has no checksum
        path.write_bytes(good)
        assert loaded == content(path)


def test_every_flipped_byte_of_a_legacy_checkpoint(tmp_path: Path) -> None:
    data = GOOD["legacy"][0]
    for at in range(len(data)):
        for mask in (0xFF, 0x01):
            flipped = bytearray(data)
            flipped[at] ^= mask
            _damaged("legacy", bytes(flipped), tmp_path / "file")


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_every_truncation_is_refused(kind: str, tmp_path: Path) -> None:
    data = GOOD[kind][0]
    for length in range(0, len(data), max(len(data) // 400, 1)):
        assert _damaged(kind, data[:length], tmp_path / "file") is None, f"{length} of {len(data)} bytes"


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    npz.save(path, small_graph(), {})
    before = path.read_bytes()
    with pytest.raises(ModelFormatError, match="meta: x: expected plain JSON values, found object"):
        npz.save(path, small_graph(), {"x": object()})
    graph = small_graph()
    graph.weights["fc.bias"] = graph.weights["fc.bias"] * 1e6
    with pytest.raises(TinyInferError, match=r"'fc.bias': expected magnitudes of at most 65504"):
        npz.save(path, graph, {}, half=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]


def test_reading_from_an_open_file() -> None:
    graph, meta = npz.load(io.BytesIO(npz_bytes()))
    assert meta["name"] == "small"
    assert list(graph.weights) == list(small_graph().weights)
