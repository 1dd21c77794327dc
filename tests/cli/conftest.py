"""Model files, pictures and two ways to call the command line: in this process, and in one of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from cli_process import start
from PIL import Image
from python_process import LONG
from small_networks import residual_network

from tinyinfer.cli import main
from tinyinfer.model import Model

PREPROCESS = {"resize": 16, "crop": 16, "mean": [0.5] * 3, "std": [0.25] * 3}
LABELS = ["ant", "bee", "cat", "dog", "eel"]


class Answer(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _restore_warnings(monkeypatch):
    import warnings

    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)


@pytest.fixture
def ti(capsys) -> Callable[..., Answer]:
    """Run `tinyinfer ARGUMENTS` in this process."""

    def call(*arguments: object) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Answer(int(stop.value.code), out, err)

    return call


@pytest.fixture
def ti_process() -> Callable[..., Answer]:
    """Run `tinyinfer ARGUMENTS` in a process of its own and wait for it."""

    def call(*arguments: object, env: Mapping[str, str] | None = None, **options) -> Answer:
        process = start(*arguments, env=env, **options)
        out, err = process.communicate(timeout=LONG)
        return Answer(process.returncode, (out or b"").decode(), (err or b"").decode())

    return call


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six pictures in two class folders of the model's labels."""
    rng = np.random.default_rng(0)
    for i in range(6):
        path = tmp_path / "photos" / ("ant", "bee")[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), np.uint8)).save(path)
    return tmp_path / "photos"


@pytest.fixture(scope="session")
def model_file(tmp_path_factory) -> Path:
    """A small network with labels, saved."""
    path = tmp_path_factory.mktemp("models") / "small.npz"
    meta = {"name": "small", "arch": "small", "labels": LABELS, "preprocess": PREPROCESS}
    Model(residual_network(), meta).save(path)
    return path


@pytest.fixture
def pictures(tmp_path) -> Path:
    """A folder of three pictures; the one in the middle is damaged."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a.png", "c.jpg"):
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), np.uint8)).save(folder / name)
    (folder / "b.jpg").write_bytes((folder / "c.jpg").read_bytes()[:200])
    (folder / "notes.txt").write_text("not a picture")
    return folder
