"""Passes for this computer: fusing, choice of kernels, layout and memory."""
