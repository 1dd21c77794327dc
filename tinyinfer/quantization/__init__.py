"""Post-training quantisation of whole models: calibrate, equalise, quantise, correct biases, and tell what it costs.

    pictures = ti.quantization.read_pictures("photos/", model)
    int8 = ti.quantization.quantize_model(model, pictures).model

``tinyinfer.passes.quantize`` is the step from a graph and its calibration to a quantised graph; here is what has to run
the network.
"""

from tinyinfer.calibration import METHODS, Calibration
from tinyinfer.quantization.bias_correction import correct_bias
from tinyinfer.quantization.calibrate import calibrate
from tinyinfer.quantization.pictures import Pictures, read_pictures
from tinyinfer.quantization.post_training import Quantized, quantize_model
from tinyinfer.quantization.sensitivity import Sensitivity, sensitivity
from tinyinfer.quantization.settings import Settings

__all__ = [
    "METHODS",
    "Calibration",
    "Pictures",
    "Quantized",
    "Sensitivity",
    "Settings",
    "calibrate",
    "correct_bias",
    "quantize_model",
    "read_pictures",
    "sensitivity",
]
