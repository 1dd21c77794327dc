"""What the CPU has that kernels are made for: vector registers, and tile registers if this process may use them."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys

import llvmlite.binding as llvm

_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA = 158, 0x1023, 18  # asm/unistd_64.h, asm/prctl.h, XFEATURE_XTILE_DATA


def _host_lanes() -> int:
    forced = os.environ.get("TINYINFER_LANES")  # lets the tests run every width on one machine
    if forced:
        return int(forced)
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 16
    return 8 if features.get("avx2") and features.get("fma") else 4


LANES = _host_lanes()  # floats in one vector register: 16 AVX-512, 8 AVX2, 4 NEON and SSE


# a divider that takes 16 floats in fewer cycles than an estimate and its refinement: SiLU takes 0.88 of the time on
# Zen 4, 0.75 on Zen 5
DIVIDES_FAST = llvm.get_host_cpu_name() in ("znver4", "znver5")


def vector_registers() -> int:
    """How many vector registers the CPU names: 32 on AVX-512 and 64-bit Arm, 16 on other x86."""
    arm = llvm.get_process_triple().startswith(("aarch64", "arm64"))
    return 32 if LANES == 16 or arm else 16


@functools.cache
def has_amx() -> bool:
    """Whether tiles can be used: by the CPU, by the kernel, which is asked for them, and by ``TINYINFER_AMX`` (not 0).

    Linux gives the registers' memory only to processes that ask (from 5.16 on); threads and forks inherit it.
    """
    if os.environ.get("TINYINFER_AMX") == "0" or LANES != 16:
        return False
    features = llvm.get_host_cpu_features()
    if not (features.get("amx-tile") and features.get("amx-bf16")):
        return False
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return False
    syscall = ctypes.CDLL(None).syscall
    return bool(syscall(_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA) == 0)


def signature() -> str:
    """What compiled kernels depend on, besides their sources."""
    return f"{llvm.get_host_cpu_name()} {LANES} {has_amx()}"
