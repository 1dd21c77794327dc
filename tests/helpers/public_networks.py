"""Public libraries' networks with random weights, and how far ours of the same name are from them.

Both sides compute in float64: some of these networks are chaotic with random weights, and differ from themselves
between float32 and float64.  Ours is the converted graph in torch's operators, each of which
tests/test_torch_cross_check.py holds to the reference in this package.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tinyinfer as ti

torch = pytest.importorskip("torch")
TorchGraph = pytest.importorskip("tinyinfer.bench.torch_peer.graph").TorchGraph


@dataclass(frozen=True)
class Library:
    """A library of networks: the names it knows, and what builds one without public weights."""

    module: str
    names: Callable[[], set[str]]
    build: Callable[[str], Any]

    def problem(self) -> str | None:
        """Why the library can't be used, if it can't: it, or what it imports, is missing or does not load."""
        try:
            self.names()
        except (ImportError, RuntimeError, AttributeError) as error:
            return f"{self.module} can't be used: {error}"
        return None

    def shared_names(self) -> list[str]:
        """Names and aliases of ours that the library knows too."""
        variants = [variant for family in ti.models.families().values() for variant in family.variants]
        known = self.names()
        return [name for variant in variants for name in (variant.name, *variant.aliases) if name in known]


def _torchvision_names() -> set[str]:
    from torchvision.models import list_models

    return set(list_models())


def _torchvision(name: str) -> Any:
    from torchvision.models import get_model_builder

    builder = get_model_builder(name)
    taken = inspect.signature(builder).parameters
    options = {"weights": None, "weights_backbone": None, "init_weights": False}
    return builder(**{key: value for key, value in options.items() if key in taken})


def _timm_names() -> set[str]:
    import timm

    return set(timm.list_models())


def _timm(name: str) -> Any:
    import timm

    return timm.create_model(name, pretrained=False)


def _pytorchcv_names() -> set[str]:
    from pytorchcv import model_provider

    return set(model_provider._models)


def _pytorchcv(name: str) -> Any:
    from pytorchcv.model_provider import get_model

    return get_model(name, pretrained=False)


def _pretrainedmodels_names() -> set[str]:
    import pretrainedmodels

    return set(pretrainedmodels.model_names)


def _pretrainedmodels(name: str) -> Any:
    import pretrainedmodels

    return pretrainedmodels.__dict__[name](num_classes=1000, pretrained=None)


LIBRARIES = {
    "torchvision": Library("torchvision", _torchvision_names, _torchvision),
    "timm": Library("timm", _timm_names, _timm),
    "pytorchcv": Library("pytorchcv", _pytorchcv_names, _pytorchcv),
    "pretrainedmodels": Library("pretrainedmodels", _pretrainedmodels_names, _pretrainedmodels),
}


def error_of(name: str, theirs: Any, folder: Path) -> float:
    """Largest difference of ``name``, converted from the weights of ``theirs``, in standard deviations of the output.

    ``theirs`` gets random weights.  Both see a picture of the network's nominal size.
    """
    shape = ti.models.build(name).inputs[0].nominal
    torch.manual_seed(0)
    perturb(theirs, torch.randn(2, *shape[1:]))
    path = folder / "checkpoint.pth"
    torch.save(theirs.state_dict(), path)
    ours = TorchGraph(ti.convert(path, arch=name).graph)
    path.unlink()
    x = torch.randn(1, *shape[1:], dtype=torch.float64)
    with torch.inference_mode():
        expected, found = theirs.double().eval()(x), ours.double().eval()(x)
    expected = expected["out"] if isinstance(expected, dict) else expected
    assert expected.shape == found.shape
    return float((found - expected).abs().max() / expected.std())


def perturb(network: Any, pictures: Any) -> None:
    """Random weights that tell one definition from another.

    Matrices are normal with variance 2 / fan-in.  Vectors are all different: factors of norms, biases, and running
    statistics around those of ``pictures``, so that no signal vanishes or grows until gates no longer see it.
    """
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        for key, value in network.named_parameters():
            if sum(size > 1 for size in value.shape) > 1:
                value.normal_(std=(2 / value[0].numel()) ** 0.5)
            elif key.endswith("bias"):
                value.normal_(std=0.1)
            else:
                value.uniform_(0.8, 1.4)
        network.eval()
        for norm in norms:
            norm.train().momentum = 1.0
        network(pictures)
        for norm in norms:
            norm.eval()
            spread = norm.running_var.sqrt()
            norm.running_mean += 0.2 * spread * torch.randn_like(spread)
            norm.running_var *= torch.empty_like(spread).uniform_(0.6, 1.5)
