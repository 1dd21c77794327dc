"""The CPU that kernels are made for: its vector registers, and tile registers if this process may use them.

It is the one this process runs on, unless ``TINYINFER_CPU`` names another, by LLVM's name, with features after commas:
"haswell" stands for AVX2, "haswell,-fma" for AVX2 without FMA.  ``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES`` serve
as well.  ``TINYINFER_LANES`` narrows the vectors and changes nothing else.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import subprocess
import sys
from dataclasses import dataclass

import llvmlite
import llvmlite.binding as llvm

from tinyinfer.errors import SetupError
from tinyinfer.kernels.codegen.numba_internals import config

_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA = 158, 0x1023, 18  # asm/unistd_64.h, asm/prctl.h, XFEATURE_XTILE_DATA
_ARM = llvm.get_process_triple().startswith(("aarch64", "arm64"))


@dataclass(frozen=True)
class Cpu:
    """What machine code may count on; ``features`` are as LLVM writes them, empty for those that the name implies."""

    name: str
    features: str
    lanes: int  # floats in one vector register: 16 AVX-512, 8 AVX2, 4 NEON and SSE
    fma: bool
    vnni: bool  # multiplies four 8-bit codes a lane


def _host() -> Cpu:
    """The CPU of this process, less what Numba was told not to use of it."""
    features = llvm.get_host_cpu_features()
    avx = bool(config.ENABLE_AVX)
    lanes = next((lanes for lanes, word in ((16, "avx512f"), (8, "avx2")) if avx and features.get(word)), 4)
    fma = _ARM or bool(avx and features.get("fma"))
    return Cpu(llvm.get_host_cpu_name(), "", lanes, fma, avx and _host_has_vnni(lanes))


def _host_has_vnni(lanes: int) -> bool:
    """Whether this CPU multiplies codes as CPUs with vectors of so many lanes do: AVX-512's and AVX2's forms differ."""
    features = llvm.get_host_cpu_features()
    return bool(features.get("avx512vnni") and features.get("avx512vl") if lanes == 16 else features.get("avxvnni"))


def _chosen() -> Cpu | None:
    """The CPU that the environment names; raises SetupError if LLVM does not know it, or this one lacks its vectors."""
    setting = "TINYINFER_CPU"
    if chosen := os.environ.get(setting):
        name, _, features = chosen.partition(",")
    elif config.CPU_NAME is not None or config.CPU_FEATURES is not None:
        setting = "NUMBA_CPU_NAME, NUMBA_CPU_FEATURES"
        name, features = config.CPU_NAME or "", config.CPU_FEATURES or ""
    else:
        return None
    host, name = _host(), name.strip() or llvm.get_host_cpu_name()
    done = _run(_PROBE, name, features)
    if done.returncode != 0 or done.stderr:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[0]
        found = ",".join(filter(None, (name, features)))
        raise SetupError(f"{setting}: expected a CPU and features that LLVM knows, found {found!r}: {reason}")
    lanes, fma = map(int, done.stdout.split())
    if lanes > host.lanes or fma > host.fma:
        raise SetupError(f"{setting}: {name!r} has vector instructions that this CPU ({host.name}) does not have")
    # features that are not named would be the host's with Numba, beside the other's name
    config.CPU_NAME, config.CPU_FEATURES = name, features
    vnni = _host_has_vnni(lanes) and _run(_VNNI_PROBE, name, features, str(32 * lanes)).returncode == 0
    return Cpu(name, features, lanes, bool(fma), vnni)


def _run(probe: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A probe in a process of its own, as LLVM ends the process where it cannot do what is asked."""
    return subprocess.run([sys.executable, "-c", probe, *arguments], capture_output=True, text=True, check=False)


# LLVM does not go on where it does not know an x86 CPU: how wide the registers are in which that multiplies and adds 16
# floats, and whether that is one instruction.
_PROBE = """
import sys
import llvmlite.binding as llvm

llvm.initialize_native_target()
llvm.initialize_native_asmprinter()
vector = "<16 x float>"
module = llvm.parse_assembly(f'''
declare {vector} @llvm.fma.v16f32({vector}, {vector}, {vector})
define {vector} @f({vector} %a, {vector} %b, {vector} %c) {{
  %sum = call {vector} @llvm.fma.v16f32({vector} %a, {vector} %b, {vector} %c)
  ret {vector} %sum
}}''')
target = llvm.Target.from_triple(llvm.get_process_triple())
machine = target.create_target_machine(cpu=sys.argv[1], features=sys.argv[2])
code = machine.emit_assembly(module)
print(16 if "zmm" in code else 8 if "ymm" in code else 4, int("vfmadd" in code or "fmla" in code))
"""

