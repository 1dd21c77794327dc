"""The examples of CONTRIBUTING.md work as they stand there."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tinyinfer import kernels, models

OPERATOR = """
from __future__ import annotations
from collections.abc import Sequence
from typing import ClassVar
import numpy as np
from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, integer, operator, require
from tinyinfer.ops.dtypes import ANY_DTYPE
"""
KERNEL = """
from __future__ import annotations
from collections.abc import Sequence
from typing import NamedTuple
import numpy as np
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.parallel.parts import own_range
from tinyinfer.kernels.parallel.task import task
"""


@pytest.fixture
def examples(repository: Path, monkeypatch: pytest.MonkeyPatch) -> list[ModuleType]:
    """The operator's and the kernel's code block as modules."""
    blocks = re.findall(r"```python\n(.*?)```", (repository / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
    modules = []
    for name, imports, block in zip(("operator_example", "kernel_example"), (OPERATOR, KERNEL), blocks, strict=False):
        module = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)  # dataclasses look their module up
        exec(imports + block, module.__dict__)
        modules.append(module)
    return modules


def test_the_kernel_computes_what_the_operator_says(examples: list[ModuleType], rng: np.random.Generator) -> None:
    operator, kernel = examples[0].OPS[0], examples[1].KERNELS[0]
    assert operator.name == kernel.op
    for case in operator.cases():
        x = rng.normal(size=case.inputs[0]).astype(np.float32)
        (expected,) = operator(**case.attrs).reference([x], {})
        for threads in (1, 2):
            np.testing.assert_array_equal(kernels.call(kernel, x, threads=threads, **case.attrs), expected)


def test_the_readme_counts_the_networks_rightly(repository: Path) -> None:
    text = (repository / "README.md").read_text(encoding="utf-8")
    assert f"{len(models.families())} families, {len(models.names())} networks" in text
