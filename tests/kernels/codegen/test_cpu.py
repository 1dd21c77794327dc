"""What the CPU has: tiles only where the CPU, the kernel and the user all agree; what another that is named has."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from python_process import printed, run_python

from tinyinfer.errors import SetupError
from tinyinfer.kernels.codegen import cpu

ALL = {"amx-tile": True, "amx-bf16": True, "amx-int8": True}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """A CPU with AMX under a Linux that grants the tiles, and what it was asked."""
    calls: list[tuple[int, ...]] = []

    def syscall(*arguments: int) -> int:
        calls.append(arguments)
        return 0

    monkeypatch.delenv("TINYINFER_AMX", raising=False)
    monkeypatch.setattr(cpu, "_override", None)
    monkeypatch.setattr(cpu, "LANES", 16)
    monkeypatch.setattr(cpu.sys, "platform", "linux")
    monkeypatch.setattr(cpu.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(cpu.llvm, "get_host_cpu_features", lambda: ALL)
    monkeypatch.setattr(cpu.ctypes, "CDLL", lambda _: SimpleNamespace(syscall=syscall))
    return calls


def has_amx() -> bool:
    return cpu.has_amx.__wrapped__()


def test_linux_is_asked_for_the_tiles(asked):
    assert has_amx()
    assert asked == [(158, 0x1023, 18)]


def test_a_refusal_counts(asked, monkeypatch):
    monkeypatch.setattr(cpu.ctypes, "CDLL", lambda _: SimpleNamespace(syscall=lambda *_: -1))
    assert not has_amx()


@pytest.mark.parametrize("missing", ALL)
def test_the_cpu_needs_all_features(asked, monkeypatch, missing):
    monkeypatch.setattr(cpu.llvm, "get_host_cpu_features", lambda: ALL | {missing: False})
    assert not has_amx()
    assert asked == []


@pytest.mark.parametrize(("target", "name", "value"), [
    (cpu, "LANES", 8), (cpu.sys, "platform", "darwin"), (cpu.platform, "machine", lambda: "aarch64"),
])  # fmt: skip
def test_other_machines_are_not_asked(asked, monkeypatch, target, name, value):
    monkeypatch.setattr(target, name, value)
    assert not has_amx()
    assert asked == []


def test_the_user_can_switch_them_off(asked, monkeypatch):
    monkeypatch.setenv("TINYINFER_AMX", "0")
    assert not has_amx()
    assert asked == []


def test_emulated_ones_are_not_asked_for(asked, monkeypatch):
    monkeypatch.setenv("TINYINFER_AMX", "emulated")
    assert has_amx()
    assert asked == []


def target(**environment: str) -> str:
    """What a process with these settings makes kernels for."""
    found = "cpu.LANES, cpu.HAS_FMA, cpu.DIVIDES_FAST, cpu.has_amx(), cpu.CPU"
    code = f"from tinyinfer.kernels.codegen import cpu; print({found})"
    cleared = {"TINYINFER_CPU": "", "TINYINFER_LANES": ""}
    return printed(code, **{**cleared, **environment})


x86 = pytest.mark.skipif(cpu.platform.machine() not in ("x86_64", "AMD64"), reason="names of x86 CPUs")
needs_avx2 = pytest.mark.skipif(cpu.CPU.lanes < 8 or not cpu.CPU.fma, reason="a CPU without AVX2 and FMA")


@x86
@needs_avx2
@pytest.mark.parametrize(("setting", "expected"), [
    ({"TINYINFER_CPU": "haswell"}, "8 True False False"),
    ({"TINYINFER_CPU": "haswell,-fma"}, "8 False False False"),
    ({"TINYINFER_CPU": "nehalem"}, "4 False False False"),
    ({"TINYINFER_CPU": "haswell", "TINYINFER_LANES": "4"}, "4 True False False"),
    ({"TINYINFER_CPU": "haswell", "TINYINFER_LANES": "16", "TINYINFER_AMX": "emulated"}, "16 True False True"),
    ({"TINYINFER_CPU": "haswell", "TINYINFER_AMX": "emulated"}, "8 True False False"),
    ({"NUMBA_CPU_NAME": "haswell"}, "8 True False False"),
    ({"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "-avx2,-fma,-avx"}, "4 False False False"),
])  # fmt: skip
def test_another_cpu_can_be_named(setting: dict[str, str], expected: str) -> None:
    assert target(**setting).startswith(expected)


@x86
@needs_avx2
@pytest.mark.parametrize("setting", [{"TINYINFER_CPU": "haswell"}, {"NUMBA_CPU_NAME": "haswell"}])
def test_numba_compiles_for_the_cpu_that_is_named(setting: dict[str, str]) -> None:
    code = (
        "import tinyinfer.kernels.codegen.jit, numba; "
        "f = numba.njit('float32(float32[::1])', fastmath=True)(lambda x: x.sum()); "
        "print(*f.overloads[f.signatures[0]].codegen.magic_tuple()[1:], sep='|'); "
        "print('zmm' in next(iter(f.inspect_asm().values())))"
    )
    assert printed(code, **setting) == "haswell|\nFalse\n"


@x86
@pytest.mark.parametrize("found", ["haswel", "haswell,+warp", "cortex-a72", "i686"])
def test_a_name_that_llvm_does_not_know_is_refused(found: str) -> None:
    """LLVM itself would end the process."""
    done = run_python("import tinyinfer.kernels.codegen.cpu", TINYINFER_CPU=found)
    assert done.returncode == 1
    assert f"SetupError: TINYINFER_CPU: expected a CPU and features that LLVM knows, found '{found}'" in done.stderr


def test_a_cpu_with_more_than_this_one_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "_host", lambda: cpu.Cpu("small", "", 2, False, False))
    monkeypatch.setenv("TINYINFER_CPU", cpu.llvm.get_host_cpu_name())
    with pytest.raises(SetupError, match="has vector instructions that this CPU \\(small\\) does not have"):
        cpu._chosen()


@pytest.mark.parametrize("asked_for", ["haswell", ""])
def test_another_cpu_s_kernels_are_kept_apart(monkeypatch: pytest.MonkeyPatch, asked_for: str) -> None:
    before = cpu.signature()
    monkeypatch.setattr(cpu, "CPU", cpu.Cpu(asked_for, "-fma", cpu.LANES, True, False))
    assert cpu.signature() != before


@x86
@pytest.mark.slow
def test_kernels_without_fma_are_right(tmp_path: Path) -> None:
    """Multiplied and added, which rounds twice: within the same tolerances."""
    code = (
        "from kernel_harness import check_cases; from tinyinfer.kernels.codegen import cpu\n"
        "assert not cpu.HAS_FMA\n"
        "print(all(check_cases(name, 1) for name in ('linear', 'avg_pool2d', 'gelu')))"
    )
    assert printed(code, TINYINFER_CPU="nehalem", TINYINFER_CACHE_DIR=str(tmp_path)) == "True\n"
