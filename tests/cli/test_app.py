"""The verbs of the command line, each in the file that the table says."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
import typer

from tinyinfer.cli.app import FILES


@pytest.mark.parametrize("file", FILES)
def test_a_file_has_the_verbs_of_the_table(file: str) -> None:
    app = typer.Typer()
    importlib.import_module(f"tinyinfer.cli.{file}").register(app)
    assert tuple(command.name for command in app.registered_commands) == FILES[file]


def test_a_verb_brings_in_no_other_file() -> None:
    others = [f"tinyinfer.cli.{file}" for file in FILES if file != "inspect"]
    code = f"""
import sys
from tinyinfer.cli import main
try:
    main(["models", "resnet20"])
finally:
    print(sys.modules.keys() & {others})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "set()"
