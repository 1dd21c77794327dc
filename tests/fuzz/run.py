"""Fuzz the readers with atheris: every file loads or is refused by an error of the package, in 5 seconds and 1 GB.

    python tests/fuzz/run.py --seconds 60             every reader, one after the other
    python tests/fuzz/run.py --seconds 600 onnx       one of them
    python tests/fuzz/run.py onnx --file crash-1234   one file again, with its traceback

A file that breaks the promise is kept in --folder, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

TESTS = Path(__file__).resolve().parents[1]
SECONDS, MEGABYTES, LONGEST = 5, 1024, 2**16  # of one file; a sanitised process begins at some 100 MB
sys.path[:0] = [str(TESTS.parent), *(str(TESTS / folder) for folder in ("fuzz", "helpers", "made_files"))]

from fuzz_targets import TARGETS, Target, reader  # noqa: E402


def fuzz(target: Target, seconds: int, folder: Path) -> None:
    """Fuzz in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["tinyinfer"]):  # before the seeds, which import some of it as well
        read = reader(target, Path(tempfile.mkdtemp()))  # no exit is left to atheris where it could be removed
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = list(target.seeds())
    for index, seed in enumerate(seeds):
        (corpus / f"seed-{index}").write_bytes(seed)
    changed = target.change(seeds)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        return changed(data, most, atheris.Mutate, Random(seed))[:most]

    options = {"max_total_time": seconds, "timeout": SECONDS, "rss_limit_mb": MEGABYTES, "max_len": LONGEST}
    arguments = [f"-{name}={value}" for name, value in options.items()]
    arguments += [f"-artifact_prefix={folder}/", "-print_final_stats=1", str(corpus)]
    atheris.Setup([sys.argv[0], *arguments], read, custom_mutator=mutate)
    atheris.Fuzz()


def main() -> int:
    """Fuzz one reader here, or each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", choices=[*TARGETS, []], help="all of them unless said")
    parser.add_argument("--seconds", type=int, default=60, help="for each reader")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="for what was found")
    parser.add_argument("--file", type=Path, help="read this once")
    options = parser.parse_args()
    if options.file:
        with tempfile.TemporaryDirectory() as scratch:
            reader(TARGETS[options.readers[0]], Path(scratch))(options.file.read_bytes())
        return 0
    if len(options.readers) == 1:
        fuzz(TARGETS[options.readers[0]], options.seconds, options.folder / options.readers[0])
    failed = []
    for name in options.readers or TARGETS:
        command = [sys.executable, __file__, name, "--seconds", str(options.seconds), "--folder", str(options.folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
        print(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'}: {summary(done.stderr)}", flush=True)
        if done.returncode:
            print(done.stdout[-3000:] + done.stderr[-3000:])
            failed.append(name)
    return 1 if failed else 0


def summary(text: str) -> str:
    """How many files were read."""
    counts = [line.split()[-1] for line in text.splitlines() if line.startswith("stat::number_of_executed_units")]
    return f"{counts[-1] if counts else 'few'} files"


if __name__ == "__main__":
    sys.exit(main())
