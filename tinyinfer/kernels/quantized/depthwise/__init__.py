"""Depthwise convolution of codes: its kernel, strips of a few rows of outputs, and how weights are packed for them."""
