"""Published files give the textbook's outputs on matrix units too, which are emulated here."""

from __future__ import annotations

from pathlib import Path

import pytest
from python_process import printed

SCRIPT = """
import sys
import numpy as np
import tinyinfer as ti

path, record, scale = sys.argv[1:]
pixels = np.load(record)["x_u8"][:2].astype(np.float32).transpose(0, 3, 1, 2)
pictures = np.ascontiguousarray((pixels - 127.5) / float(scale))

def outputs(kernels):
    model = ti.load(path, threads=1, kernels=kernels, dequantize=True)
    values = [model.run({model.inputs[0][0]: picture[None]}) for picture in pictures]
    return {name: np.stack([value[name] for value in values]) for name in values[0]}

expected = outputs("reference")
for name, found in outputs(None).items():
    print(np.abs(found - expected[name]).max() / expected[name].std())
"""

FILES = (
    ("fastestdet_shufflenetv2_0.5x_coco", "FastestDet.onnx", 127.5),
    ("mobilenet_v1_0.25_224", "mobilenet_v1_0.25_224_1_default_1.tflite", 127.5),
    ("mobilenet_v1_0.25_128_quant", "mobilenet_v1_0.25_128_quant.tflite", 127.5),
    ("mobilenet_v1_0.5_160_quant", "mobilenet_v1_0.5_160_quant.tflite", 127.5),
    ("ultraface_rfb_320", "RFB-320.param", 127.5),
    ("squeezenet_v1.1", "squeezenet_v1.1.param", 1),
    ("yunet_n_320", "yunet_n_320_320.onnx", 1),
    ("mlperftiny_resnet8_cifar10", "pretrainedResnet.tflite", 1),
)


@pytest.mark.parametrize(("folder", "file", "scale"), FILES, ids=[file for _, file, _ in FILES])
def test_within_a_thousandth_of_the_deviation(shared: Path, folder: str, file: str, scale: float) -> None:
    place = shared / "realdata" / "weights" / folder
    found = printed(SCRIPT, place / file, place / "ref.npz", scale, TINYINFER_AMX="emulated", TINYINFER_LANES="16")
    assert max(map(float, found.split())) <= 1e-3
