"""The package's own face: lazy, and the same whatever was imported before."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("name", ["load", "convert"])
def test_functions_stay_functions_when_their_modules_are_imported(name: str) -> None:
    code = f"import tinyinfer as ti; from tinyinfer.{name} import {name}; print(ti.{name} is {name})"
    assert run(code) == "True"


def test_building_a_network_needs_no_numba() -> None:
    code = "import sys, tinyinfer as ti; ti.models.create('resnet20'); print('numba' in sys.modules)"
    assert run(code) == "False"
