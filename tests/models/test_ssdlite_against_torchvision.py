"""SSDLite beside torchvision's own, where that is installed: keys, anchors, outputs, boxes found."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tinyinfer as ti
from tinyinfer.tasks.anchors import Anchors
from tinyinfer.tasks.detection import detect

torch = pytest.importorskip("torch")
try:
    from torchvision.models import detection
except (ImportError, RuntimeError) as error:  # the latter where its C++ operators do not load beside this torch
    pytest.skip(f"torchvision can't be imported: {error}", allow_module_level=True)
if not hasattr(torch.ops.torchvision, "nms"):  # else it fails only when boxes are to be chosen
    pytest.skip("torchvision's C++ operators do not load beside this torch", allow_module_level=True)

NAME = "ssdlite320_mobilenet_v3_large"
THRESHOLD = 0.05
PICTURE = np.random.default_rng(3).integers(0, 256, (8, 8, 3), np.uint8)


@pytest.fixture(scope="module")
def theirs() -> Any:
    """torchvision's, with weights and statistics that neither vanish nor explode."""
    model = detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, score_thresh=THRESHOLD).eval()
    torch.manual_seed(0)
    for key, value in model.state_dict().items():
        if value.ndim > 1:
            value.copy_(torch.randn(value.shape) * 0.85 * (2 / value[0].numel()) ** 0.5)
        elif re.search(r"(running_var|weight)$", key):
            value.copy_(0.7 + 0.6 * torch.rand(value.shape) + 0.1 * key.endswith("weight"))
        elif value.is_floating_point():
            value.copy_(0.1 * torch.randn(value.shape))
    return model


@pytest.fixture(scope="module")
def ours(theirs: Any, tmp_path_factory: pytest.TempPathFactory) -> ti.Model:
    path = Path(tmp_path_factory.mktemp("checkpoint")) / "ssdlite.pth"
    torch.save(theirs.state_dict(), path)
    found = ti.convert(path)
    assert found.meta["arch"] == NAME
    return ti.Model(found.graph, found.meta, kernels="reference")


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return Image.fromarray(PICTURE).resize((320, 320), Image.Resampling.BICUBIC)


def tensor(picture: Image.Image) -> Any:
    return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1).float() / 255


def test_outputs_and_anchors(theirs: Any, ours: ti.Model, picture: Image.Image) -> None:
    with torch.no_grad():
        images, _ = theirs.transform([tensor(picture)])
        maps = list(theirs.backbone(images.tensors).values())
        heads = theirs.head(maps)
    outputs = ours.run({"input": images.tensors.numpy()}).values()
    for found, name in zip(outputs, ("cls_logits", "bbox_regression"), strict=True):
        expected = heads[name].numpy()
        assert np.abs(found - expected).max() <= 1e-4 * expected.std()
    boxes = Anchors.from_meta(ours.meta["anchors"]).boxes(320, 320)
    corners = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)
    np.testing.assert_allclose(corners, theirs.anchor_generator(images, maps)[0].numpy(), atol=1e-3)


def test_the_same_boxes_are_found(theirs: Any, ours: ti.Model, picture: Image.Image) -> None:
    with torch.no_grad():
        (expected,) = theirs([tensor(picture)])
    found = detect(ours, picture, THRESHOLD)
    assert len(found) > 20
    assert [d.index for d in found] == expected["labels"].tolist()
    np.testing.assert_allclose([d.score for d in found], expected["scores"].numpy(), atol=1e-4)
    np.testing.assert_allclose([d.box for d in found], expected["boxes"].numpy(), atol=0.02)