# Nor where the CPU has no such instruction.
_VNNI_PROBE = """
import sys
import llvmlite.binding as llvm

llvm.initialize_native_target()
llvm.initialize_native_asmprinter()
bits = int(sys.argv[3])
vector = f"<{bits // 32} x i32>"
module = llvm.parse_assembly(f'''
declare {vector} @llvm.x86.avx512.vpdpbusd.{bits}({vector}, {vector}, {vector})
define {vector} @f({vector} %a, {vector} %b, {vector} %c) {{
  %sum = call {vector} @llvm.x86.avx512.vpdpbusd.{bits}({vector} %a, {vector} %b, {vector} %c)
  ret {vector} %sum
}}''')
target = llvm.Target.from_triple(llvm.get_process_triple())
target.create_target_machine(cpu=sys.argv[1], features=sys.argv[2]).emit_assembly(module)
"""

_override = _chosen()
CPU = _override or _host()
LANES = int(os.environ.get("TINYINFER_LANES") or CPU.lanes)  # lets the tests run every width on one machine
HAS_FMA = CPU.fma

# a divider that takes 16 floats in fewer cycles than an estimate and its refinement, which SiLU gains by
DIVIDES_FAST = CPU.name in ("znver4", "znver5")


def vector_registers() -> int:
    """How many vector registers the CPU names: 32 on AVX-512 and 64-bit Arm, 16 on other x86."""
    return 32 if LANES == 16 or _ARM else 16


def has_vnni() -> bool:
    """Whether there is an instruction for products of 8-bit codes, unless ``TINYINFER_VNNI`` is 0."""
    return CPU.vnni and os.environ.get("TINYINFER_VNNI") != "0"


def has_byte_permutes() -> bool:
    """Whether one instruction looks bytes up in two registers of 512 bits, as AVX-512's VBMI does."""
    if LANES != 16 or _override is not None or _ARM:
        return False
    return bool(llvm.get_host_cpu_features().get("avx512vbmi"))


def emulates_amx() -> bool:
    """Whether ``TINYINFER_AMX`` is "emulated": vectors then do what tiles would, slowly, for tests of their kernels."""
    return os.environ.get("TINYINFER_AMX") == "emulated" and LANES == 16


@functools.cache
def has_amx() -> bool:
    """Whether tiles can be used: by the CPU, by the kernel, which is asked for them, and by ``TINYINFER_AMX`` (not 0).

    Linux gives the registers' memory only to processes that ask (from 5.16 on); threads and forks inherit it.
    """
    if emulates_amx():
        return True
    if os.environ.get("TINYINFER_AMX") == "0" or LANES != 16 or _override is not None:
        return False
    features = llvm.get_host_cpu_features()
    if not all(features.get(unit) for unit in ("amx-tile", "amx-bf16", "amx-int8")):
        return False
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return False
    syscall = ctypes.CDLL(None).syscall
    return bool(syscall(_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA) == 0)


# Numba's settings that change the machine code, or what it checks and reports as it runs
_SETTINGS = (
    "OPT", "BOUNDSCHECK", "LOOP_VECTORIZE", "SLP_VECTORIZE", "ENABLE_AVX", "DISABLE_INTEL_SVML", "LLVM_REFPRUNE_PASS",
    "LLVM_REFPRUNE_FLAGS", "DEBUGINFO_DEFAULT", "EXTEND_VARIABLE_LIFETIMES", "ENABLE_PROFILING", "JIT_COVERAGE",
    "NRT_STATS", "DEBUG_NRT", "DEBUG_JIT", "DEBUG_ARRAY_OPT_RUNTIME", "PARFOR_MAX_TUPLE_SIZE",
)  # fmt: skip


def signature() -> str:
    """What compiled kernels depend on, besides their sources and Numba."""
    settings = {name: getattr(config, name, None) for name in _SETTINGS}
    units = f"{has_vnni()} {has_byte_permutes()} {has_amx()} {emulates_amx()}"
    return f"{CPU} {LANES} {units} {llvmlite.__version__} {settings}"
