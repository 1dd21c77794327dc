"""Every kernel at every width of vectors that this machine has, in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import fenced
import numpy as np
import pytest
from kernel_harness import operators_with_kernels
from python_process import HELPERS, LONG, environment

from tinyinfer import kernels
from tinyinfer.kernels.codegen import amx, cpu
from tinyinfer.kernels.codegen.dot_products import PAIRED

ELSEWHERE = {  # kernels that this CPU has no use for
    **({} if amx.available() else {"conv2d": {"bf16x3"}, "gated_conv2d": {"bf16x3"}}),
    **({} if PAIRED else {"quantized_conv2d": {"winograd2x2", "winograd4x4"}}),
}
WIDTHS = [lanes for lanes in (4, 8, 16) if lanes <= cpu.CPU.lanes]


def run_helper(name: str, lanes: int) -> subprocess.CompletedProcess[str]:
    """A helper's own run, of all operators, with vectors of so many lanes."""
    return subprocess.run(
        [sys.executable, str(HELPERS / name)],
        env=environment(TINYINFER_LANES=str(lanes)), capture_output=True, text=True, timeout=LONG,
    )  # fmt: skip


OTHERS = [pytest.param(lanes, marks=pytest.mark.exhaustive) for lanes in WIDTHS if lanes != cpu.LANES]


@pytest.mark.parametrize("lanes", [cpu.LANES, *OTHERS])
def test_kernels_of_every_width(lanes: int) -> None:
    """Both runs in one test: most of their time goes into compiling, which the second has no need for."""
    if lanes != cpu.LANES:  # of which the other tests are
        run = run_helper("kernel_harness.py", lanes)
        assert run.returncode == 0, run.stderr[-3000:]
        first, *counts = run.stdout.splitlines()
        assert first == f"lanes {lanes}"
        assert [count.split()[0] for count in counts if not count.endswith(" 0")] == operators_with_kernels()
    if sys.platform != "win32":  # pages are protected with mprotect; a stray read ends the process
        run = run_helper("fenced.py", lanes)
        assert run.stdout.endswith("done\n"), f"{run.stdout[-500:]}{run.stderr[-2000:]} (exit {run.returncode})"


@pytest.mark.parametrize("name", operators_with_kernels())
def test_every_kernel_runs_between_fences(name: str) -> None:
    problems = list(fenced.problems(name, np.random.default_rng(0)))
    idle = {kernel.name for kernel in kernels.list(name) if not any(map(kernel.takes, problems))}
    assert idle <= ELSEWHERE.get(name, set()), f"{name}: give fenced.py a problem for {idle}"
