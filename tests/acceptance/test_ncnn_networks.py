"""Real ncnn networks give what their own runtime gave for real photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinyinfer.loading import load

# folder, file, what is taken off each channel, what divides, channels reversed, (output, its name in ref.npz)
NETWORKS = {
    "squeezenet": ("squeezenet_v1.1/squeezenet_v1.1.param", (104, 117, 123), 1, True, {"prob": "out"}),
    "ultraface": (
        "ultraface_rfb_320/RFB-320.param",
        (127, 127, 127),
        128,
        False,
        {"boxes": "boxes", "scores": "scores"},
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_batch_of_photos(shared: Path, name: str) -> None:
    file, mean, divisor, reverse, names = NETWORKS[name]
    path = shared / "realdata/weights" / file
    reference = np.load(path.parent / "ref.npz")
    pixels = reference["x_u8"][..., ::-1] if reverse else reference["x_u8"]
    x = ((pixels.astype(np.float32) - mean) / divisor).transpose(0, 3, 1, 2)
    model = load(path)
    found = model.run({model.inputs[0][0]: np.ascontiguousarray(x, np.float32)})
    for output, key in names.items():
        expected = reference[key]
        assert np.abs(found[output] - expected).max() < 1e-3 * expected.std()
