"""Weight norm, spectral norm and pruning folded at load, against torch's own and by their formulas."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import zip_checkpoint

import tinyinfer as ti
from tinyinfer.checkpoints.parametrizations import fold_parametrizations
from tinyinfer.errors import WeightsError


def normed(kind: str, layer: Any, dim: int | None) -> Any:
    torch = pytest.importorskip("torch")
    if kind == "parametrization":
        return torch.nn.utils.parametrizations.weight_norm(layer, dim=dim)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.nn.utils.weight_norm(layer, dim=dim)


@pytest.mark.parametrize("kind", ["parametrization", "legacy"])
@pytest.mark.parametrize("dim", [0, 1, None])
def test_folded_weights_are_torchs(kind: str, dim: int | None) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    conv, linear = normed(kind, torch.nn.Conv2d(3, 5, (3, 2)), dim), normed(kind, torch.nn.Linear(4, 6), dim)
    net = torch.nn.Sequential(conv, torch.nn.BatchNorm2d(5), linear)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(torch.rand_like(parameter) + 0.5)
    state = {key: value.detach().numpy() for key, value in net.state_dict().items()}
    folded = fold_parametrizations(state, where="f")
    plain = torch.nn.Sequential(torch.nn.Conv2d(3, 5, (3, 2)), torch.nn.BatchNorm2d(5), torch.nn.Linear(4, 6))
    assert sorted(folded) == sorted(plain.state_dict())
    for i in (0, 2):
        x = torch.rand(2, *((3, 5, 5) if i == 0 else (4,)))
        plain.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in folded.items()})
        np.testing.assert_allclose(plain[i](x).detach(), net[i](x).detach(), rtol=1e-5, atol=1e-6)
    assert folded["1.weight"] is state["1.weight"]


def test_a_normed_checkpoint_converts(tmp_path: Path) -> None:
    model = ti.models.create("resnet20", seed=3)
    rng, state = np.random.default_rng(0), {}
    for key, weight in model.graph.weights.items():
        if weight.ndim == 4:
            stretch = rng.uniform(0.5, 2, (len(weight), 1, 1, 1)).astype(np.float32)
            state[f"{key}_g"] = np.sqrt(np.square(weight).sum((1, 2, 3), keepdims=True))
            state[f"{key}_v"] = weight * stretch
        else:
            state[key] = weight
    np.savez(tmp_path / "normed.npz", **state)
    found = ti.convert(tmp_path / "normed.npz")
    assert found.meta["arch"] == "resnet20"
    for key, weight in model.graph.weights.items():
        np.testing.assert_allclose(found.graph.weights[key], weight, rtol=1e-5, atol=1e-7)


def test_other_keys_are_left_alone() -> None:
    state = {"gate.weight_g": np.ones(3), "parametrizations.weight.original": np.ones(2), "weight_v": np.ones(1)}
    assert fold_parametrizations(state, where="f") == state


@pytest.mark.parametrize(
    ("g", "v", "more", "message"),
    [
        ((3, 1), (2, 4), {}, r"f.pth: 'fc.weight_g': a length of shape \(3, 1\) does not fit a direction of \(2, 4\)"),
        ((3,), (3, 4), {}, r"does not fit a direction of \(3, 4\)"),
        ((3, 1), (3, 0), {}, "'fc.weight_g': the direction of some of its weights has no length"),
        ((3, 1), (3, 4), {"fc.weight": np.ones((3, 4))}, "but 'fc.weight' is there too"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(
    g: tuple[int, ...], v: tuple[int, ...], more: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        fold_parametrizations({"fc.weight_g": np.ones(g), "fc.weight_v": np.ones(v), **more}, where="f.pth")


KEYS = {"hooks": ("fc.weight_orig", "fc.weight_u", "fc.weight_v")}
KEYS["parametrization"] = tuple(f"fc.parametrizations.weight.{name}" for name in ("original", "0._u", "0._v"))


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize(("shape", "axis"), [((5, 3), 0), ((5, 3, 2, 2), 0), ((3, 6, 2, 2), 1)])
def test_spectral_norm_divides_by_the_largest_singular_value(kind: str, shape: tuple[int, ...], axis: int) -> None:
    weight = np.random.default_rng(0).standard_normal(shape, np.float32)
    matrix = np.moveaxis(weight, axis, 0).reshape(shape[axis], -1)
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    state = dict(zip(KEYS[kind], (weight, left[:, 0].astype(np.float32), right[0].astype(np.float32)), strict=True))
    folded = fold_parametrizations({"before": weight, **state, "fc.bias": weight}, where="f")
    assert list(folded) == ["before", "fc.weight", "fc.bias"]
    np.testing.assert_allclose(folded["fc.weight"], weight / values[0], rtol=1e-5)
    without_v = {key: state[key] for key in KEYS["hooks"][:2]} if kind == "hooks" else state
    np.testing.assert_allclose(fold_parametrizations(without_v, where="f")["fc.weight"], weight / values[0], rtol=1e-5)


@pytest.mark.parametrize("kind", ["hooks", "parametrization"])
def test_spectral_norm_is_torchs(kind: str) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    utils = torch.nn.utils if kind == "hooks" else torch.nn.utils.parametrizations
    layer = utils.spectral_norm(torch.nn.Conv2d(3, 5, 3))
    layer(torch.randn(1, 3, 8, 8))
    layer.eval()(torch.randn(1, 3, 8, 8))
    folded = fold_parametrizations({k: v.numpy() for k, v in layer.state_dict().items()}, where="f")
    np.testing.assert_allclose(folded["weight"], layer.weight.detach().numpy(), rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.bool_])
def test_pruned_weights_are_masked(dtype: type, tmp_path: Path) -> None:
    original = dict(ti.models.create("resnet20").graph.weights)
    rng = np.random.default_rng(0)
    masks = {key: (rng.random(a.shape) < 0.5).astype(dtype) for key, a in original.items() if a.ndim == 4}
    state = {f"{key}_orig" if key in masks else key: array for key, array in original.items()}
    state |= {f"{key}_mask": mask for key, mask in masks.items()}
    (tmp_path / "pruned.pth").write_bytes(zip_checkpoint(state))
    model = ti.convert(tmp_path / "pruned.pth")
    for key, array in original.items():
        np.testing.assert_array_equal(model.graph.weights[key], array * (masks[key] != 0) if key in masks else array)
    assert f"put {len(masks)} weights together" in model.meta["notes"][0]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"_orig": (3, 2), "_mask": (2, 3)}, "a mask of shape"),
        ({"_orig": (3, 2), "_u": (4,), "_v": (2,)}, "a singular vector of shape"),
        ({"_orig": (3, 2), "_u": (3,), "_v": (3,)}, "a singular vector of shape"),
        ({"_orig": (3, 2), "_mask": (3, 2), "": (3, 2)}, "is there too"),
    ],
)
def test_parts_that_do_not_fit(parts: dict[str, tuple[int, ...]], says: str) -> None:
    with pytest.raises(WeightsError, match=says):
        fold_parametrizations({f"fc.weight{name}": np.ones(shape) for name, shape in parts.items()}, where="f.pth")
