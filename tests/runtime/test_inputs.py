"""What callers hand to a network that is no array of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_networks import residual_network

from tinyinfer.errors import InputError
from tinyinfer.model import Model


class Tensor:
    """As torch's tensors do that need gradients, or are of a dtype that NumPy lacks: refuses to become an array."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise self.error


BAD: list[tuple[Any, str]] = [
    ([[1.0, 2.0], [3.0]], "expected numbers, found list that NumPy can't read: .*inhomogeneous"),
    (
        Tensor(RuntimeError("Can't call numpy() on Tensor\n that requires grad.")),
        "found Tensor .*that requires",
    ),
    (Tensor(TypeError("Got unsupported ScalarType BFloat16")), "found Tensor that NumPy can't read: .*BFloat16"),
    (None, "expected numbers, found dtype object"),
    ("photo.jpg", "expected numbers, found dtype <U9"),
    (np.zeros((1, 3, 16, 16), bool), "expected numbers, found dtype bool"),
    (np.zeros((1, 3, 16, 16), complex), "expected numbers, found dtype complex128"),
]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(residual_network(), kernels="reference")


@pytest.mark.parametrize(("value", "message"), BAD)
def test_anything_but_numbers(model: Model, value: Any, message: str) -> None:
    for run in (model, lambda x: model.run({"input": x}), model.profile):
        if run == model.profile and value is None:
            continue  # random numbers, there
        with pytest.raises(InputError, match=f"input 'input': .*{message}"):
            run(value)


@pytest.mark.parametrize("value", [np.zeros((1, 3, 16, 16), np.float32), [[1.0]], "input", None, 5, {1: 2}, Tensor])
def test_run_wants_names(model: Model, value: Any) -> None:
    with pytest.raises(InputError, match=r"inputs: expected arrays by name \(input\), found \w+"):
        model.run(value)
