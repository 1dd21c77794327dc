"""Post-training quantisation of whole models: calibrate, equalise, quantise, correct biases, and tell what it costs.

``tinyinfer.passes.quantize`` is the step from a graph and its calibration to a quantised graph; here is what has to run
the network.
"""

from tinyinfer.calibration import METHODS, Calibration
from tinyinfer.quantization.calibrate import calibrate

__all__ = ["METHODS", "Calibration", "calibrate"]
