"""Files that a reader has to refuse, read one after the other in a process of its own whose memory is limited.

A format's malformed files are written by ``tests/made_files/malformed_<format>.py``; its test is

    assert complaints(malformed_onnx(), "tinyinfer.formats.onnx.load.load", tmp_path) == []
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from python_process import run_python

from tinyinfer import errors
from tinyinfer.errors import TinyInferError

SECONDS, MEMORY = 5, 2**30  # CPU time and address space that a file may take
REFUSALS = (3, 5)  # exit codes: model, unsupported
LONGEST = 600  # characters of a message

# Reads one file after the other; prints what became of each as a line of JSON.  Imports do not count as its memory.
READ = """
import importlib, json, resource, sys, time
from tinyinfer.errors import TinyInferError
module, _, name = sys.argv[1].rpartition(".")
load = getattr(importlib.import_module(module), name)
seconds, memory, paths = sys.argv[2:]
in_use = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, (in_use + int(memory),) * 2)
for path in open(paths).read().splitlines():
    begin = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(begin + 2 * int(seconds)) + 1, resource.RLIM_INFINITY))
    try:
        load(path)
        found = [None, 0, "it loads"]
    except TinyInferError as error:
        found = [type(error).__name__, error.exit_code, str(error)]
    except BaseException as error:
        found = [type(error).__name__, 1, f"{type(error).__name__}: {error}"]
    print(json.dumps([path, time.process_time() - begin, *found]), flush=True)
"""


class Malformed(NamedTuple):
    """A file, or several of which the first is opened; a path in place of bytes is a link to there."""

    name: str
    files: bytes | Mapping[str, bytes | Path]
    error: type[TinyInferError]
    says: str  # a regular expression


def complaints(cases: Iterable[Malformed], load: str, folder: Path, suffix: str = "") -> list[str]:
    """What is wrong with the ways in which ``load``, the full name of a function of a path, refuses these files.

    Expected is the case's error with an exit code for models, in one short line that names the file and says what the
    case wants said, in 5 seconds of CPU time and 1 GB.
    """
    written = {str(_write(case, folder / str(index), suffix)): case for index, case in enumerate(cases)}
    assert len({case.name for case in written.values()}) == len(written), "two cases of one name"
    paths = folder / "paths"
    paths.write_text("\n".join(written))
    done = run_python(READ, load, SECONDS, MEMORY, paths, OPENBLAS_NUM_THREADS="1")
    wrong, left = [], dict(written)
    for line in done.stdout.splitlines():
        path, *told = json.loads(line)
        case = left.pop(path)
        wrong += [f"{case.name}: {fault}" for fault in _faults(case, path, *told)]
    if left:
        wrong.append(f"{next(iter(left.values())).name}: the process died of it: {done.stderr[-500:]}")
    return wrong


def _write(case: Malformed, folder: Path, suffix: str) -> Path:
    """The file to be opened, where it and those beside it have been written."""
    files = {f"bad{suffix}": case.files} if isinstance(case.files, bytes) else case.files
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.symlink_to(content)
    return folder / next(iter(files))


def _faults(case: Malformed, path: str, seconds: float, kind: str | None, code: int, message: str) -> Iterator[str]:
    shown = message[:LONGEST]
    if code not in REFUSALS:
        yield f"expected {case.error.__name__}, found exit code {code}: {shown}"
        return
    if getattr(errors, str(kind)) is not case.error:
        yield f"expected {case.error.__name__}, found {kind}: {shown}"
    if not re.search(case.says, message):
        yield f"expected a message with {case.says!r}, found {shown}"
    if not message.isprintable() or len(message) > LONGEST:
        yield f"expected one line of at most {LONGEST} characters, found {shown!r}"
    if not message.startswith(path.rpartition("/")[0]):
        yield f"expected the file named first, found {shown}"
    if seconds > SECONDS:
        yield f"expected at most {SECONDS} s, found {seconds:.1f}"
