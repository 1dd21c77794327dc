"""The sandbox as a file, written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyinfer.pages.sandbox.page import sandbox_document


@pytest.fixture(scope="session")
def html(tmp_path_factory) -> Path:
    path: Path = tmp_path_factory.mktemp("sandbox") / "sandbox.html"
    path.write_text(sandbox_document(), encoding="utf-8")
    return path
