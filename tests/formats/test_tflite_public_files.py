"""Published TFLite files give what their own runtime gave: outputs of float ones, decisions of quantised ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinyinfer.formats.tflite.load import load
from tinyinfer.model import Model

# folder, file, what the pixels are brought to by (pixel - mean) / std, outputs of float networks in ref.npz
FLOAT = (
    ("mobilenet_v1_0.25_224", "mobilenet_v1_0.25_224_1_default_1.tflite", 127.5, 127.5, ("out",)),
    ("mlperftiny_resnet8_cifar10", "pretrainedResnet.tflite", 0, 1, ("out",)),
    ("mlperftiny_vww_mobilenetv1_0.25_96", "vww_96_float.tflite", 0, 255, ("out",)),
    ("ultraface_rfb_320", "version-RFB-320_without_postprocessing.tflite", 127, 128, ("boxes", "scores")),
    # quantised, against the float run of its weights
    ("mobilenet_v1_0.25_128_quant", "mobilenet_v1_0.25_128_quant.tflite", 128, 128, ("out_float",)),
    ("mobilenet_v1_0.5_160_quant", "mobilenet_v1_0.5_160_quant.tflite", 128, 128, ("out_float",)),
)
# its record is that of the ONNX file, from which the TFLite file differs as much in its own runtime
TOLERANCE = {"ultraface_rfb_320": 1.1e-3}
# and the name of the integers that its runtime gave, class last
DECISIONS = (
    ("mobilenet_v1_0.25_128_quant", "mobilenet_v1_0.25_128_quant.tflite", 128, 128, "out"),
    ("mobilenet_v1_0.5_160_quant", "mobilenet_v1_0.5_160_quant.tflite", 128, 128, "out"),
    ("mlperftiny_resnet8_cifar10", "pretrainedResnet_quant.tflite", 0, 1, "out_int8_raw"),
    ("mlperftiny_vww_mobilenetv1_0.25_96", "vww_96_int8.tflite", 0, 255, "out_int8_raw"),
)


def outputs(
    folder: Path, file: str, mean: float, std: float, kernels: str | None, dequantize: bool = False
) -> tuple[list[np.ndarray], dict]:
    """Outputs for all reference pictures, and what is recorded of them."""
    reference = dict(np.load(folder / "ref.npz"))
    model = Model(*load(folder / file, dequantize=dequantize), threads=1, kernels=kernels)
    pictures = ((reference["x_u8"].astype(np.float32) - mean) / std).transpose(0, 3, 1, 2)
    found = [model.run({model.inputs[0][0]: np.ascontiguousarray(picture[None])}) for picture in pictures]
    return [np.concatenate([values[name] for values in found]) for name in found[0]], reference


@pytest.mark.parametrize(
    ("folder", "file", "mean", "std", "names"), FLOAT, ids=lambda x: x if isinstance(x, str) else ""
)
def test_float_outputs(shared: Path, folder: str, file: str, mean: float, std: float, names: tuple[str, ...]) -> None:
    """Within a thousandth of the outputs' standard deviation, by the textbook's kernels, quantised ones in floats."""
    found, reference = outputs(shared / "realdata" / "weights" / folder, file, mean, std, "reference", True)
    for y, name in zip(found, names, strict=True):
        allowed = TOLERANCE.get(folder, 1e-3) * reference[name].std()
        assert np.abs(y - reference[name]).max() <= allowed


@pytest.mark.parametrize(
    ("folder", "file", "mean", "std", "name"), DECISIONS, ids=lambda x: x if isinstance(x, str) else ""
)
def test_quantised_decisions(shared: Path, folder: str, file: str, mean: float, std: float, name: str) -> None:
    """The class that integers gave, with whatever kernels fit this machine."""
    (found,), reference = outputs(shared / "realdata" / "weights" / folder, file, mean, std, None)
    np.testing.assert_array_equal(found.argmax(1), reference[name].argmax(1))


def test_a_mask_of_a_quantised_network(shared: Path) -> None:
    """In floats, at most as many pixels differ from the float network's as did in the runtime's integers."""
    folder = shared / "realdata" / "weights" / "mobilenetv3_minimalistic_portrait_seg"
    (found,), reference = outputs(folder, "mnv3_post_quant.tflite", 127.5, 127.5, None, True)
    mask = found.argmax(1)
    assert (mask != reference["mask"]).mean() <= (reference["mask_int8"] != reference["mask"]).mean()
