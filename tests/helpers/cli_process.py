"""The command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[2])


def start(*arguments: object, env: Mapping[str, str] | None = None, **options) -> subprocess.Popen:
    """`tinyinfer ARGUMENTS` in a process of its own, which Ctrl-C reaches.

    A suite that a shell runs in the background has SIGINT ignored, and its children would inherit that.
    """
    restore = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{restore}; from tinyinfer.cli import main; main()"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    env = {**os.environ, **(env or {})}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (env.get("PYTHONPATH"), ROOT)))
    return subprocess.Popen(command, env=env, **pipes)
