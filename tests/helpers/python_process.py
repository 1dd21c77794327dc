"""Python code in a process of its own, with this package and the tests' own modules."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HELPERS = Path(__file__).resolve().parent
ROOT = HELPERS.parents[1]
LONG = 1800  # seconds that only a process which hangs will take, however busy the machine is


def environment(before: Sequence[Path] = (), **changes: str) -> dict[str, str]:
    """This process's environment with changes; its own ``PYTHONPATH`` comes last, the folders of ``before`` first."""
    paths = (*map(str, before), str(HELPERS), str(ROOT), os.environ.get("PYTHONPATH"))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **changes}


def run_python(code: str, *arguments: object, **changes: str) -> subprocess.CompletedProcess[str]:
    """The code, run to its end with an environment so changed, and what it wrote."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(
        command, env=environment(**changes), capture_output=True, text=True, timeout=LONG, check=False
    )


def printed(code: str, *arguments: object, **changes: str) -> str:
    """What the code wrote to stdout; it has to end well."""
    done = run_python(code, *arguments, **changes)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-3000:]}"
    return done.stdout
