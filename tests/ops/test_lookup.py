"""Looking operators up by name, bringing in only the files that define them."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from python_process import printed

from tinyinfer import ops
from tinyinfer.errors import UnsupportedOpError

FOLDER = Path(ops.__file__).parent


def test_the_table_of_files_says_what_they_define() -> None:
    files = [".".join(path.relative_to(FOLDER).with_suffix("").parts) for path in FOLDER.rglob("[!_]*.py")]
    modules = {name: importlib.import_module(f"tinyinfer.ops.{name}") for name in files}
    defined = {name: tuple(op.name for op in module.OPS) for name, module in modules.items() if hasattr(module, "OPS")}
    assert defined == ops._MODULES
    assert len(ops.names()) == sum(map(len, defined.values()))


@pytest.mark.parametrize("name", ops.names())
def test_every_operator_is_found_by_its_name_alone(name: str) -> None:
    assert ops.get(name).name == name


def test_an_unknown_operator_is_refused_with_near_names() -> None:
    with pytest.raises(UnsupportedOpError, match="operator 'conv2' is not known; near: conv2d"):
        ops.get("conv2")


def test_an_operator_brings_in_its_own_files_alone() -> None:
    code = (
        "import sys; from tinyinfer import ops; ops.get('channel_shuffle'); "
        "print(*(m.removeprefix('tinyinfer.ops.') for m in sys.modules))"
    )
    assert set(printed(code).split()) & set(ops._MODULES) == {"movement.channel_shuffle"}
