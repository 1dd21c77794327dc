"""Operators against recorded outputs of torch, one small case per combination of attributes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinyinfer import ops
from tinyinfer.builder import Builder
from tinyinfer.formats.state_dict import load_weights
from tinyinfer.model import Model
from tinyinfer.models.blocks import SqueezeExcite

Arrays = dict[str, np.ndarray]


def recorded(shared: Path, family: str) -> list[tuple[dict[str, Any], Arrays]]:
    """Attributes and arrays of every case in one file; arrays are called <case>_<role>."""
    cases: dict[str, Arrays] = {}
    with np.load(shared / "golden" / "ops" / f"{family}.npz") as file:
        for key in file.files:
            case, role = key.split("_", 1)
            cases.setdefault(case, {})[role] = file[key]
    return [(json.loads(str(arrays.pop("attrs"))), arrays) for _, arrays in sorted(cases.items())]


def conv2d(attrs: dict[str, Any], a: Arrays) -> np.ndarray:
    mode = attrs.pop("pad_mode").replace("constant", "zeros")
    return ops.reference("conv2d")(a["x"], a["w"], a.get("b"), padding_mode=mode, **attrs)


def pool(attrs: dict[str, Any], a: Arrays, name: str) -> np.ndarray:
    return ops.reference(name)(a["x"], kernel_size=attrs.pop("kernel"), **attrs)


def adaptive(attrs: dict[str, Any], a: Arrays) -> np.ndarray:
    return ops.reference(f"adaptive_{attrs['kind']}_pool2d")(a["x"], output_size=attrs["size"])


def batch_norm(attrs: dict[str, Any], a: Arrays) -> np.ndarray:
    return ops.reference("batch_norm")(a["x"], a["mean"], a["var"], a.get("w"), a.get("b"), **attrs)


def layer_norm(attrs: dict[str, Any], a: Arrays) -> np.ndarray:
    axes = attrs.pop("axes")
    shape = [a["x"].shape[axis] for axis in axes]
    return ops.reference("layer_norm")(a["x"], a.get("w"), a.get("b"), normalized_shape=shape, dim=axes[0], **attrs)


def group_norm(attrs: dict[str, Any], a: Arrays) -> np.ndarray:
    return ops.reference("group_norm")(a["x"], a.get("w"), a.get("b"), num_groups=attrs["groups"], eps=attrs["eps"])


def instance_norm(attrs: dict[str, Any], a: Arrays) -> np.ndarray:
    assert attrs.pop("running") == ("var" in a)
    return ops.reference("instance_norm")(a["x"], a.get("mean"), a.get("var"), a.get("w"), a.get("b"), **attrs)


def shift(attrs: dict[str, Any], a: Arrays) -> np.ndarray:
    return ops.reference("shift")(a["x"], kernel_size=attrs["kernel"], dilation=attrs["dilation"])


def deform_conv2d(attrs: dict[str, Any], a: Arrays) -> np.ndarray:
    return ops.reference("deform_conv2d")(a["x"], a["offset"], a["w"], a.get("b"), mask=a.get("mask"), **attrs)


def conv_transpose2d(attrs: dict[str, Any], a: Arrays) -> np.ndarray:
    return ops.reference("conv_transpose2d")(a["x"], a["w"], a.get("b"), **attrs)


def pixel_shuffle(attrs: dict[str, Any], a: Arrays) -> np.ndarray:
    if attrs["kind"] == "shuffle":
        return ops.reference("pixel_shuffle")(a["x"], upscale_factor=attrs["factor"])
    return ops.reference("pixel_unshuffle")(a["x"], downscale_factor=attrs["factor"])


def max_unpool2d(attrs: dict[str, Any], a: Arrays) -> np.ndarray:
    x, indices = a["x"], a["indices"].astype(np.float32)
    windows = {key: attrs[key] for key in ("stride", "padding")} | {"kernel_size": attrs["kernel"]}
    y = ops.reference("max_unpool2d")(x, indices, **windows, output_size=attrs["output_size"])
    y_like = ops.reference("max_unpool2d")(x, indices, **windows, like=y)
    np.testing.assert_array_equal(y_like, y)
    return y


def activation(attrs: dict[str, Any], a: Arrays) -> np.ndarray:
    if "axis" in attrs:
        attrs["dim"] = attrs.pop("axis")
    weights = [a["w"]] if "w" in a else []
    return function(attrs.pop("name"))(a["x"], *weights, **attrs)


def hardsigmoid_onnx(x: np.ndarray, alpha: float = 0.2, beta: float = 0.5) -> np.ndarray:
    """clip(alpha x + beta, 0, 1), of two operators."""
    line = ops.reference("scale_shift")(np.atleast_2d(x), scale=alpha, shift=beta).reshape(x.shape)
    return ops.reference("hardtanh")(line, min_val=0.0, max_val=1.0)


def glu(x: np.ndarray, dim: int) -> np.ndarray:
    """One half times the sigmoid of the other."""
    value, gate = ops.reference("split")(x, split_size_or_sections=x.shape[dim] // 2, dim=dim)
    return ops.reference("mul")(value, ops.reference("sigmoid")(gate))


# what public networks call operators and we write with those we have
COMPOSED: dict[str, Callable[..., np.ndarray]] = {
    "glu": glu,
    "hardsigmoid_onnx": hardsigmoid_onnx,
    "tf_hardsigmoid": ops.reference("hardsigmoid"),
    "clamp01": lambda x: ops.reference("hardtanh")(x, min_val=0.0, max_val=1.0),
}


def function(name: str) -> Callable[..., np.ndarray]:
    return COMPOSED.get(name) or ops.reference(name)


def squeeze_excite(attrs: dict[str, Any], a: Arrays) -> np.ndarray:
    """Two layers, given as 1x1 convolutions or as linear, with or without bias."""
    y = ops.reference("adaptive_avg_pool2d")(a["x"], output_size=1)
    for i, kind in enumerate((attrs["act"], attrs["gate"]), 1):
        weight = a[f"w{i}"].reshape(*a[f"w{i}"].shape[:2], 1, 1)
        y = function(kind)(ops.reference("conv2d")(y, weight, a.get(f"b{i}")))
    return ops.reference("mul")(a["x"], y)


@pytest.mark.parametrize(("act", "gate"), [("relu", "sigmoid"), ("relu", "hardsigmoid"), ("silu", "sigmoid")])
def test_squeeze_excite_block(shared: Path, act: str, gate: str) -> None:
    """The block that the families share, against the same cases."""
    cases = [a for attrs, a in recorded(shared, "squeeze_excite") if (attrs["act"], attrs["gate"]) == (act, gate)]
    assert cases
    for a in cases:
        b = Builder()
        x = b.input(a["x"].shape[1], a["x"].shape[2:])
        graph = b.finish(SqueezeExcite("se", len(a["w1"]), act, gate, bias="b1" in a)(b, x))
        keys = {f"{role[0]}{i}": f"se.fc{i}.{role}" for i in (1, 2) for role in ("weight", "bias")}
        load_weights(graph, {keys[name]: array for name, array in a.items() if name in keys}, where="squeeze_excite")
        np.testing.assert_allclose(Model(graph, kernels="reference")(a["x"]), a["y"], rtol=1e-5, atol=1e-5)


CALLS: dict[str, tuple[int, Callable[[dict[str, Any], Arrays], np.ndarray]]] = {  # with the least number of cases
    "conv2d": (91, conv2d),
    "max_pool2d": (35, lambda attrs, a: pool(attrs, a, "max_pool2d")),
    "avg_pool2d": (41, lambda attrs, a: pool(attrs, a, "avg_pool2d")),
    "adaptive_pool2d": (20, adaptive),
    "conv_transpose2d": (18, conv_transpose2d),
    "max_unpool2d": (5, max_unpool2d),
    "interpolate": (98, lambda attrs, a: ops.reference("interpolate")(a["x"], **attrs)),
    "pixel_shuffle": (7, pixel_shuffle),
    "local_response_norm": (7, lambda attrs, a: ops.reference("local_response_norm")(a["x"], **attrs)),
    "pad": (10, lambda attrs, a: ops.reference("pad")(a["x"], **attrs)),
    "channel_shuffle": (7, lambda attrs, a: ops.reference("channel_shuffle")(a["x"], **attrs)),
    "batch_norm": (14, batch_norm),
    "layer_norm": (18, layer_norm),
    "group_norm": (6, group_norm),
    "instance_norm": (3, instance_norm),
    "shift": (7, shift),
    "deform_conv2d": (9, deform_conv2d),
    "linear": (6, lambda attrs, a: ops.reference("linear")(a["x"], a["w"], a.get("b"))),
    "activations": (44, activation),
    "squeeze_excite": (8, squeeze_excite),
}


@pytest.mark.parametrize("family", CALLS)
def test_golden_cases(shared: Path, family: str) -> None:
    least, call = CALLS[family]
    cases = recorded(shared, family)
    assert len(cases) >= least
    for attrs, a in cases:
        given = {key: value for key, value in attrs.items() if key != "tag"}
        y = call(given, a)
        assert y.shape == a["y"].shape, attrs
        assert y.dtype == np.float32, attrs
        error = np.abs(y - a["y"]) / np.maximum(1, np.abs(a["y"]))
        assert error.max() <= 1e-5, (attrs, error.max())
