"""The package's own face: lazy, and the same whatever was imported before."""

from __future__ import annotations

import importlib
import subprocess
import sys

import tinyinfer


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_no_module_has_the_name_of_a_public_function() -> None:
    for name, module in tinyinfer._NAMES.items():
        assert module != f"tinyinfer.{name}", "importing it would put the module in the function's place"
        assert getattr(tinyinfer, name) is getattr(importlib.import_module(module), name)


def test_building_a_network_needs_no_numba() -> None:
    code = "import sys, tinyinfer as ti; ti.models.create('resnet20'); print('numba' in sys.modules)"
    assert run(code) == "False"
