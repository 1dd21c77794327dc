"""What the CPU has: tiles only where the CPU, the kernel and the user all agree."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tinyinfer.kernels import cpu

ALL = {"amx-tile": True, "amx-bf16": True}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """A CPU with AMX under a Linux that grants the tiles, and what it was asked."""
    calls: list[tuple[int, ...]] = []

    def syscall(*arguments: int) -> int:
        calls.append(arguments)
        return 0

    monkeypatch.delenv("TINYINFER_AMX", raising=False)
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
def test_the_cpu_needs_both_features(asked, monkeypatch, missing):
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
