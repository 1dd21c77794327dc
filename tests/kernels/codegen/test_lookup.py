"""Looking kernels up: by operator and name, bringing in only the files that are needed."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from python_process import printed

from tinyinfer import kernels
from tinyinfer.errors import InputError

FOLDER = Path(kernels.__file__).parent


def test_the_table_of_files_says_what_they_define() -> None:
    names = [".".join(path.relative_to(FOLDER).with_suffix("").parts) for path in FOLDER.rglob("[!_]*.py")]
    modules = {name: importlib.import_module(f"tinyinfer.kernels.{name}") for name in names}
    defined = {
        name: {kernel.op for kernel in module.KERNELS} for name, module in modules.items() if hasattr(module, "KERNELS")
    }
    assert {name: set(ops) for name, ops in kernels._MODULES.items()} == defined


def test_every_kernel_is_found_by_its_name_alone() -> None:
    for module in kernels._MODULES:
        for kernel in importlib.import_module(f"tinyinfer.kernels.{module}").KERNELS:
            assert kernels.find(kernel.op, kernel.name) is kernel
            assert kernel in kernels.list(kernel.op)


def test_an_unknown_kernel_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="no kernel 'fft' for linear; there are: gemm"):
        kernels.find("linear", "fft")
    with pytest.raises(InputError, match="no kernel 'fft' for cumsum; there are: none"):
        kernels.find("cumsum", "fft")
    assert kernels.list("cumsum") == ()


def test_an_operator_brings_in_its_own_files_alone() -> None:
    code = (
        "import sys; from tinyinfer import kernels; kernels.list('linear'); "
        "print(*(m.removeprefix('tinyinfer.kernels.') for m in sys.modules))"
    )
    assert set(printed(code).split()) & set(kernels._MODULES) == {"matmul.pointwise"}
