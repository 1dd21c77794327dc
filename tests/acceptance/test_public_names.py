"""Every name that a public library knows too is its network, to the rounding of float64, where that is installed.

What can't be compared: torchvision's SSDLite has two outputs (test_ssdlite_against_torchvision.py has them); where
libraries call different networks by one name ours is one of them, said in OTHERS; pytorchcv's checkpoints can be read
for the families that have its layout, and pretrainedmodels' where its keys are ours; others must be refused.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from public_networks import LIBRARIES, error_of, perturb, torch

import tinyinfer as ti
from tinyinfer.errors import WeightsError

TOLERANCE = 1e-9  # the largest rounding seen is 1e-14; the smallest fault was 0.8
SLOW = 4e9  # mult-adds from which a comparison takes about ten seconds

SAME_LAYOUT = ("bninception", "nasnetamobile", "pnasnet5large", "polynet", "senet154", "xception")

OTHERS = {
    ("torchvision", "ssdlite320_mobilenet_v3_large"): "has two outputs: see test_ssdlite_against_torchvision.py",
    ("pretrainedmodels", "nasnetalarge"): "this name is timm's, padded as in TensorFlow; theirs is cadene_nasnetalarge",
}


def must_be_read(library: str, name: str) -> bool:
    """Whether a checkpoint of this library is to be read, not refused."""
    if library == "pretrainedmodels":
        return name in SAME_LAYOUT
    return library != "pytorchcv" or "pytorchcv" in ti.models.key_layouts(name)


def cases() -> list[object]:
    """Library and name of every network that can be compared, or why a library's can't."""
    found: list[object] = []
    for library, module in LIBRARIES.items():
        if problem := module.problem():
            found.append(pytest.param(library, "", marks=pytest.mark.skip(reason=problem)))
            continue
        for name in module.shared_names():
            slow = [pytest.mark.slow] if (ti.models.find(name)[1].macs or 0) > SLOW else []
            reason = OTHERS.get((library, name))
            skip = [pytest.mark.skip(reason=f"{name}: {reason}")] if reason else []
            found.append(pytest.param(library, name, marks=[*slow, *skip]))
    return found


@pytest.mark.parametrize(("library", "name"), cases())
def test_a_name_is_the_librarys_network(library: str, name: str, tmp_path: Path) -> None:
    theirs = LIBRARIES[library].build(name)
    if must_be_read(library, name):
        assert error_of(name, theirs, tmp_path) <= TOLERANCE
    else:
        torch.save(theirs.state_dict(), tmp_path / "checkpoint.pth")
        with pytest.raises(WeightsError):
            ti.convert(tmp_path / "checkpoint.pth", arch=name)


def test_the_comparison_sees_one_vector_that_is_off(tmp_path: Path) -> None:
    """Gains are such that a norm's factor in the middle of a network shows in the output."""
    torchvision = LIBRARIES["torchvision"]
    if problem := torchvision.problem():
        pytest.skip(problem)
    network = torchvision.build("mobilenet_v3_small").eval()
    perturb(network, torch.randn(2, 3, 64, 64))
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        before = network(x)
        network.features[6].block[1][1].weight[3] += 0.01
        assert (network(x) - before).abs().max() / before.std() > 1e-6
