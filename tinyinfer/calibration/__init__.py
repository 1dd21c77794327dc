"""What values a network computes on real pictures, as histograms, and the range that 8 bits should cover of them."""

from tinyinfer.calibration.calibration import Calibration
from tinyinfer.calibration.histogram import Histogram
from tinyinfer.calibration.ranges import DEFAULT_METHOD, METHODS, find_range

__all__ = ["DEFAULT_METHOD", "METHODS", "Calibration", "Histogram", "find_range"]
