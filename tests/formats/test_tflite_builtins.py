"""Each TFLite builtin gives what NumPy makes of it in the file's order of dimensions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tflite_cases import CASES, Case
from tflite_writer import one_operator

from tinyinfer.formats.tflite.load import load
from tinyinfer.model import Model


def outside(x: np.ndarray) -> np.ndarray:
    """A value as it is at the face of a network: images NCHW."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x


def run(case: Case, folder: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What the network of this operator makes of random inputs, and what NumPy does."""
    values = case.values()
    expected = [np.asarray(y) for y in case.outputs(values)]
    inputs = [None if v is None else v if isinstance(given, np.ndarray) else v.shape
              for given, v in zip(case.inputs, values, strict=True)]  # fmt: skip
    made = one_operator(case.builtin, inputs, [y.shape for y in expected], case.options or None)
    for index, y in zip(made.outputs, expected, strict=True):
        made.tensors[index][1] = made.tensors[index][1]._replace(value=TYPE_NUMBERS[str(y.dtype)])
    path = folder / "one.tflite"
    path.write_bytes(made.write())
    model = Model(*load(path), kernels="reference")
    feeds = {f"x{i}": outside(v) for i, v in enumerate(values) if v is not None and not isinstance(
        case.inputs[i], np.ndarray)}  # fmt: skip
    found = model.run(feeds)
    return [found[f"y{i}"] for i in range(len(expected))], [outside(y) for y in expected]


OUTSIDE = {"float64": "float32"}  # dtypes that files have, by those in which cases say what is right
TYPE_NUMBERS = {"float32": 0, "float64": 0, "int32": 2, "int64": 4, "bool": 6}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.builtin)
def test_what_a_builtin_makes(case: Case, tmp_path: Path) -> None:
    """Shapes, dtypes and values agree."""
    found, expected = run(case, tmp_path)
    for y, wanted in zip(found, expected, strict=True):
        assert (y.shape, y.dtype) == (wanted.shape, OUTSIDE.get(str(wanted.dtype), wanted.dtype))
        np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-5)
