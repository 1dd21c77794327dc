"""What several test files share."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

# compiling a kernel inside an example takes seconds, so no example has a deadline
hypothesis.settings.register_profile("default", deadline=None, max_examples=30)
hypothesis.settings.register_profile("ci", deadline=None, max_examples=30, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout the tests run from."""
    return REPOSITORY


def shared_folder() -> Path:
    """Where golden records and real data are looked for."""
    return Path(os.environ.get("TINYINFER_SHARED") or REPOSITORY.parent / "shared")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Golden records and real data, kept outside the repository; tests that need them skip without."""
    folder = shared_folder()
    if not folder.is_dir():
        pytest.skip(f"no shared data: {folder} is not a folder (set TINYINFER_SHARED)")
    return folder.resolve()


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(0)


@pytest.fixture
def no_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels are chosen as on a machine without AMX; what other kernels do with tiles stays as it is."""
    from tinyinfer import kernels  # here, since a kernel brings Numba

    for op in ("conv2d", "gated_conv2d"):
        monkeypatch.setattr(kernels.find(op, "bf16x3"), "applies", lambda problem: False)
